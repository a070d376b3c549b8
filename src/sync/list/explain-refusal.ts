/** What the refusal of a list means. */
import type { Resource } from '../../catalog/resource.ts'
import { accountNotFound } from '../../errors/credentials.ts'
import { forbidden, listNotFound } from '../../errors/resources.ts'
import { endsTheRun, hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { isNotFound } from './list-request.ts'

/** Every account has this list, so it distinguishes a missing list from a wrong account. */
const EVERY_ACCOUNT_HAS = 'projects'

/**
 * A 403 or 404 as an error that names what is missing; any other error as it is.
 *
 * @throws SyncError what ends the run meanwhile, as a stop.
 */
export async function explainRefusal(
  { client, slug }: { client: Client; slug: string },
  resource: Resource,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (hasCode(error, 'SYNC_FORBIDDEN')) return forbidden({ url: error.facts.url, resource: resource.type })
  if (!isNotFound(error)) return error
  const { url } = error.facts
  try {
    await fetchPage(client, { path: `/${slug}/v1/${EVERY_ACCOUNT_HAS}`, query: {}, pageSize: 1 }, 1, signal)
  } catch (probe) {
    if (endsTheRun(probe)) throw probe
    if (isNotFound(probe)) return accountNotFound({ url, slug })
  }
  return listNotFound({ url, resource: resource.type })
}
