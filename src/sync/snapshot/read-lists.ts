/** Reads the list of a resource, looks for what it hides, and reads the other one too where both are needed. */
import { isDeepStrictEqual } from 'node:util'
import { confirmLease } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { countMet, openPass, type Snapshot } from '../../store/progress/checkpoint.ts'
import type { Parent } from '../list/completeness.ts'
import { negotiatedOf } from '../list/filter-scope.ts'
import { lightened, recallLearned } from '../list/list-facts.ts'
import { digestOf, refusedFilters } from '../list/list-request.ts'
import type { Asking, Question } from '../list/read-plan.ts'
import { reconnecting } from '../with-db-retry.ts'
import { lookForHidden } from './hidden-records.ts'
import type { PassDeps } from './snapshot-pass.ts'
import { OTHER_LIST, readPasses, type SnapshotProgress } from './snapshot-passes.ts'
import type { SnapshotDeps, SnapshotResult } from './snapshot.ts'
import { createCommitter } from './write-batch.ts'

interface Reading {
  readonly deps: SnapshotDeps
  readonly pass: PassDeps
  readonly begun: Snapshot
  /** As it is remembered, where `pass` asks for smaller pages. */
  readonly asked: Question
  readonly settle: Asking['settle']
  /** Another list is not read any more in this run, whatever is counted. */
  readonly isLast: boolean
  readonly mirror: Mirror
  readonly follow: boolean | Date
  readonly parent: Parent | null
  readonly onProgress: (progress: SnapshotProgress) => void
}

type Found = Awaited<ReturnType<typeof readPasses>>

/** It was read, and hides some: what it needs is another list. */
export interface NeedsOther extends Tally {
  readonly needs: Question
}

/** @returns besides what was found, whether some record may be in no list. */
export async function readLists(reading: Reading): Promise<NeedsOther | (Found & { readonly unsettled: boolean })> {
  const { deps, pass, asked, settle, isLast, begun, mirror, follow, ...rest } = reading
  const { sql, resource, question, lease, signal } = pass
  const { type, table } = resource
  const onAnswer = () => settle(asked)
  const common = { ...rest, refused: refusedFilters(question.wanted, negotiatedOf(question)), onAnswer }
  const read = (by: PassDeps, snapshot: Snapshot): Promise<Found> => {
    const committer = createCommitter({ sql, type, table, lease, mirror, question: by.digest, follow })
    return readPasses({ ...common, deps: by, begun: snapshot, committer })
  }

  // Of two lists an earlier process may have read the first.
  const own = begun.pass > OTHER_LIST ? undefined : await read(pass, begun)
  const needed = own === undefined ? asked : await lookForHidden(deps, resource, asked, own.expected, signal)
  if (needed !== asked) await settle(needed)
  if (own !== undefined && isOtherList(needed, asked)) {
    return isLast ? { ...own, unsettled: true } : { ...own, needs: needed }
  }
  const unsettled = needed.scope?.unsettled === true
  const { also } = question
  if (own !== undefined && (also === undefined || !own.verdict.whole)) return { ...own, unsettled }
  const lighter = lightened(recallLearned({ ...question, request: also! }))
  const other = { ...pass, question: lighter, digest: digestOf(lighter.request, resource) }
  const found = together(own, await read(other, await beginOther(pass, begun)))
  return { ...found, seen: await reconnecting(() => countMet(sql, type), signal), unsettled }
}

const isOtherList = (one: Question, other: Question): boolean =>
  !isDeepStrictEqual([one.request, one.also], [other.request, other.also])

/** Passes of their own: what either list held was met. */
async function beginOther({ sql, resource, lease, signal }: PassDeps, snapshot: Snapshot): Promise<Snapshot> {
  if (snapshot.pass > OTHER_LIST) return snapshot
  const begun = { ...snapshot, pass: OTHER_LIST + 1, chains: null, position: null }
  const open = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await openPass(tx, resource.type, { pass: begun.pass, chains: null, count: null, pageSize: null })
    })
  await reconnecting(open, signal)
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
    verdict: one.verdict.outcome === 'ok' ? other.verdict : { ...one.verdict, whole: other.verdict.whole },
  }
}

type Tally = Pick<SnapshotResult, 'inserted' | 'updated' | 'pages'>

const added = (one: Tally, other: Tally): Tally => ({
  inserted: one.inserted + other.inserted,
  updated: one.updated + other.updated,
  pages: one.pages + other.pages,
})

export const NOTHING_BEFORE: Tally = { inserted: 0, updated: 0, pages: 0 }

/** What a list that was read first has written, too. */
export const withBefore = (found: SnapshotResult, before: Tally): SnapshotResult => ({
  ...found,
  ...added(found, before),
  unchanged: Math.max(0, found.unchanged - before.inserted - before.updated),
})

/** Where nothing else is wrong. */
export const HIDDEN = {
  outcome: 'incomplete',
  message:
    'What its filters find does not add up, so that some records may be in no list that can be asked for. All that any ' +
    'list holds was read, and the next run counts again. If this stays, report it with this line.',
} as const
