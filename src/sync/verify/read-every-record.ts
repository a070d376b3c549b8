/**
 * Reads every record of a resource for `verify`, without a checkpoint: every page is transferred and parsed, and a list is
 * read until it is proved complete.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { CompleteList } from '../../store/mirror/tombstones.ts'
import type { Known } from '../../store/progress/known.ts'
import { requestDigest } from '../list/declared-columns.ts'
import { applyFacts } from '../list/list-facts.ts'
import { openPageMarks } from '../list/page-cache.ts'
import { PassesInMemory } from '../list/passes-in-memory.ts'
import { takeAll, type Batch } from '../list/read-page.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { readRecords } from '../list/read-records.ts'
import type { SnapshotDeps } from '../snapshot/snapshot-options.ts'
import type { Differences } from './differences.ts'

export interface Reading {
  readonly resource: Resource
  readonly known: Known
  readonly signal: AbortSignal
  readonly differences: Differences
  readonly onProgress: (read: number, total: number | null) => void
  /** Ids of the records seen, over all tries and lists. */
  readonly seen: Set<string>
  /** A page came under the `ETag` of another body. */
  isEtagWrong: boolean
}

/** A list that keeps changing is read again. */
const TRIES = 3

const CHANGED =
  'It could not be proved complete: it kept changing while it was read, or holds fewer records than it says. What is too ' +
  'much here is not known; verify it again later.'
const UNCOUNTED =
  'It does not say how many records it has, so what is too much here is not known. The rest was compared.'

/** The proof that every record which existed throughout was seen, or why some may not have been. */
export type EveryRecord = { readonly list: CompleteList } | { readonly doubt: string }

/** Both lists, where no single one is proved to hold everything. */
export async function readEveryRecord(deps: SnapshotDeps, reading: Reading, plan: ReadPlan): Promise<EveryRecord> {
  const first = await readBy(deps, reading, plan)
  if (plan.also === undefined) return first
  const second = await readBy(deps, reading, applyFacts({ ...plan, request: plan.also }))
  return 'doubt' in second ? second : first
}

async function readBy(deps: SnapshotDeps, reading: Reading, plan: ReadPlan): Promise<EveryRecord> {
  const { resource, known, signal, seen } = reading
  const digest = requestDigest(plan.request, resource)
  const passes = new PassesInMemory(TRIES)
  const isList = plan.read.from === 'list'
  const onWrongEtag = () => void (reading.isEtagWrong = true)
  const openCache = () => openPageMarks({ ...deps, ...known, resource, digest, signal }, onWrongEtag)
  const records = readRecords({ ...deps, resource, plan, lastPages: known.pages, signal }, passes, {
    position: null,
    from: 1,
    openCache,
  })
  const found = await takeAll(records, async (batch) => {
    await compare(reading, batch)
    reading.onProgress(isList ? passes.seen.size : seen.size, isList ? passes.count : null)
  })
  if (found.complete) return found
  return { doubt: found.gap.kind === 'uncounted' ? UNCOUNTED : CHANGED }
}

async function compare({ differences, seen }: Reading, { pages }: Batch): Promise<void> {
  for (const { ids } of pages) for (const id of ids) seen.add(id)
  differences.refuse(pages.flatMap((page) => page.unusable))
  await differences.compare(pages.flatMap((page) => page.records))
}
