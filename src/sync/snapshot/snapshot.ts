/**
 * A snapshot reads one resource completely, page by page, and survives interruption at any point.
 *
 *   read plan ──► checkpoint: an interrupted snapshot goes on, else a new one begins (`resume.ts`)
 *     ──► passes: batches of pages, each written with its checkpoint in one transaction (`snapshot-passes.ts`)
 *     ──► completeness: proved, or another pass (`list/completeness.ts`)
 *     ──► hidden records: does another list hold more? then that one, or both (`read-lists.ts`)
 *     ──► deletes: rows that a complete list no longer holds (`deletes/detect-deletes.ts`)
 *     ──► finish: watermark, declaration, `as of` (`finish-snapshot.ts`)
 *
 * A refused request leads to the next read plan, from the beginning. A lost lease or a fault ends it; what is committed
 * stays, and the next run goes on from the checkpoint.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { acceptingLosses, type SeenMembers } from '../../store/mirror/seen-members.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { readAsOf, readSnapshot, type Snapshot } from '../../store/progress/checkpoint.ts'
import { clearPageCache } from '../../store/progress/page-cache.ts'
import type { Outcome } from '../../store/runs/runs.ts'
import { detectDeletes } from '../deletes/detect-deletes.ts'
import { earlierClockTime } from '../earlier-clock.ts'
import { planForBothEnds, withSmallerPages, applyFacts, withNewFacts } from '../list/list-facts.ts'
import { requestDigest, type ListContext } from '../list/list-request.ts'
import { openReadPlan, type OpenReadPlan, type ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { finishSnapshot } from './finish-snapshot.ts'
import { HIDDEN_RECORDS, NO_COUNTS, readLists, addCounts, type NeedsOtherList } from './read-lists.ts'
import { parentOf, resumeOrBegin } from './resume.ts'
import type { PassDeps } from './snapshot-pass.ts'
import type { SnapshotProgress } from './snapshot-passes.ts'
import { flagWithheld, readExpectedMembers } from './withheld-members.ts'

export interface SnapshotDeps extends ListContext {
  readonly sql: Database
  readonly client: Client
  readonly concurrency: number
  /** Share of a table's rows that one run may mark deleted, in percent. */
  readonly deleteLimit: number
  /** Days for which a 304 is trusted; then every page is transferred once. */
  readonly recheckDays: number
}

export interface SnapshotResult {
  readonly outcome: Outcome
  readonly message: string | null
  readonly expected: number | null
  readonly seen: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
  readonly parked: number
  readonly pages: number
}

export interface SnapshotOptions {
  /** The run it is part of. */
  readonly runId?: number
  readonly resource: Resource
  readonly lease: Lease
  /** Begin again even where an interrupted snapshot could go on. */
  readonly restart: boolean
  /** Parse and load every page, even those that did not change. */
  readonly reloadAll: boolean
  readonly allowMassDelete: boolean
  /** Accept that records lack members that every record had. */
  readonly acceptWithheld: boolean
  /** An interrupted snapshot that began then or later goes on, however old; null: only a young one does. */
  readonly resumeFrom: Date | null
  /** For an incremental read: changes since this day; null: since the watermark. */
  readonly since: Date | null
  readonly signal: AbortSignal
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** A list that hides records is followed by another one. Counts that keep changing must not make that endless. */
const MOST_LISTS = 3

export async function pullSnapshot(deps: SnapshotDeps, options: SnapshotOptions): Promise<SnapshotResult> {
  const { resource, signal } = options
  const expected = await withDbRetry(() => readExpectedMembers(deps.sql, resource), signal)
  const interrupted = !options.restart && (await withDbRetry(() => readSnapshot(deps.sql, resource.type), signal))
  // Which members every record carries shows only in a read that parses every record, so not in one that goes on.
  const unknown = expected === undefined && !interrupted
  const parseAll = options.reloadAll || options.acceptWithheld || unknown
  if (parseAll) await withDbRetry(() => clearPageCache(deps.sql, resource.type), signal)
  const opened = await openReadPlan(deps, resource, signal)
  let { plan } = opened
  let before = NO_COUNTS
  let lists = 1
  for (;;) {
    try {
      let worked = plan
      const remember = async (answered: ReadPlan): Promise<void> => {
        worked = answered
        await opened.remember(answered)
      }
      const lighter = withSmallerPages(applyFacts(plan))
      const isLast = lists === MOST_LISTS
      const found = await readBy(deps, options, { plan, lighter, expected, remember, isLast })
      if (!('needs' in found)) {
        // Not before: with another page size, an interrupted snapshot would have to begin again.
        const learned = withNewFacts(worked, opened.now)
        if (learned !== undefined) await opened.remember(learned)
        const result = addCounts(found, before)
        return await withDbRetry(() => flagWithheld(deps.sql, resource, result), signal)
      }
      plan = found.needs
      before = found
      lists++
    } catch (error) {
      const next = isPastPagingLimit(error) ? planForBothEnds(plan, opened.now) : await opened.next(error, plan)
      if (next === undefined) throw error
      plan = next
    }
  }
}

interface Attempt {
  readonly plan: ReadPlan
  /** The same, with pages the server can answer. */
  readonly lighter: ReadPlan
  readonly expected: SeenMembers | undefined
  readonly remember: OpenReadPlan['remember']
  readonly isLast: boolean
}

async function readBy(
  deps: SnapshotDeps,
  options: SnapshotOptions,
  { plan: original, lighter: plan, expected, remember, isLast }: Attempt,
): Promise<SnapshotResult | NeedsOtherList> {
  const { sql } = deps
  const { resource, lease, signal, acceptWithheld, allowMassDelete, onProgress } = options
  const digest = requestDigest(plan.request, resource)
  const snapshot = await withDbRetry(() => resumeOrBegin(sql, options, plan, digest), signal)
  const parent = parentOf(snapshot, plan)
  const mirror = createMirror(resource, acceptWithheld ? acceptingLosses(expected) : expected)
  const isParent = resource.type === PARENT_RESOURCE
  const follow = isParent ? await withDbRetry(() => changedFrom(deps, snapshot), signal) : false
  const pass: PassDeps = { ...deps, resource, plan, digest, lease, signal }
  const reading = { deps, pass, original, remember, isLast, begun: snapshot, mirror, follow, parent, onProgress }
  const found = await readLists(reading)
  if ('needs' in found) return found
  const { completeness, listPages, parsedAll, transferredAll, unsettled, ...counts } = found

  const { complete } = completeness
  const unread = counts.parked > 0 || unsettled
  const detected = complete
    ? await detectDeletes(deps, { resource, plan, lease, mirror, signal, allowMassDelete, unread })
    : { deleted: 0, outcome: null }
  const doubt = complete && unsettled ? HIDDEN_RECORDS : null
  const trusted = complete && detected.outcome === null && doubt === null
  const { seen } = counts
  const proof = { complete, trusted, seen, listPages, parsedAll, transferredAll }
  await finishSnapshot(deps, options, { ...proof, snapshot, parent, mirror, expected })
  const message = joined([completeness.message, detected.outcome?.message ?? detected.message, doubt?.message])
  const { outcome } = detected.outcome ?? doubt ?? completeness
  return { ...counts, outcome, message, deleted: detected.deleted }
}

const DAY_MS = 24 * 60 * 60_000

const joined = (messages: readonly (string | null | undefined)[]): string | null =>
  messages.filter((one) => typeof one === 'string').join(' ') || null

/**
 * Which written projects are noted as changed. Children may be read before their project is, and change in between. At the
 * first read every project is new, and only children of those that changed lately can be out of date; the day is for clocks
 * that differ.
 */
async function changedFrom(deps: SnapshotDeps, { startedAt }: Snapshot): Promise<true | Date> {
  if ((await readAsOf(deps.sql, PARENT_RESOURCE)) !== null) return true
  return new Date((await earlierClockTime(deps, startedAt)).getTime() - DAY_MS)
}
