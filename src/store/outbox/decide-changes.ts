/**
 * What a person decides about many changes at once, on the command line and on the dashboard. All are looked at before the first is
 * acted on: a wrong id among them must not leave half of it done.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../connection/database.ts'
import {
  checkActionAllowed,
  discardChange,
  findChange,
  resolveChange,
  retryChange,
  type ChangeAction,
} from './changes.ts'

export const DECISIONS = ['retry', 'discard', 'keep local', 'keep remote'] as const

export type ChangeDecision = (typeof DECISIONS)[number]

export const actionOf = (decision: ChangeDecision): ChangeAction =>
  decision === 'retry' || decision === 'discard' ? decision : 'resolve'

/**
 * @returns the ids, each when it is done.
 * @throws SyncError SYNC_USAGE
 */
export async function* decideChanges(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  decision: ChangeDecision,
  ids: readonly number[],
): AsyncGenerator<number, void, void> {
  for (const id of ids) checkActionAllowed(actionOf(decision), await findChange(sql, id))
  for (const id of ids) {
    // Discarding a new row discards what waits behind it, which may be named here, too.
    const gone = decision === 'discard' && (await findChange(sql, id)).state === 'discarded'
    if (!gone) await act(sql, catalog, decision, id)
    yield id
  }
}

function act(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  decision: ChangeDecision,
  id: number,
): Promise<void> {
  if (decision === 'retry') return retryChange(sql, id)
  if (decision === 'discard') return discardChange(sql, catalog, id)
  return resolveChange(sql, catalog, id, decision === 'keep local' ? 'local' : 'remote')
}
