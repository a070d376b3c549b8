/** Reads the list of a resource, checks whether it hides records, and reads the second list too where both are needed. */
import { isDeepStrictEqual } from 'node:util'
import { confirmLease } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { countSeenInAllPasses, openPass, type Snapshot } from '../../store/progress/checkpoint.ts'
import type { Parent } from '../list/completeness.ts'
import { negotiatedRequest } from '../list/filter-scope.ts'
import { withSmallerPages, applyFacts } from '../list/list-facts.ts'
import { requestDigest, refusedFilters } from '../list/list-request.ts'
import type { OpenReadPlan, ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { findHiddenRecords } from './hidden-records.ts'
import type { PassDeps } from './snapshot-pass.ts'
import { SECOND_LIST, readPasses, type SnapshotProgress } from './snapshot-passes.ts'
import type { SnapshotDeps, SnapshotResult } from './snapshot.ts'
import { createBatchWriter } from './write-batch.ts'

interface Reading {
  readonly deps: SnapshotDeps
  readonly pass: PassDeps
  readonly begun: Snapshot
  /** The plan to remember, where `pass` requests smaller pages. */
  readonly original: ReadPlan
  readonly remember: OpenReadPlan['remember']
  /** No other list is read in this run, whatever is counted. */
  readonly isLast: boolean
  readonly mirror: Mirror
  readonly follow: boolean | Date
  readonly parent: Parent | null
  readonly onProgress: (progress: SnapshotProgress) => void
}

type Found = Awaited<ReturnType<typeof readPasses>>

/** The list was read and hides records: another one is needed. */
export interface NeedsOtherList extends Tally {
  readonly needs: ReadPlan
}

/** @returns with the result, whether some record may be in no list (`unsettled`). */
export async function readLists(reading: Reading): Promise<NeedsOtherList | (Found & { readonly unsettled: boolean })> {
  const { deps, pass, original, remember, isLast, begun, mirror, follow, ...rest } = reading
  const { sql, resource, plan, lease, signal } = pass
  const { type, table } = resource
  const onAnswer = () => remember(original)
  const common = { ...rest, refused: refusedFilters(plan.wanted, negotiatedRequest(plan)), onAnswer }
  const read = (by: PassDeps, snapshot: Snapshot): Promise<Found> => {
    const committer = createBatchWriter({ sql, type, table, lease, mirror, digest: by.digest, follow })
    return readPasses({ ...common, deps: by, begun: snapshot, committer })
  }

  // Where there are two lists, an earlier process may have read the first.
  const own = begun.pass > SECOND_LIST ? undefined : await read(pass, begun)
  const needed = own === undefined ? original : await findHiddenRecords(deps, resource, original, own.expected, signal)
  if (needed !== original) await remember(needed)
  if (own !== undefined && isOtherList(needed, original)) {
    return isLast ? { ...own, unsettled: true } : { ...own, needs: needed }
  }
  const unsettled = needed.scope?.unsettled === true
  const { also } = plan
  if (own !== undefined && (also === undefined || !own.completeness.complete)) return { ...own, unsettled }
  const lighter = withSmallerPages(applyFacts({ ...plan, request: also! }))
  const other = { ...pass, plan: lighter, digest: requestDigest(lighter.request, resource) }
  const found = together(own, await read(other, await beginOther(pass, begun)))
  return { ...found, seen: await withDbRetry(() => countSeenInAllPasses(sql, type), signal), unsettled }
}

const isOtherList = (one: ReadPlan, other: ReadPlan): boolean =>
  !isDeepStrictEqual([one.request, one.also], [other.request, other.also])

/** The second list has passes of its own: what either list held was seen. */
async function beginOther({ sql, resource, lease, signal }: PassDeps, snapshot: Snapshot): Promise<Snapshot> {
  if (snapshot.pass > SECOND_LIST) return snapshot
  const begun = { ...snapshot, pass: SECOND_LIST + 1, chains: null, position: null }
  const open = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await openPass(tx, resource.type, { pass: begun.pass, chains: null, count: null, pageSize: null })
    })
  await withDbRetry(open, signal)
  return begun
}

/** Each list has its own count, and what the first one held was seen before. */
function together(one: Found | undefined, other: Found): Found {
  const both = { ...other, expected: null, listPages: null }
  // Which members the first list showed is known to the mirror of an earlier process only.
  if (one === undefined) return { ...both, parsedAll: false, transferredAll: false }
  return {
    ...both,
    ...added(other, one),
    parked: Math.max(one.parked, other.parked),
    unchanged: Math.max(0, one.unchanged + other.unchanged - one.inserted - one.updated),
    parsedAll: one.parsedAll && other.parsedAll,
    transferredAll: one.transferredAll && other.transferredAll,
    completeness:
      one.completeness.outcome === 'ok'
        ? other.completeness
        : { ...one.completeness, complete: other.completeness.complete },
  }
}

type Tally = Pick<SnapshotResult, 'inserted' | 'updated' | 'pages'>

const added = (one: Tally, other: Tally): Tally => ({
  inserted: one.inserted + other.inserted,
  updated: one.updated + other.updated,
  pages: one.pages + other.pages,
})

export const NO_COUNTS: Tally = { inserted: 0, updated: 0, pages: 0 }

/** Adds the counts of a list that was read before. */
export const addCounts = (found: SnapshotResult, before: Tally): SnapshotResult => ({
  ...found,
  ...added(found, before),
  unchanged: Math.max(0, found.unchanged - before.inserted - before.updated),
})

/** The outcome where nothing else is wrong. */
export const HIDDEN_RECORDS = {
  outcome: 'incomplete',
  message:
    'What its filters find does not add up, so that some records may be in no list that can be asked for. All that any ' +
    'list holds was read, and the next run counts again. If this stays, report it with this line.',
} as const
