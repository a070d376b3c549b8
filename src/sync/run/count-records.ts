/** How much there is to read, asked of each list with one small request. */
import type { Resource } from '../../catalog/resource.ts'
import { endsTheRun } from '../../errors/sync-error.ts'
import { fetchFirstPage } from '../../remote/pages/forward-pages.ts'
import { readKnown } from '../../store/progress/known.ts'
import { openReadPlan } from '../list/open-read-plan.ts'
import type { SnapshotDeps } from '../snapshot/snapshot-options.ts'
import { withDbRetry } from '../with-db-retry.ts'

/** @returns null where it cannot be said: no list of its own, or one that does not answer. */
export async function countRecords(
  deps: SnapshotDeps,
  resource: Resource,
  signal: AbortSignal,
): Promise<number | null> {
  const known = await withDbRetry(() => readKnown(deps.sql, resource.type), signal)
  const { plan } = await openReadPlan(deps, resource, known, signal)
  if (plan.read.from !== 'list' || plan.request === null) return null
  try {
    const { include: _, ...query } = plan.request.query
    const page = await fetchFirstPage(deps.client, { ...plan.request, query, pageSize: 1 }, signal)
    return page.recordCount
  } catch (error) {
    // Its reading will say what is wrong.
    if (endsTheRun(error)) throw error
    return null
  }
}
