/**
 * Reads every record of a resource for `verify`, without a checkpoint: every page is transferred and parsed, and a list is
 * read until it is proved complete.
 */
import type { Resource } from '../../catalog/resource.ts'
import { fetchFirstPage } from '../../remote/pages/forward-pages.ts'
import { inferPageSize } from '../../remote/pages/list-length.ts'
import { planChains } from '../../remote/pages/reverse-pages.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { isProvedComplete, type ListEvidence } from '../list/completeness.ts'
import { applyFacts, needsBothEnds } from '../list/list-facts.ts'
import { requestDigest } from '../list/list-request.ts'
import type { Batch } from '../list/page-batch.ts'
import { openPageMarks } from '../list/page-cache.ts'
import { readList } from '../list/read-list.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { EMPTY_SNAPSHOT, startPass, type PassDeps } from '../snapshot/snapshot-pass.ts'
import type { SnapshotDeps } from '../snapshot/snapshot.ts'
import type { Differences } from './differences.ts'

export interface Reading {
  readonly resource: Resource
  readonly lease: Lease
  readonly signal: AbortSignal
  readonly differences: Differences
  readonly onProgress: (read: number, total: number | null) => void
  /** Ids of the records seen, over all tries and lists. */
  readonly seen: Set<string>
  /** A page came under the `ETag` of another body. */
  etagLied: boolean
}

/** A list that keeps changing is read again. */
const TRIES = 3

const CHANGED =
  'It could not be proved complete: it kept changing while it was read, or holds fewer records than it says. What is too ' +
  'much here is not known; verify it again later.'
const UNCOUNTED =
  'It does not say how many records it has, so what is too much here is not known. The rest was compared.'

/**
 * Both lists, where no single one is proved to hold everything.
 *
 * @returns why some record may not have been seen; null when every one that existed throughout was.
 */
export async function readEveryRecord(deps: SnapshotDeps, reading: Reading, plan: ReadPlan): Promise<string | null> {
  const doubt = await readBy(deps, reading, plan)
  if (plan.also === undefined) return doubt
  return (await readBy(deps, reading, applyFacts({ ...plan, request: plan.also }))) ?? doubt
}

async function readBy(deps: SnapshotDeps, reading: Reading, plan: ReadPlan): Promise<string | null> {
  const { resource, lease, signal } = reading
  const pass = { ...deps, resource, plan, digest: requestDigest(plan.request, resource), lease, signal }
  const isList = plan.read.from === 'list' || plan.read.from === 'included'
  return await (isList ? readUntilProved(pass, reading) : readDocuments(pass, reading))
}

async function readDocuments(pass: PassDeps, reading: Reading): Promise<string | null> {
  let full = true
  for await (const batch of (await startPass(pass, EMPTY_SNAPSHOT, 1)).batches) {
    full &&= batch.pages.every((page) => page.full)
    await compare(reading, batch)
    reading.onProgress(reading.seen.size, null)
  }
  return full ? null : CHANGED
}

async function readUntilProved(pass: PassDeps, reading: Reading): Promise<string | null> {
  const recall = await openPageMarks(pass)
  let known: ReadonlySet<string> = new Set()
  for (let tries = 1; tries <= TRIES; tries++) {
    const { ids, count, ...evidence } = await readOnce(pass, reading, recall)
    if (count === null) return UNCOUNTED
    const fresh = ids.size - ids.intersection(known).size
    if (isProvedComplete({ ...evidence, ordered: pass.plan.ordered, seen: ids.size, fresh }, count)) return null
    known = ids
  }
  return CHANGED
}

interface Once extends Pick<ListEvidence, 'pages' | 'steady' | 'full'> {
  readonly ids: ReadonlySet<string>
  readonly count: number | null
}

async function readOnce(
  pass: PassDeps,
  reading: Reading,
  recall: Awaited<ReturnType<typeof openPageMarks>>,
): Promise<Once> {
  const { client, resource, plan, concurrency, signal } = pass
  const request = plan.request!
  const far = needsBothEnds(plan)
  const carried = plan.read.from === 'included'
  const wanted = { type: resource.type, aliases: resource.aliases, carried }
  const opening = await fetchFirstPage(client, request, signal, await recall(1))
  const { recordCount: count } = opening
  const pages = far ? null : opening.pageCount
  const chains = pages === null ? [] : planChains(Math.max(1, pages), concurrency + 2)
  const size = inferPageSize(opening, null) ?? 0
  const list = { request, wanted, chains, ordered: plan.ordered, far, opening, size, recall }
  const ids = new Set<string>()
  let steady = true
  let full = true
  for await (const batch of readList(pass, list)) {
    for (const page of batch.pages) {
      steady &&= page.recordCount === count
      full &&= page.full
      reading.etagLied ||= page.etagLied
      for (const id of page.carriers ?? [...page.ids, ...(page.unnamed ?? [])]) ids.add(id)
    }
    await compare(reading, batch)
    reading.onProgress(carried ? reading.seen.size : ids.size, carried ? null : count)
  }
  return { ids, count, pages, steady, full }
}

async function compare({ differences, seen }: Reading, { pages }: Batch): Promise<void> {
  for (const { ids } of pages) for (const id of ids) seen.add(id)
  differences.refuse(pages.flatMap((page) => page.unusable))
  await differences.compare(pages.flatMap((page) => page.records))
}
