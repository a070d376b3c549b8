/**
 * A snapshot reads one resource completely, page by page, and survives interruption at any point.
 *
 *   read plan ──► checkpoint: an interrupted snapshot goes on, else a new one begins (`resume.ts`)
 *     ──► passes: batches of pages, each written with its checkpoint in one transaction (`read-lists.ts`)
 *     ──► completeness: proved, or another pass (`list/completeness.ts`)
 *     ──► hidden records: does another list hold more? then that one, or both (`read-lists.ts`)
 *     ──► deletes: rows that a complete list no longer holds (`deletes/detect-deletes.ts`)
 *     ──► finish: watermark, declaration, `as of` (`finish-snapshot.ts`)
 *
 * A refused request leads to the next read plan, from the beginning. A lost lease or a fault ends it; what is committed
 * stays, and the next run goes on from the checkpoint.
 */
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { acceptingLosses, type SeenMembers } from '../../store/mirror/seen-members.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { closeEmptySnapshot } from '../../store/progress/checkpoint.ts'
import { clearPageCache } from '../../store/progress/page-cache.ts'
import { databaseTime } from '../../store/progress/watermark.ts'
import { detectDeletes } from '../deletes/detect-deletes.ts'
import { gapMessage, parkedMessage, type Completeness } from '../list/completeness.ts'
import { requestDigest } from '../list/declared-columns.ts'
import { planForBothEnds, withSmallerPages, applyFacts, withNewFacts } from '../list/list-facts.ts'
import { openReadPlan, type OpenReadPlan } from '../list/open-read-plan.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { leaveIdsOnly, withoutUnused, type Reduced } from '../list/unused-types.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'
import { finishSnapshot } from './finish-snapshot.ts'
import { HIDDEN_RECORDS, NO_COUNTS, readLists, addCounts, type NeedsOtherList } from './read-lists.ts'
import { parentOf, resumeOrBegin, type Earlier, type OpenSnapshot } from './resume.ts'
import type { PassDeps, SnapshotDeps, SnapshotOptions, SnapshotResult } from './snapshot-options.ts'
import { expectedMembers, flagWithheld, shownByAll } from './withheld-members.ts'

/** A list that hides records is followed by another one. Counts that keep changing must not make that endless. */
const MOST_LISTS = 3

export async function pullSnapshot(deps: SnapshotDeps, options: SnapshotOptions): Promise<SnapshotResult> {
  const { resource, known, signal } = options
  const expected = expectedMembers(known.capabilities, resource)
  const { filled, ...begin } = await whereToBegin(deps, options, expected)
  let earlier: Earlier = begin
  const opened = await openReadPlan(deps, resource, known, signal)
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
      const { capabilities, pages } = known
      const how = { lastPages: pages, resumes: earlier.left !== undefined }
      const reduced = await withoutUnused({ ...deps, capabilities, signal }, resource, lighter, how)
      const found = await readBy(deps, options, { plan, lighter: reduced, expected, earlier, filled, remember, isLast })
      if (!('needs' in found)) {
        // Not before: with another page size, an interrupted snapshot would have to begin again.
        const learned = withNewFacts(worked, known.now)
        if (learned !== undefined) await opened.remember(learned)
        return addCounts(found, before)
      }
      plan = found.needs
      before = found
      lists++
    } catch (error) {
      const next = isPastPagingLimit(error) ? planForBothEnds(plan, known.now) : await opened.next(error, plan)
      if (next === undefined) throw error
      plan = next
    }
    // What was parked by the plan before does not count against this one.
    earlier = { left: undefined, now: await withDbRetry(() => databaseTime(deps.sql), signal) }
  }
}

/** What is left of an earlier run, and whether the page cache may hold pages. */
async function whereToBegin(
  { sql }: SnapshotDeps,
  { resource: { type }, known, lease, restart, reloadAll, acceptWithheld, signal }: SnapshotOptions,
  expected: SeenMembers | undefined,
): Promise<Earlier & { readonly filled: boolean }> {
  const { snapshot, now, cached } = known
  if (restart && snapshot !== undefined) await lease.transaction((tx) => closeEmptySnapshot(tx, type, true))
  const left = restart ? undefined : snapshot
  // Which members every record carries shows only in a read that parses every record, so not in one that goes on.
  const parseAll = reloadAll || acceptWithheld || (expected === undefined && left === undefined)
  if (parseAll && cached) await withDbRetry(() => clearPageCache(sql, type), signal)
  return { left, now, filled: cached && !parseAll }
}

interface Attempt {
  readonly plan: ReadPlan
  /** The same, with pages the server can answer, and without what is not used. */
  readonly lighter: Reduced
  readonly expected: SeenMembers | undefined
  readonly earlier: Earlier
  /** The page cache may hold some of its pages. */
  readonly filled: boolean
  readonly remember: OpenReadPlan['remember']
  readonly isLast: boolean
}

async function readBy(
  deps: SnapshotDeps,
  options: SnapshotOptions,
  { plan: original, lighter: { plan, opening }, expected, earlier, filled, remember, isLast }: Attempt,
): Promise<SnapshotResult | NeedsOtherList> {
  const { sql } = deps
  const { resource, known, lease, signal, acceptWithheld, allowMassDelete, onProgress } = options
  const { capabilities } = known
  await waitForParent(deps, plan)
  const digest = requestDigest(plan.request, resource)
  const snapshot = await withDbRetry(() => resumeOrBegin(sql, options, plan, digest, earlier), signal)
  const parent = parentOf(snapshot, plan)
  const mirror = createMirror(resource, acceptWithheld ? acceptingLosses(expected) : expected)
  const pass: PassDeps = { ...deps, resource, plan, digest, known, lease, signal }
  const follow = changedFrom(options, snapshot)
  const writer = createRecordWriter({ resource, lease, mirror, follow })
  const begun = { begun: snapshot, writer, mirror, parent, filled, sharing: howShared(options, follow), onProgress }
  const reading = { deps, pass, original, remember, isLast, opening, ...begun }
  const found = await readLists(reading)
  if ('needs' in found) return found
  const { completeness, listPages, parsedAll, transferredAll, unsettled, held, members, ...counts } = found

  const list = completeness.complete ? completeness.list : null
  const unread = counts.parked > 0 || unsettled
  const detected =
    list === null
      ? { deleted: 0, outcome: null }
      : await detectDeletes(deps, { resource, plan, list, lease, capabilities, signal, allowMassDelete, held, unread })
  const doubt = list !== null && unsettled ? HIDDEN_RECORDS : null
  const trusted = detected.outcome === null && doubt === null
  const { seen } = counts
  const proof = { list, trusted, seen, listPages, parsedAll, transferredAll }
  const withheld = await finishSnapshot(options, {
    ...proof,
    snapshot,
    parent,
    shown: shownByAll(mirror, members),
    expected,
  })
  await leaveIdsOnly(capabilities, plan.request, { withheld: withheld.length > 0 }, signal)
  const read = outcomeOf(completeness, counts.parked)
  const message = joined([read.message, detected.outcome?.message ?? detected.message, doubt?.message])
  const { outcome } = detected.outcome ?? doubt ?? read
  return flagWithheld(resource, withheld, { ...counts, outcome, message, deleted: detected.deleted })
}

function howShared({ runId, acceptWithheld }: SnapshotOptions, follow: 'written' | Date) {
  const how = { acceptWithheld, followSince: follow === 'written' ? null : follow.toISOString() }
  return runId === undefined ? undefined : { runId, how }
}

/** What is read below the records of another resource is as complete as those are. */
async function waitForParent({ whenRead }: SnapshotDeps, { read }: ReadPlan): Promise<void> {
  if (read.from === 'each' || read.from === 'below') await whenRead?.(read.parent)
}

/** Of the read itself. Parked records were seen, so the list is complete with them; the mirror is not. */
function outcomeOf(completeness: Completeness, parked: number): Pick<SnapshotResult, 'outcome' | 'message'> {
  if (!completeness.complete) return { outcome: 'incomplete', message: gapMessage(completeness.gap) }
  return parked === 0 ? { outcome: 'ok', message: null } : { outcome: 'incomplete', message: parkedMessage(parked) }
}

const DAY_MS = 24 * 60 * 60_000

/**
 * Which written projects are noted as changed. Children may be read before their project is, and change in between. At the
 * first read every project is new, and only children of those that changed lately can be out of date; the day is for clocks
 * that differ.
 */
const changedFrom = ({ resource, known, aheadMs }: SnapshotOptions, { startedAt }: OpenSnapshot): 'written' | Date =>
  resource.type === PARENT_RESOURCE && known.asOf === null
    ? new Date(startedAt.getTime() - aheadMs - DAY_MS)
    : 'written'

const joined = (messages: readonly (string | null | undefined)[]): string | null =>
  messages.filter((one) => typeof one === 'string').join(' ') || null
