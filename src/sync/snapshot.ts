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
import { beginSnapshot, countSeen, endSnapshot, readAsOf, readSnapshot, type Snapshot } from '../store/cursors.ts'
import type { Database } from '../store/database.ts'
import { countParked, noteDrift, readCapability, saveCapability, settleParked } from '../store/findings.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import { createMirror } from '../store/mirror.ts'
import { mirroredIds } from '../store/rows.ts'
import type { Outcome } from '../store/runs.ts'
import { createCommitter } from './commit.ts'
import { judge, type Parent } from './judge.ts'
import { readEach, readIncluded, readList, readSingleton, type Batch } from './read.ts'
import { carrierRequest, fullRequest, isRefusal, negotiate, refusedFilters } from './request.ts'
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
  const capability = await reconnecting(() => readCapability(deps.sql, resource.type, 'request'), signal)
  const remembered = capability?.value as Remembered | undefined
  const lasts = isDeepStrictEqual(remembered?.accepted?.query, wanted?.query) ? DAY_MS : HOUR_MS
  const known = capability !== undefined && capability.ageMs < lasts && isDeepStrictEqual(remembered?.wanted, wanted)
  const request = known ? remembered!.accepted : wanted
  try {
    return await readThrough(deps, options, { wanted, request }, restart)
  } catch (error) {
    if (request === null || wanted === null || !isRefusal(error)) throw error
    const { request: accepted, refused } = await negotiate(deps.client, wanted, signal)
    const notes = refused.map((member) => ({ member, kind: 'refused', sample: 'answered with status 400' }) as const)
    await reconnecting(() => noteDrift(deps.sql, resource.type, notes), signal)
    // Without the include there is nothing to read: an empty answer must not pass for an empty resource.
    if (resource.read.from === 'included' && accepted.query['include'] === undefined) throw error
    const found: Remembered = { wanted, accepted }
    await reconnecting(() => saveCapability(deps.sql, resource.type, 'request', found), signal)
    return await readThrough(deps, options, { wanted, request: accepted }, restart)
  }
}

/** What is missing from the mirror because of a refusal is asked for again soon; a smaller page costs nothing. */
const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS

interface Asking {
  readonly wanted: ListRequest | null
  /** What of it is asked for; null where there is no list. */
  readonly request: ListRequest | null
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
  { wanted, request }: Asking,
  restart: boolean,
): Promise<SnapshotResult> {
  const { sql } = deps
  const { read } = resource
  const snapshot = await reconnecting(() => resumeOrBegin(sql, resource, lease, request, restart), signal)
  const parent = read.from === 'each' ? parentOf(snapshot, read.parent) : null
  const committer = createCommitter({ sql, type: resource.type, lease, mirror: createMirror(resource) })
  const tally = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  const resumed = snapshot.nextPage > 1 ? (await reconnecting(() => countSeen(sql, resource.type), signal)).seen : 0
  // Records that come with another list are not what its count speaks of.
  const shown = (count: number | null): number | null => (read.from === 'included' ? null : count)
  let records = resumed
  let firstCount = snapshot.firstCount
  let total: number | null = firstCount
  onProgress({ nextPage: snapshot.nextPage, records, resumed, total: shown(total) })

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
    onProgress({ nextPage: (batch.pages.at(-1)?.number ?? 0) + 1, records, resumed, total: shown(total) })
  }

  const { seen, carriers, parked } = await reconnecting(
    async () => ({
      ...(await countSeen(sql, resource.type)),
      parked: await countParked(sql, resource.type, snapshot.startedAt),
    }),
    signal,
  )
  const counted = read.from === 'included' ? carriers : seen
  const refused = refusedFilters(wanted, request)
  const { whole, ...verdict } = judge({ read: read.from, seen: counted, firstCount, total, parked, refused, parent })
  // Nothing can be newer than what it was asked for by.
  const asOf = new Date(Math.min(snapshot.startedAt.getTime(), parent?.asOf?.getTime() ?? Infinity))
  const end = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      if (whole) await settleParked(tx, resource.type, snapshot.startedAt)
      await endSnapshot(tx, resource.type, resource.table, verdict.outcome === 'ok' ? asOf : null)
    })
  await reconnecting(end, signal)
  return { ...tally, ...verdict, parked, expected: shown(total), seen }
}

async function resumeOrBegin(
  sql: Database,
  { type, read }: Resource,
  lease: Lease,
  request: ListRequest | null,
  restart: boolean,
): Promise<Snapshot> {
  const left = restart ? undefined : await readSnapshot(sql, type)
  const usable =
    left !== undefined &&
    (read.from === 'each' || isDeepStrictEqual(left.request, request)) &&
    Date.now() - left.startedAt.getTime() < RESUME_WITHIN_MS
  if (usable) return left
  // Noted at the beginning: the parents that are read first are of that time, however late the last ones are read.
  const question = read.from === 'each' ? { parentsAsOf: await readAsOf(sql, read.parent) } : request
  return await sql.begin(async (tx) => {
    await confirmLease(tx, lease)
    return await beginSnapshot(tx, type, question)
  })
}

function parentOf({ request }: Snapshot, type: string): Parent {
  const { parentsAsOf } = (request ?? {}) as { parentsAsOf?: string | Date | null }
  return { type, asOf: parentsAsOf === undefined || parentsAsOf === null ? null : new Date(parentsAsOf) }
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
