/**
 * Reads one resource whole.
 *
 *   lease ──► cursor: an unfinished snapshot goes on, else a new one ──► batches, committed as they come
 *         ──► judge: proved whole, or read again ──► sweep: what a whole list no longer holds
 */
import { isDeepStrictEqual } from 'node:util'
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import type { Database } from '../../store/connection/database.ts'
import { confirmLease, type Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { acceptingLosses, type SeenMembers } from '../../store/mirror/seen-members.ts'
import { followFrom, PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { beginSnapshot, endSnapshot, readAsOf, readSnapshot, type Snapshot } from '../../store/progress/checkpoint.ts'
import { recordGoneMembers } from '../../store/progress/drift.ts'
import { clearPageCache, clearPageCacheBehind, recordBodiesRead } from '../../store/progress/page-cache.ts'
import { closeParkedRecords } from '../../store/progress/parked-records.ts'
import { advanceWatermark } from '../../store/progress/watermark.ts'
import type { Outcome } from '../../store/runs/runs.ts'
import { detectDeletes } from '../deletes/detect-deletes.ts'
import { earlierClockTime } from '../earlier-clock.ts'
import type { Parent } from '../list/completeness.ts'
import { saveDeclaration } from '../list/declared-columns.ts'
import { planForBothEnds, needsBothEnds, withSmallerPages, applyFacts, withNewFacts } from '../list/list-facts.ts'
import { requestDigest, type ListContext } from '../list/list-request.ts'
import { openReadPlan, type OpenReadPlan, type ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { HIDDEN_RECORDS, NO_COUNTS, readLists, addCounts, type NeedsOtherList } from './read-lists.ts'
import type { PassDeps } from './snapshot-pass.ts'
import type { SnapshotProgress } from './snapshot-passes.ts'
import { flagWithheld, readExpectedMembers, saveSeenMembers } from './withheld-members.ts'

export interface SnapshotDeps extends ListContext {
  readonly sql: Database
  readonly client: Client
  readonly concurrency: number
  /** Share of a table's rows that one sweep may bury, in percent. */
  readonly deleteLimit: number
  /** Days for which a page is believed to be unchanged because the server says so; then every page is transferred once. */
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
  /** Begin anew even when an interrupted snapshot could go on. */
  readonly restart: boolean
  /** Parse and load every page, even those that did not change. */
  readonly reloadAll: boolean
  readonly allowMassDelete: boolean
  /** Take it for right that records lack what every one of them had. */
  readonly acceptWithheld: boolean
  /** An interrupted snapshot that began then or later goes on, however old; null: only a young one does. */
  readonly resumeFrom: Date | null
  /** Of a reading of changes: from this day on, whatever was read before; null: since the watermark. */
  readonly since: Date | null
  readonly signal: AbortSignal
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** Of an older one the first pages would pass as newer than they are. */
const RESUME_WITHIN_MS = 12 * 60 * 60_000

/** Lists that a run reads one after another because the last one hides some; counts that keep changing would go on for ever. */
const MOST_LISTS = 3

export async function pullSnapshot(deps: SnapshotDeps, options: SnapshotOptions): Promise<SnapshotResult> {
  const { resource, signal } = options
  const expected = await withDbRetry(() => readExpectedMembers(deps.sql, resource), signal)
  const interrupted = !options.restart && (await withDbRetry(() => readSnapshot(deps.sql, resource.type), signal))
  // What every record carries shows only where every record is looked at: not in one that goes on, but in the next.
  const unknown = expected === undefined && !interrupted
  const afresh = options.reloadAll || options.acceptWithheld || unknown
  if (afresh) await withDbRetry(() => clearPageCache(deps.sql, resource.type), signal)
  const asking = await openReadPlan(deps, resource, signal)
  let { plan: question } = asking
  let before = NO_COUNTS
  let lists = 1
  for (;;) {
    try {
      let settled = question
      const settle = async (answered: ReadPlan): Promise<void> => {
        settled = answered
        await asking.remember(answered)
      }
      const lighter = withSmallerPages(applyFacts(question))
      const isLast = lists === MOST_LISTS
      const found = await readThrough(deps, options, { question, lighter, expected, settle, isLast })
      if (!('needs' in found)) {
        // At its end only: with other pages, what was interrupted would begin anew.
        const learned = withNewFacts(settled, asking.now)
        if (learned !== undefined) await asking.remember(learned)
        const result = addCounts(found, before)
        return await withDbRetry(() => flagWithheld(deps.sql, resource, result), signal)
      }
      question = found.needs
      before = found
      lists++
    } catch (error) {
      const next = isPastPagingLimit(error) ? planForBothEnds(question, asking.now) : await asking.next(error, question)
      if (next === undefined) throw error
      question = next
    }
  }
}

interface Asked {
  readonly question: ReadPlan
  /** The same with pages that are not too much. */
  readonly lighter: ReadPlan
  readonly expected: SeenMembers | undefined
  readonly settle: OpenReadPlan['remember']
  readonly isLast: boolean
}

async function readThrough(
  deps: SnapshotDeps,
  options: SnapshotOptions,
  { question: asked, lighter: question, expected, settle, isLast }: Asked,
): Promise<SnapshotResult | NeedsOtherList> {
  const { sql } = deps
  const { resource, lease, signal, acceptWithheld: accepted } = options
  const { type, table, byProject } = resource
  const { read, request } = question
  const digest = requestDigest(request, resource)
  const snapshot = await withDbRetry(() => resumeOrBegin(sql, options, question, digest), signal)
  const parent = read.from === 'each' || read.from === 'below' ? parentOf(snapshot, read.parent) : null
  const mirror = createMirror(resource, accepted ? acceptingLosses(expected) : expected)
  const follow = type === PARENT_RESOURCE ? await withDbRetry(() => toFollow(deps, snapshot), signal) : false
  const pass: PassDeps = { ...deps, resource, question, digest, lease, signal }
  const { onProgress } = options
  const reading = { deps, pass, asked, settle, isLast, begun: snapshot, mirror, follow, parent, onProgress }
  const found = await readLists(reading)
  if ('needs' in found) return found
  const { verdict, listPages, parsedAll, transferredAll, unsettled, ...counts } = found

  const { allowMassDelete } = options
  const unread = counts.parked > 0 || unsettled
  const swept = verdict.complete
    ? await detectDeletes(deps, { resource, question, lease, mirror, signal, allowMassDelete, unread })
    : { deleted: 0, outcome: null }
  const doubt = verdict.complete && unsettled ? HIDDEN_RECORDS : null
  const said = [verdict.message, swept.outcome?.message ?? swept.message, doubt?.message]
  const message = said.filter((one) => typeof one === 'string').join(' ') || null
  const { outcome } = swept.outcome ?? doubt ?? verdict
  // Nothing can be newer than what it was asked for by.
  const upTo = await withDbRetry(() => earlierClockTime(deps, snapshot.startedAt), signal)
  const asOf = new Date(Math.min(snapshot.startedAt.getTime(), parent?.asOf?.getTime() ?? Infinity))
  const end = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      if (verdict.complete) await closeParkedRecords(tx, type, snapshot.startedAt)
      const metAll = parsedAll && counts.seen > 0
      if (verdict.complete && metAll) await recordGoneMembers(tx, type, mirror.unseenAttributes(), counts.seen)
      const { startedAt } = snapshot
      await saveSeenMembers(tx, resource, {
        mirror,
        expected,
        startedAt,
        whole: verdict.complete,
        parsedAll: metAll,
        accepted,
      })
      if (verdict.complete && listPages !== null) await clearPageCacheBehind(tx, type, listPages)
      // Records that are set aside are told of as such; of all the others it is as good as whole.
      const settled = verdict.complete && swept.outcome === null && doubt === null
      if (settled && transferredAll) await recordBodiesRead(tx, type)
      if (settled) await saveDeclaration(tx, resource)
      if (settled) await advanceWatermark(tx, resource, upTo)
      if (settled && byProject !== undefined) await followFrom(tx, type, startedAt)
      await endSnapshot(tx, type, { table, asOf: settled ? asOf : null, pages: listPages })
    })
  await withDbRetry(end, signal)
  return { ...counts, outcome, message, deleted: swept.deleted }
}

const DAY_MS = 24 * 60 * 60_000

/**
 * What belongs to a project may be read before the project is, and change in between. The first time every project is new,
 * and only of those that changed lately can that be so; a day is for clocks that differ.
 */
async function toFollow(deps: SnapshotDeps, { startedAt }: Snapshot): Promise<true | Date> {
  if ((await readAsOf(deps.sql, PARENT_RESOURCE)) !== null) return true
  return new Date((await earlierClockTime(deps, startedAt)).getTime() - DAY_MS)
}

async function resumeOrBegin(
  sql: Database,
  { resource: { type }, lease, restart, resumeFrom }: SnapshotOptions,
  question: ReadPlan,
  digest: string,
): Promise<Snapshot> {
  const { read, ordered, also } = question
  const left = restart ? undefined : await readSnapshot(sql, type)
  const byParent = read.from === 'each' || read.from === 'below'
  const asked = { way: read, digest, ...(also === undefined ? {} : { lists: 2 }) }
  const usable =
    left !== undefined &&
    isDeepStrictEqual(askedBy(left), asked) &&
    (resumeFrom === null ? left.ageMs < RESUME_WITHIN_MS : left.startedAt >= resumeFrom) &&
    // Which of its records were known before could have changed since.
    (byParent || (ordered && !needsBothEnds(question) && (left.chains as unknown[] | null)?.length !== 0))
  if (usable) return left
  // Noted at the beginning: the parents that are read first are of that time, however late the last ones are read.
  const noted = byParent ? { ...asked, parentsAsOf: await readAsOf(sql, read.parent) } : asked
  return await sql.begin(async (tx) => {
    await confirmLease(tx, lease)
    return await beginSnapshot(tx, type, noted)
  })
}

/** Without what was noted beside it. */
function askedBy({ request }: Snapshot): unknown {
  const { parentsAsOf: _, ...asked } = (request ?? {}) as Record<string, unknown>
  return request === null ? null : asked
}

function parentOf({ request }: Snapshot, type: string): Parent {
  const { parentsAsOf } = (request ?? {}) as { parentsAsOf?: string | Date | null }
  return { type, asOf: parentsAsOf === undefined || parentsAsOf === null ? null : new Date(parentsAsOf) }
}
