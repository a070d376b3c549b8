/**
 * Reads one resource whole.
 *
 *   lease ──► cursor: an unfinished snapshot goes on, else a new one ──► batches: read ahead, commit in order ──► judge
 *
 * It says `ok` only for a list that was proved to be all there: the distinct ids met are as many as `record-count`, and
 * `record-count` did not change on the way.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Client } from '../remote/client.ts'
import type { ListRequest } from '../remote/pages.ts'
import type { Resource } from '../resource.ts'
import { beginSnapshot, countSeen, endSnapshot, readSnapshot, type Snapshot } from '../store/cursors.ts'
import type { Database } from '../store/database.ts'
import { countParked, noteDrift, readCapability, saveCapability, settleParked } from '../store/findings.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import { createMirror } from '../store/mirror.ts'
import { mirroredIds } from '../store/rows.ts'
import type { Outcome } from '../store/runs.ts'
import { createCommitter } from './commit.ts'
import { readEach, readIncluded, readList, readSingleton, type Batch } from './read.ts'
import { carrierRequest, fullRequest, isRefusal, negotiate } from './request.ts'
import { reconnecting } from './reconnect.ts'
import { SyncError } from '../sync-error.ts'

export interface SnapshotDeps {
  readonly sql: Database
  readonly client: Client
  readonly slug: string
  readonly catalog: ReadonlyMap<string, Resource>
  readonly pageSize: number
  readonly concurrency: number
}

export interface SnapshotProgress {
  /** The page to read next. */
  readonly nextPage: number
  /** Records read, those of an interrupted run included. */
  readonly records: number
  /** Of these, the ones an interrupted run had read. */
  readonly resumed: number
  readonly total: number | null
}

export interface SnapshotResult {
  readonly outcome: Outcome
  readonly message: string | null
  readonly expected: number | null
  readonly seen: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly parked: number
  readonly pages: number
}

interface Options {
  readonly resource: Resource
  readonly lease: Lease
  /** Begin at page 1 even when an interrupted snapshot could go on. */
  readonly restart: boolean
  readonly signal: AbortSignal
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** An unfinished snapshot older than this is not continued: its first pages would pass as newer than they are. */
const RESUME_WITHIN_MS = 12 * 60 * 60_000

export async function pullSnapshot(deps: SnapshotDeps, options: Options): Promise<SnapshotResult> {
  const { resource, restart, signal } = options
  const wanted = requestFor(deps, resource)
  const remembered = (await reconnecting(() => readCapability(deps.sql, resource.type, 'request'), signal)) as
    | Remembered
    | undefined
  const request = isDeepStrictEqual(remembered?.wanted, wanted) ? remembered!.accepted : wanted
  try {
    return await readThrough(deps, options, request, restart)
  } catch (error) {
    if (request === null || wanted === null || !isRefusal(error)) throw error
    const { request: accepted, refused } = await negotiate(deps.client, wanted, signal)
    const notes = refused.map((member) => ({ member, kind: 'refused', sample: 'answered with status 400' }) as const)
    await reconnecting(() => noteDrift(deps.sql, resource.type, notes), signal)
    // Without the include there is nothing to read: an empty answer must not pass for an empty resource.
    if (resource.read.from === 'included' && accepted.query['include'] === undefined) throw error
    const found: Remembered = { wanted, accepted }
    await reconnecting(() => saveCapability(deps.sql, resource.type, 'request', found), signal)
    return await readThrough(deps, options, accepted, restart)
  }
}

interface Remembered {
  readonly wanted: ListRequest | null
  readonly accepted: ListRequest | null
}

/** Null where there is no list. */
function requestFor({ slug, catalog, pageSize }: SnapshotDeps, resource: Resource): ListRequest | null {
  if (resource.read.from === 'list') return fullRequest(slug, resource, pageSize)
  if (resource.read.from !== 'included') return null
  return carrierRequest(slug, catalog.get(resource.read.list)!, resource.read.include, pageSize)
}

async function readThrough(
  deps: SnapshotDeps,
  { resource, lease, signal, onProgress }: Options,
  request: ListRequest | null,
  restart: boolean,
): Promise<SnapshotResult> {
  const { sql } = deps
  const snapshot = await reconnecting(() => resumeOrBegin(sql, resource.type, request, restart), signal)
  const committer = createCommitter({ sql, type: resource.type, lease, mirror: createMirror(resource) })
  const tally = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  const resumed = snapshot.nextPage > 1 ? await reconnecting(() => countSeen(sql, resource.type), signal) : 0
  let records = resumed
  let firstCount = snapshot.firstCount
  let total: number | null = firstCount
  onProgress({ nextPage: snapshot.nextPage, records, resumed, total })

  for await (const batch of await batchesOf(deps, resource, request, snapshot, signal)) {
    const { inserted, updated, unchanged, parked } = await committer.commit(batch, signal)
    tally.inserted += inserted
    tally.updated += updated
    tally.unchanged += unchanged
    tally.parked += parked
    tally.pages += batch.pages.length
    records += batch.pages.reduce((sum, page) => sum + page.records.length, 0)
    firstCount ??= batch.pages[0]?.recordCount ?? null
    total = batch.pages.at(-1)?.recordCount ?? null
    onProgress({ nextPage: (batch.pages.at(-1)?.number ?? 0) + 1, records, resumed, total })
  }

  const { seen, parked } = await reconnecting(
    async () => ({
      seen: await countSeen(sql, resource.type),
      parked: await countParked(sql, resource.type, snapshot.startedAt),
    }),
    signal,
  )
  const { whole, ...verdict } = judge({ read: resource.read.from, seen, firstCount, total, parked })
  const end = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      if (whole) await settleParked(tx, resource.type, snapshot.startedAt)
      await endSnapshot(tx, resource.type, resource.table, verdict.outcome === 'ok')
    })
  await reconnecting(end, signal)
  return { ...tally, ...verdict, parked, expected: total, seen }
}

async function resumeOrBegin(
  sql: Database,
  type: string,
  request: ListRequest | null,
  restart: boolean,
): Promise<Snapshot> {
  const left = restart ? undefined : await readSnapshot(sql, type)
  const usable =
    left !== undefined &&
    isDeepStrictEqual(left.request, request) &&
    Date.now() - left.startedAt.getTime() < RESUME_WITHIN_MS
  return usable ? left : await beginSnapshot(sql, type, request)
}

async function batchesOf(
  { sql, client, slug, concurrency }: SnapshotDeps,
  { type, read }: Resource,
  request: ListRequest | null,
  { nextPage, position }: Snapshot,
  signal: AbortSignal,
): Promise<AsyncGenerator<Batch>> {
  const reading = { client, from: nextPage, concurrency, signal }
  if (read.from === 'singleton') return readSingleton(reading, read.path)
  if (read.from === 'each') {
    const parents = await reconnecting(() => mirroredIds(sql, read.parent.replaceAll('-', '_'), position), signal)
    const query = new URLSearchParams(read.query).toString()
    const pathOf = (id: string): string => `/${slug}/v1/${read.parent}/${id}/${read.path}?${query}`
    return readEach(reading, { type, parents, pathOf })
  }
  if (request === null) throw new SyncError('SYNC_USAGE', 'stop', `${type} has no list to read.`)
  return read.from === 'included' ? readIncluded(reading, request, type) : readList(reading, request, type)
}

interface Evidence {
  readonly read: Resource['read']['from']
  readonly seen: number
  readonly firstCount: number | null
  readonly total: number | null
  readonly parked: number
}

interface Verdict extends Pick<SnapshotResult, 'outcome' | 'message'> {
  /** Every record was met, though some may be set aside. */
  readonly whole: boolean
}

/** Decides from the numbers alone whether the list was whole. */
export function judge({ read, seen, firstCount, total, parked }: Evidence): Verdict {
  const incomplete = (message: string) => ({ outcome: 'incomplete' as const, message, whole: false })
  if (read === 'list') {
    if (total === null) return incomplete('The list did not say how many records it has, so nothing proves it whole.')
    if (firstCount !== null && firstCount !== total) {
      return incomplete(
        `The list went from ${firstCount} to ${total} records while it was read; pages may have shifted.`,
      )
    }
    if (seen !== total) return incomplete(`The list says it has ${total} records, but ${seen} different ones were met.`)
  }
  if (parked === 0) return { outcome: 'ok', message: null, whole: true }
  const message = `${parked} could not be loaded and are set aside, with the reason, in sync.parked.`
  return { outcome: 'incomplete', message, whole: true }
}
