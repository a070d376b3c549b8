/**
 * Reads every record of a resource and compares it with its row, by the values of the columns: missing, extra, different.
 * It keeps no checkpoint and leaves that of an interrupted pull alone.
 */
import type { Resource } from '../../catalog/resource.ts'
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { readWithColumns } from '../../store/columns/decisions.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { extraIds } from '../../store/mirror/compare.ts'
import { editedIds } from '../../store/mirror/local-edits.ts'
import { countLiving, type CompleteList, type ProvedMissing } from '../../store/mirror/tombstones.ts'
import { recountRows } from '../../store/progress/checkpoint.ts'
import { readKnown } from '../../store/progress/known.ts'
import { confirmAndMarkDeleted, massDeleteWarning } from '../deletes/detect-deletes.ts'
import { refusedFiltersMessage } from '../list/completeness.ts'
import { getRecords } from '../list/get-record.ts'
import { planForBothEnds, withSmallerPages, applyFacts } from '../list/list-facts.ts'
import { refusedFilters } from '../list/list-request.ts'
import { openReadPlan } from '../list/open-read-plan.ts'
import { negotiatedRequest, type ReadPlan } from '../list/read-plan.ts'
import { leaveIdsOnly } from '../list/unused-types.ts'
import { findHiddenRecords } from '../snapshot/hidden-records.ts'
import { HIDDEN_RECORDS } from '../snapshot/read-lists.ts'
import type { SnapshotDeps } from '../snapshot/snapshot-options.ts'
import { expectedMembers, notComparedMessage } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createDifferences, type Difference } from './differences.ts'
import { readEveryRecord, type Reading } from './read-every-record.ts'

export interface VerifyResult {
  readonly resource: string
  /** Different records read. */
  readonly read: number
  readonly missing: number
  readonly extra: number
  readonly different: number
  readonly refused: number
  readonly repaired: number
  /** Rows with local edits, which were not compared. */
  readonly edited: number
  /** What could not be compared, and what to do about it; null when everything was. */
  readonly doubt: string | null
}

export interface VerifyOptions {
  readonly resource: Resource
  readonly lease: Lease
  readonly repair: boolean
  readonly signal: AbortSignal
  readonly onDifference: (difference: Difference) => void
  readonly onProgress: (read: number, total: number | null) => void
}

/** Each costs a request. */
const MOST_CHECKED = 1000

type Verifying = VerifyOptions & Reading

export async function verifyResource(deps: SnapshotDeps, options: VerifyOptions): Promise<VerifyResult> {
  const { sql } = deps
  const { signal } = options
  const { type, table } = options.resource
  const known = await withDbRetry(() => readKnown(sql, type), signal)
  const resource = await withDbRetry(() => readWithColumns(sql, options.resource), signal)
  const expected = expectedMembers(known.capabilities, resource)
  let lacksKeys = false
  const onDifference = (difference: Difference): void => {
    lacksKeys ||= lacksKey(resource, difference)
    options.onDifference(difference)
  }
  const differences = createDifferences({ ...options, onDifference, resource, sql, expected })
  const verifying: Verifying = { ...options, resource, known, differences, seen: new Set(), isEtagWrong: false }
  const asking = await openReadPlan(deps, resource, known, signal)
  let { plan } = asking
  for (;;) {
    try {
      plan = await findHiddenRecords(deps, resource, plan, null, signal)
      const lighter = withSmallerPages(applyFacts(plan))
      // With all that comes along, whatever pulls leave out: what it lacks for that would be missing here and there alike.
      const every = await readEveryRecord(deps, verifying, lighter)
      await leaveIdsOnly(known.capabilities, lighter.request, { lacksKeys }, signal)
      const doubts = [
        'doubt' in every ? every.doubt : await checkExtra(deps, verifying, lighter, every.list),
        verifying.isEtagWrong ? WRONG_ETAGS : null,
        notComparedMessage(resource, differences.lacking(), verifying.seen.size),
        notListed(plan),
      ].filter((doubt) => doubt !== null)
      const doubt = doubts.length === 0 ? null : doubts.join(' ')
      const { counts } = differences
      if (counts.repaired > 0) await withDbRetry(() => recountRows(sql, type, table), signal)
      const others = (await withDbRetry(() => editedIds(sql, resource), signal)).filter((id) => !verifying.seen.has(id))
      const edited = new Set([...differences.edited, ...others]).size
      return { resource: type, read: verifying.seen.size, ...counts, edited, doubt }
    } catch (error) {
      const next = isPastPagingLimit(error) ? planForBothEnds(plan, known.now) : await asking.next(error, plan)
      if (next === undefined) throw error
      plan = next
    }
  }
}

/** As a row does that was read from a page without its linkage. */
const lacksKey = ({ columns }: Resource, { columns: differing }: Difference): boolean =>
  differing.some(({ name, mirror }) => {
    const from = columns.find((column) => column.name === name)?.from
    return from === 'to-many' || (from === 'to-one' && mirror === null)
  })

const WRONG_ETAGS =
  'ScopeStack gives pages that differ one ETag, so pulls took pages for unchanged that were not. From now on every page is ' +
  'transferred and compared by its content: pull --full, then verify again.'

/** Why some records may be in none of the lists; null when all are. */
function notListed(plan: ReadPlan): string | null {
  if (plan.scope?.unsettled === true) return HIDDEN_RECORDS.message
  const refused = refusedFilters(plan.wanted, negotiatedRequest(plan))
  return refused.length === 0 ? null : refusedFiltersMessage(refused)
}

/** Rows that the list lacks are extra only where a request for their record finds none. A record that is found is compared. */
async function checkExtra(
  deps: SnapshotDeps,
  verifying: Verifying,
  plan: ReadPlan,
  list: CompleteList,
): Promise<string | null> {
  const { sql, client, slug, concurrency } = deps
  const { resource, repair, signal, differences, seen } = verifying
  const { from } = plan.read
  // A singleton has no address but the one that was read.
  if (from === 'singleton') return null
  const candidates = await withDbRetry(() => extraIds(sql, resource, seen), signal)
  if (candidates.length === 0) return null
  const checked = candidates.slice(0, MOST_CHECKED)
  const known = [...seen].slice(0, 3)
  const answers = await getRecords({ client, slug, resource, plan, concurrency, signal }, known, checked)
  if (answers === null) {
    return (
      `${rows(candidates.length)} not in the list, and ScopeStack answers for no single record of it, so that nothing ` +
      'proves them deleted. They are kept. If two whole pulls, hours apart, miss them too, the second marks them deleted.'
    )
  }
  const gone: string[] = []
  let unsure = 0
  for await (const some of answers) {
    unsure += some.unsure.length
    gone.push(...some.gone)
    // A document has its parent's id, not its own.
    if (from !== 'each') await differences.compare(some.records)
  }
  differences.extra(gone)
  const left = candidates.length - checked.length
  const doubts: string[] = []
  if (left > 0) doubts.push(`${rows(left)} not in the list and not checked one by one. Pull it, then verify it again.`)
  if (unsure > 0)
    doubts.push(`${rows(unsure)} not in the list, and requests for them did not show why. Verify it again later.`)
  const suspect =
    repair && gone.length > 0 ? await repairExtra(deps, verifying, plan, { ids: gone, list, left, known }) : null
  if (suspect !== null) doubts.push(suspect)
  return doubts.length === 0 ? null : doubts.join(' ')
}

const rows = (count: number): string => (count === 1 ? '1 row is' : `${count} rows are`)

interface Extra extends ProvedMissing {
  /** Not in the list either, and not checked. */
  readonly left: number
  readonly known: readonly string[]
}

/** @returns why nothing was marked deleted; null when it was. */
async function repairExtra(
  deps: SnapshotDeps,
  { resource, lease, signal, differences }: Verifying,
  plan: ReadPlan,
  { left, known, ...missing }: Extra,
): Promise<string | null> {
  const { sql, deleteLimit } = deps
  const { type } = resource
  const living = await withDbRetry(() => countLiving(sql, resource), signal)
  const suspect = massDeleteWarning({ type, count: missing.ids.length + left, living, deleteLimit })
  if (suspect !== null) return suspect
  const confirmed = await confirmAndMarkDeleted(deps, { resource, plan, lease, signal, known }, missing)
  differences.counts.repaired += confirmed?.deleted ?? 0
  return null
}
