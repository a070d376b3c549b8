/** Reads the list of a resource, looks for what it hides, and reads the other one too where both are needed. */
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
  /** As it is remembered, where `pass` asks for smaller pages. */
  readonly asked: ReadPlan
  readonly settle: OpenReadPlan['remember']
  /** Another list is not read any more in this run, whatever is counted. */
  readonly isLast: boolean
  readonly mirror: Mirror
  readonly follow: boolean | Date
  readonly parent: Parent | null
  readonly onProgress: (progress: SnapshotProgress) => void
}

type Found = Awaited<ReturnType<typeof readPasses>>

/** It was read, and hides some: what it needs is another list. */
export interface NeedsOtherList extends Tally {
  readonly needs: ReadPlan
}

/** @returns besides what was found, whether some record may be in no list. */
export async function readLists(reading: Reading): Promise<NeedsOtherList | (Found & { readonly unsettled: boolean })> {
  const { deps, pass, asked, settle, isLast, begun, mirror, follow, ...rest } = reading
  const { sql, resource, question, lease, signal } = pass
  const { type, table } = resource
  const onAnswer = () => settle(asked)
  const common = { ...rest, refused: refusedFilters(question.wanted, negotiatedRequest(question)), onAnswer }
  const read = (by: PassDeps, snapshot: Snapshot): Promise<Found> => {
    const committer = createBatchWriter({ sql, type, table, lease, mirror, question: by.digest, follow })
    return readPasses({ ...common, deps: by, begun: snapshot, committer })
  }

  // Of two lists an earlier process may have read the first.
  const own = begun.pass > SECOND_LIST ? undefined : await read(pass, begun)
  const needed = own === undefined ? asked : await findHiddenRecords(deps, resource, asked, own.expected, signal)
  if (needed !== asked) await settle(needed)
  if (own !== undefined && isOtherList(needed, asked)) {
    return isLast ? { ...own, unsettled: true } : { ...own, needs: needed }
  }
  const unsettled = needed.scope?.unsettled === true
  const { also } = question
  if (own !== undefined && (also === undefined || !own.verdict.complete)) return { ...own, unsettled }
  const lighter = withSmallerPages(applyFacts({ ...question, request: also! }))
  const other = { ...pass, question: lighter, digest: requestDigest(lighter.request, resource) }
  const found = together(own, await read(other, await beginOther(pass, begun)))
  return { ...found, seen: await withDbRetry(() => countSeenInAllPasses(sql, type), signal), unsettled }
}

const isOtherList = (one: ReadPlan, other: ReadPlan): boolean =>
  !isDeepStrictEqual([one.request, one.also], [other.request, other.also])

/** Passes of their own: what either list held was met. */
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

/** Of two lists, each with its own count: what one of them had was met before. */
function together(one: Found | undefined, other: Found): Found {
  const both = { ...other, expected: null, listPages: null }
  // The mirror of an earlier process knows which members the first one showed.
  if (one === undefined) return { ...both, parsedAll: false, transferredAll: false }
  return {
    ...both,
    ...added(other, one),
    parked: Math.max(one.parked, other.parked),
    unchanged: Math.max(0, one.unchanged + other.unchanged - one.inserted - one.updated),
    parsedAll: one.parsedAll && other.parsedAll,
    transferredAll: one.transferredAll && other.transferredAll,
    verdict: one.verdict.outcome === 'ok' ? other.verdict : { ...one.verdict, complete: other.verdict.complete },
  }
}

type Tally = Pick<SnapshotResult, 'inserted' | 'updated' | 'pages'>

const added = (one: Tally, other: Tally): Tally => ({
  inserted: one.inserted + other.inserted,
  updated: one.updated + other.updated,
  pages: one.pages + other.pages,
})

export const NO_COUNTS: Tally = { inserted: 0, updated: 0, pages: 0 }

/** What a list that was read first has written, too. */
export const addCounts = (found: SnapshotResult, before: Tally): SnapshotResult => ({
  ...found,
  ...added(found, before),
  unchanged: Math.max(0, found.unchanged - before.inserted - before.updated),
})

/** Where nothing else is wrong. */
export const HIDDEN_RECORDS = {
  outcome: 'incomplete',
  message:
    'What its filters find does not add up, so that some records may be in no list that can be asked for. All that any ' +
    'list holds was read, and the next run counts again. If this stays, report it with this line.',
} as const
