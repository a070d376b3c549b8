/** Checks whether the list that is read hides records. */
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import type { Database } from '../../store/connection/database.ts'
import { idsByFlag } from '../../store/mirror/ids.ts'
import { determineScope, isOtherList } from '../list/filter-scope.ts'
import type { OpenReadPlan } from '../list/open-read-plan.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly catalog: ReadonlyMap<string, Resource>
}

/** @returns the plan with the lists it needs; the same object where nothing is hidden. */
export function findHiddenRecords(
  { sql, client, catalog }: Deps,
  resource: Resource,
  plan: ReadPlan,
  count: number | null,
  signal: AbortSignal,
): Promise<ReadPlan> {
  const { read } = plan
  const listed = read.from === 'included' ? catalog.get(read.list)! : resource
  const examples = async (filters: readonly string[]) => {
    const column = listed.columns.find(({ member, kind }) => kind === 'boolean' && filters[0] === `filter[${member}]`)
    if (column === undefined) return { first: [], others: [] }
    const { yes, no } = await withDbRetry(() => idsByFlag(sql, listed.table, column.name), signal)
    const [first, others] = listed.completeFilters[column.member]?.startsWith('true') === true ? [yes, no] : [no, yes]
    return { first, others }
  }
  return determineScope({ client, signal, examples }, plan, count)
}

/** Before some of the records are read. @returns undefined where another list is needed, or some may be in none. */
export async function planThatHidesNone(
  deps: Deps,
  resource: Resource,
  opened: OpenReadPlan,
  signal: AbortSignal,
): Promise<ReadPlan | undefined> {
  const { plan } = opened
  const found = await findHiddenRecords(deps, resource, plan, null, signal)
  if (isOtherList(found, plan) || found.scope?.unsettled === true) return undefined
  if (found !== plan) await opened.remember(found)
  return found
}
