/** Reads the list of a resource, checks whether it hides records, and reads the second list too where both are needed. */
import type { Page } from '../../remote/pages/page.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { countSeenInAllPasses, readPassEvidence } from '../../store/progress/checkpoint.ts'
import type { FoundByOthers, MembersShown } from '../../store/progress/shared-list.ts'
import type { RecordCounts } from '../../store/runs/runs.ts'
import { assessRead, type Completeness, type Parent } from '../list/completeness.ts'
import { requestDigest } from '../list/declared-columns.ts'
import { isOtherList } from '../list/filter-scope.ts'
import { withSmallerPages, applyFacts } from '../list/list-facts.ts'
import { refusedFilters } from '../list/list-request.ts'
import type { OpenReadPlan } from '../list/open-read-plan.ts'
import { openPageCache } from '../list/page-cache.ts'
import { takeAll, type Batch } from '../list/read-page.ts'
import { negotiatedRequest, orderOf, type ReadPlan } from '../list/read-plan.ts'
import { readRecords } from '../list/read-records.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { RecordWriter } from '../write-records.ts'
import { findHiddenRecords } from './hidden-records.ts'
import type { OpenSnapshot } from './resume.ts'
import { SavedPasses, SECOND_LIST } from './saved-passes.ts'
import { ShareList, type HowShared } from './share-list.ts'
import type { PassDeps, SnapshotDeps, SnapshotProgress, SnapshotResult } from './snapshot-options.ts'
import { writeBatch } from './write-batch.ts'

interface Reading {
  readonly deps: SnapshotDeps
  readonly pass: PassDeps
  readonly begun: OpenSnapshot
  /** The plan to remember, where `pass` requests smaller pages. */
  readonly original: ReadPlan
  readonly remember: OpenReadPlan['remember']
  /** No other list is read in this run, whatever is counted. */
  readonly isLast: boolean
  readonly writer: RecordWriter
  readonly parent: Parent | null
  /** The page cache may hold some of its pages. */
  readonly filled: boolean
  readonly mirror: Mirror
  /** Of what a helper reads of its list. */
  readonly sharing: { readonly runId: number; readonly how: HowShared } | undefined
  /** The first page of the plan's list, where that was just read. */
  readonly opening?: Page | undefined
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** The list was read and hides records: another one is needed. */
export interface NeedsOtherList extends Tally {
  readonly needs: ReadPlan
}

/** @returns with the result, whether some record may be in no list (`unsettled`). */
export async function readLists(
  reading: Reading,
): Promise<NeedsOtherList | (FoundInList & { readonly unsettled: boolean })> {
  const { deps, pass, original, remember, isLast, begun } = reading
  const { sql, resource, plan, signal } = pass

  // Where there are two lists, an earlier process may have read the first.
  const own = begun.pass > SECOND_LIST ? undefined : await readUntilProved(reading, pass, begun)
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
  const found = together(own, await readUntilProved(reading, other, secondList(begun)))
  return { ...found, seen: await withDbRetry(() => countSeenInAllPasses(sql, resource.type), signal), unsettled }
}

/** It has passes of its own: what either list held was seen. */
const secondList = (begun: OpenSnapshot): OpenSnapshot =>
  begun.pass > SECOND_LIST ? begun : { ...begun, pass: SECOND_LIST + 1, chains: null, position: null, isNew: false }

/** Each list has its own count, and what the first one held was seen before. */
function together(one: FoundInList | undefined, other: FoundInList): FoundInList {
  const members = [...(one?.members ?? []), ...other.members]
  const both = { ...other, held: null, expected: null, listPages: null, members }
  // Which members the first list showed is known to the mirror of an earlier process only.
  if (one === undefined) return { ...both, parsedAll: false, transferredAll: false }
  return {
    ...both,
    ...added(other, one),
    parked: Math.max(one.parked, other.parked),
    unchanged: Math.max(0, one.unchanged + other.unchanged - one.inserted - one.updated),
    parsedAll: one.parsedAll && other.parsedAll,
    transferredAll: one.transferredAll && other.transferredAll,
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

interface FoundInList extends Omit<RecordCounts, 'deleted'> {
  /** How many records were seen, where each has a living row; else null. */
  readonly held: number | null
  readonly completeness: Completeness
  readonly listPages: number | null
  readonly parsedAll: boolean
  readonly transferredAll: boolean
  /** What other processes' records carried. */
  readonly members: readonly MembersShown[]
}

async function readUntilProved(reading: Reading, deps: PassDeps, begun: OpenSnapshot): Promise<FoundInList> {
  const { pass, original, remember, writer, parent, filled, opening, mirror, onProgress } = reading
  const { plan: first } = pass
  const { sql, resource, plan, known, signal } = deps
  /** The count of a list does not count the records in its `included`. */
  const shown = (count: number | null): number | null => (plan.read.from === 'included' ? null : count)
  /** An earlier process's part of the read was seen by another mirror. */
  const isWhole = begun.position === null && begun.chains === null
  const before = () => readPassEvidence(sql, resource.type, begun.pass)
  const { seen: resumed, lastPage } = isWhole ? { seen: 0, lastPage: 0 } : await withDbRetry(before, signal)
  const totals = { inserted: 0, updated: 0, unchanged: 0, pages: 0 }
  let [records, total, parsedAll, responded, left] = [0, null as number | null, isWhole, false, 0]

  const passes = new SavedPasses(deps, begun, (count, isFirst) => {
    total = count
    records = isFirst ? resumed : 0
    onProgress({ records, resumed: records, total: shown(total) })
  })
  const sharing = shareOf(reading, deps, begun, passes)
  const take = async (batch: Batch): Promise<void> => {
    const target = { ...deps, writer, mirror, pass: passes.number }
    const written = await (batch.steps === undefined
      ? writeBatch(target, batch, (tx) => passes.save(tx))
      : sharing!.reader!.write(target, batch))
    passes.saved()
    for (const what of ['inserted', 'updated', 'unchanged'] as const) totals[what] += written[what]
    totals.pages += batch.pages.length
    left += written.left.length
    // Only a plan by which something was read and written is kept.
    if (!responded) await remember(original)
    responded = true
    // In a later pass a page is cached because this process has parsed it in the first.
    if (batch.pass === 1) parsedAll &&= batch.pages.every((page) => !page.known)
    records += batch.pages.reduce((sum, { ids }) => sum + ids.length, 0)
    total = batch.pages.at(-1)?.recordCount ?? total
    onProgress({ records, resumed: batch.pass === 1 ? resumed : 0, total: shown(total) })
  }
  const openCache = (goesOn: boolean) =>
    openPageCache({ ...deps, capabilities: known.capabilities }, plan.request!, {
      resumed: goesOn,
      filled: filled || passes.number > begun.pass,
    })
  const given = plan === first ? opening : undefined
  const begin = { position: begun.position, from: lastPage + 1, openCache, sharing, opening: given }
  const list = await takeAll(readRecords({ ...deps, lastPages: known.pages }, passes, begin), take)
  const others = sharing?.found ?? []
  for (const what of ['inserted', 'updated', 'unchanged', 'pages'] as const) totals[what] += sumOf(others, what)
  left += sumOf(others, 'kept')
  parsedAll &&= others.every((one) => one.pass !== begun.pass || one.parsedAll)
  const { seen, parked } = await passes.evidence()
  // The page where two chains meet was read twice, and so was everything in a second pass.
  const unchanged = Math.max(0, Math.min(totals.unchanged, seen - totals.inserted - totals.updated - parked))
  return {
    ...totals,
    unchanged,
    parked,
    seen,
    held: isWhole && left + parked === 0 ? seen : null,
    expected: shown(total),
    completeness: assessRead(list, { refused: refusedFilters(first.wanted, negotiatedRequest(first)), parent }),
    listPages: passes.pages,
    parsedAll,
    transferredAll: isWhole && passes.transferredAll,
    members: others.flatMap(({ members }) => members),
  }
}

const sumOf = (
  found: readonly FoundByOthers[],
  what: 'inserted' | 'updated' | 'unchanged' | 'pages' | 'kept',
): number => found.reduce((sum, one) => sum + one[what], 0)

/** A list of the resource's own records in the order of ids. A second list is short, as a rule, and its rows are of the first. */
function shareOf(
  { deps: { sharing }, sharing: of }: Reading,
  pass: PassDeps,
  begun: OpenSnapshot,
  passes: SavedPasses,
): ShareList | undefined {
  const { plan } = pass
  const isShareable = plan.read.from === 'list' && orderOf(plan) === 'from-end' && begun.pass <= SECOND_LIST
  if (sharing === undefined || of === undefined || !isShareable) return undefined
  return new ShareList({ sharing, pass, passes, startedAt: begun.startedAt, ...of })
}
