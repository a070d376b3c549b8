/** Finds the types of undeclared relationships: linkage only comes with an include (API notes §2). */
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import type { Tally } from './evidence.ts'

/** Small: what is included may be large, such as everything that hangs on a project. */
const RECORDS = 10

/**
 * One by one, since one that is refused would get all refused. A relationship that the server does not include keeps its
 * unknown end.
 */
export async function readRelationshipTypes(
  client: Client,
  list: ListRequest,
  tally: Tally,
  members: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const member of members) {
    const request = { ...list, query: { ...list.query, include: member }, pageSize: RECORDS }
    try {
      const opening = await fetchPage(client, request, 1, signal)
      for (const record of opening.records) tally.addEnd(record, member)
      const { pageCount } = opening
      if (tally.ends.get(member)!.types.size > 0 || pageCount === null || pageCount < 2) continue
      // Old records may have an empty relationship where new ones have one.
      const ending = await fetchPage(client, request, pageCount, signal)
      for (const record of ending.records) tally.addEnd(record, member)
    } catch (error) {
      if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    }
  }
}
