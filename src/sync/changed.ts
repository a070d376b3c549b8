/** Reads what changed since the watermark, where the server lets us ask for that. */
import { listNotInOrder } from '../errors/lists.ts'
import { layChains, readChains } from '../remote/chains.ts'
import { fetchPage, repetitionGuard, type ListRequest, type Page } from '../remote/pages.ts'
import { FOLLOWED, noteChanged } from '../store/changed-parents.ts'
import type { Transaction } from '../store/database.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import { createMirror, type Loaded } from '../store/mirror.ts'
import type { Told } from '../store/told.ts'
import { databaseTime, moveWatermark } from '../store/watermarks.ts'
import type { Resource } from '../resource.ts'
import { load } from './load.ts'
import { toReadPage } from './read.ts'
import { reconnecting } from './reconnect.ts'
import type { SnapshotDeps, SnapshotResult } from './snapshot.ts'
import { changedSince, changeTime, isNewestFirst, newestFirst, type Strategy } from './strategy.ts'
import { isRefusal } from './request.ts'
import { isNotInOrder } from './whole-list.ts'
import { readExpected } from './withheld.ts'

interface Options {
  readonly resource: Resource
  readonly request: ListRequest
  readonly strategy: Exclude<Strategy, 'none'>
  readonly watermark: Date
  /** What belongs to a record is read again even where the record itself did not change. */
  readonly followAll: boolean
  readonly lease: Lease
  readonly signal: AbortSignal
}

/** Clocks differ, and a change may be stamped a moment before it can be read. The filter goes by days anyway. */
const SORT_OVERLAP_MS = 5 * 60_000
/** A list that changes while it is read is read again. */
const TRIES = 4

/** Everything changed since the watermark is written at the end, or the watermark stays. */
export async function pullChanged(deps: SnapshotDeps, options: Options): Promise<SnapshotResult> {
  const { sql } = deps
  const { resource, lease, signal } = options
  const began = await reconnecting(() => databaseTime(sql), signal)
  const expected = await reconnecting(() => readExpected(sql, resource), signal)
  const writer = createWriter(deps, options, expected)
  for (let tries = 1; ; tries++) {
    const { ids, newest, proved, pages } = await readOnce(deps, options, writer)
    writer.total.pages += pages
    if (!proved && tries < TRIES) continue
    if (proved) {
      const upTo = Math.min(began.getTime(), newest ?? 0)
      const move = () =>
        sql.begin(async (tx) => {
          await confirmLease(tx, lease)
          await moveWatermark(tx, resource.type, new Date(upTo))
        })
      await reconnecting(move, signal)
    }
    const { total } = writer
    const parked = total.parked
    const common = { ...total, seen: ids.size, expected: ids.size, deleted: 0 }
    if (!proved) {
      const message = 'What changed kept changing while it was read; the next run reads it again.'
      return { ...common, outcome: 'incomplete', message }
    }
    if (parked === 0) return { ...common, outcome: 'ok', message: null }
    const message = `${parked} could not be loaded and are set aside, with the reason, in sync.parked.`
    return { ...common, outcome: 'incomplete', message }
  }
}

interface Reading {
  readonly ids: ReadonlySet<string>
  /** The newest change met, in milliseconds. */
  readonly newest: number | null
  readonly proved: boolean
  readonly pages: number
}

async function readOnce(deps: SnapshotDeps, options: Options, writer: Writer): Promise<Reading> {
  const ids = new Set<string>()
  let newest: number | null = null
  let steady = true
  let pages = 0
  const take = async (some: readonly Page[], count: number | null): Promise<void> => {
    pages += some.length
    for (const page of some) {
      steady &&= page.recordCount === count
      for (const id of page.ids) ids.add(id)
      for (const record of page.records) newest = Math.max(newest ?? 0, changeTime(record) ?? 0)
    }
    await writer.write(some)
  }
  const count = await (options.strategy === 'filter' ? byFilter : bySort)(deps, options, take)
  return { ids, newest, pages, proved: count !== undefined && steady && (count === null || ids.size === count) }
}

type Take = (pages: readonly Page[], count: number | null) => Promise<void>

/** @returns how many records there were to read; undefined when it cannot be said, null when they were not counted. */
async function byFilter(deps: SnapshotDeps, options: Options, take: Take): Promise<number | null | undefined> {
  const { client } = deps
  const { request, watermark, signal } = options
  const filtered = changedSince(request, watermark)
  const opening = await fetchPage(client, filtered, 1, signal)
  const { recordCount: count, pageCount } = opening
  if (count === null || pageCount === null || pageCount <= 1) {
    await take([opening], count)
    return count ?? undefined
  }
  // A day may hold many more changes than have come since: newest first, most of them need not be read.
  const sorted = await bySort(deps, { ...options, request: filtered }, take).catch((error: unknown) => {
    if (!isNotInOrder(error) && !isRefusal(error)) throw error
    return 'refused' as const
  })
  if (sorted !== 'refused') return sorted
  const chains = layChains(pageCount, 1)
  const recall = () => Promise.resolve(undefined)
  const read = async (ordered: boolean): Promise<void> => {
    const list = { client, request: filtered, chains, ordered, recall, batch: 1000, signal }
    for await (const { pages } of readChains(list)) await take(pages, count)
  }
  // In another order the count has to do.
  await read(true).catch(async (error: unknown) => {
    if (!isNotInOrder(error)) throw error
    await read(false)
  })
  return count
}

/** Newest first: what changes meanwhile moves to the front and pushes the others back, where they are met again. */
async function bySort({ client }: SnapshotDeps, { request, watermark, signal }: Options, take: Take) {
  const sorted = newestFirst(request)
  const until = watermark.getTime() - SORT_OVERLAP_MS
  const guard = repetitionGuard(sorted)
  let count: number | null = null
  for (let number = 1; ; number++) {
    const page = await fetchPage(client, sorted, number, signal)
    guard(page)
    if (number === 1) count = page.recordCount
    await take([page], count)
    if (!isNewestFirst(page)) throw listNotInOrder({ path: request.path, page: number })
    const oldest = page.records.map(changeTime).findLast((time) => time !== null)
    const last = page.pageCount === null ? page.ids.length === 0 : number >= page.pageCount
    if (last || (oldest !== undefined && oldest < until)) return null
  }
}

interface Writer {
  readonly total: { inserted: number; updated: number; unchanged: number; parked: number; pages: number }
  write(pages: readonly Page[]): Promise<void>
}

function createWriter(
  { sql }: SnapshotDeps,
  { resource, followAll, lease, signal }: Options,
  expected: Told | undefined,
): Writer {
  const { type, aliases } = resource
  const loading = { sql, type, lease, mirror: createMirror(resource, expected), signal }
  const total = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  return {
    total,
    async write(pages) {
      const read = pages.map((page) => toReadPage(page, { type, aliases, carried: false }))
      const records = read.flatMap((page) => page.records)
      const unusable = read.flatMap((page) => page.unusable)
      const all = records.map(({ id }) => id)
      const note = (tx: Transaction, { written, left }: Loaded) =>
        noteChanged(tx, type, type !== FOLLOWED ? [] : followAll ? all : [...written, ...left])
      const loaded = await load(loading, { records, unusable }, note)
      total.inserted += loaded.inserted
      total.updated += loaded.updated
      total.unchanged += loaded.unchanged
      total.parked += unusable.length + loaded.rejected.length
    },
  }
}
