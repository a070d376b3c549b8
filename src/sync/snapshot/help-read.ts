/**
 * Helps another process to read a long list: takes chains of it until none is left. A failure is not reported from here: the
 * chains are free again, and the coordinator, which reads them then, meets the same and decides.
 */
import type { Resource } from '../../catalog/resource.ts'
import { leaseLost } from '../../errors/resources.ts'
import { errorCodeOf, factOf, hasCode, reason } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { createEtagCheck } from '../../remote/pages/etag-check.ts'
import { readSharedChains } from '../../remote/pages/shared-pages.ts'
import { isConnectionLoss, type Database } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { acceptingLosses } from '../../store/mirror/seen-members.ts'
import { readKnown } from '../../store/progress/known.ts'
import {
  endReader,
  markMisled,
  openReader,
  readSharedList,
  type Reader,
  type SharedList,
} from '../../store/progress/shared-list.ts'
import { requestDigest } from '../list/declared-columns.ts'
import { BATCH_RECORDS, type PageCache } from '../list/list-reader.ts'
import { pageCacheOf } from '../list/page-cache.ts'
import { toBatch } from '../list/read-page.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'
import type { SharedReading } from './share-list.ts'
import { SharedReader } from './shared-reader.ts'
import type { Sharing } from './snapshot-options.ts'
import { expectedMembers } from './withheld-members.ts'

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly concurrency: number
  readonly catalog: ReadonlyMap<string, Resource>
  readonly sharing: Sharing
}

interface Help {
  readonly runId: number
  /** Of the resource. */
  readonly type: string
  readonly signal: AbortSignal
}

export interface Helped {
  readonly records: number
  /** What it failed of, which is the coordinator's to report. */
  readonly failed: string | null
}

/**
 * @returns undefined when there is nothing to help with.
 * @throws SyncError SYNC_STOPPED, SYNC_LEASE_LOST when the list passed to another coordinator; the loss of a connection.
 */
export async function helpRead(deps: Deps, { runId, type, signal }: Help): Promise<Helped | undefined> {
  const { sql, catalog, sharing } = deps
  const declared = catalog.get(type)
  const list = await withDbRetry(() => readSharedList<SharedReading>(sql, type), signal)
  if (declared === undefined || list === undefined || list.runId !== runId) return undefined

  const { request, digest, added } = list.reading
  const resource = { ...declared, added }
  if (list.version !== sharing.version || digest !== requestDigest(request, resource)) return undefined
  const backend = await withDbRetry(() => sharing.leases.session(), signal)
  const own = await withDbRetry(() => openReader(sql, list, { holder: sharing.holder, backend }), signal)
  if (own === undefined) return undefined
  const under = sharing.leases.under({ resource: type, term: list.term, runId })
  const lease: Lease = { ...under, transaction: (act) => withDbRetry(() => under.transaction(act), signal) }
  const reader = new SharedReader({ sql, reader: own, lease, leases: sharing.leases, fromPages: sharing.fromPages })
  const lost = new AbortController()
  const renewal = reader.renewing(() => lost.abort())
  const held = AbortSignal.any([signal, lost.signal])
  let failure: Parameters<typeof endReader>[2]
  let records = 0
  try {
    for await (const read of readAll({ ...deps, resource, list, own, reader, lease }, held)) records += read
    return { records, failed: null }
  } catch (error) {
    if (lost.signal.aborted) throw leaseLost(lease)
    if (hasCode(error, 'SYNC_STOPPED', 'SYNC_LEASE_LOST') || isConnectionLoss(error)) throw error
    failure = { code: errorCodeOf(error) ?? 'other', page: factOf(error, 'page') ?? null }
    return { records, failed: reason(error) }
  } finally {
    clearInterval(renewal)
    await endReader(sql, own, failure).catch(() => {})
  }
}

interface Helping extends Deps {
  readonly resource: Resource
  readonly list: SharedList<SharedReading>
  readonly own: Reader
  readonly reader: SharedReader
  readonly lease: Lease
}

/** Yields how many records of each batch were read. */
async function* readAll(helping: Helping, signal: AbortSignal): AsyncGenerator<number> {
  const { sql, client, concurrency, resource, list, own, reader, lease } = helping
  const { request, digest, count, size, trust, acceptWithheld, followSince } = list.reading
  const { capabilities } = await withDbRetry(() => readKnown(sql, resource.type), signal)
  const expected = expectedMembers(capabilities, resource)
  const mirror = createMirror(resource, acceptWithheld ? acceptingLosses(expected) : expected)
  const follow = followSince === null ? 'written' : new Date(followSince)
  const writer = createRecordWriter({ resource, lease, mirror, follow })
  const cache: PageCache | undefined =
    trust === null ? undefined : pageCacheOf({ sql, resource, digest, capabilities, signal }, trust)
  const wanted = { type: resource.type, aliases: resource.aliases, carried: false }
  const recall = cache?.recall ?? (() => Promise.resolve(undefined))
  const reading = { client, request, recall, pool: reader, atMost: concurrency + 2, batch: BATCH_RECORDS, signal }
  const etagsLie = createEtagCheck()
  for await (const steps of readSharedChains(reading)) {
    const pages = steps.map(({ page }) => page)
    const batch = toBatch(pages, { wanted, size, count, pass: list.pass, isFromEnd: true })
    await reader.write(
      { writer, mirror, resource, digest, pass: list.pass, signal },
      { ...batch, steps: steps.map(({ chain }) => chain) },
    )
    if (etagsLie(batch.pages) && cache !== undefined) {
      await cache.distrust()
      if (!cache.transfersAll) await withDbRetry(() => markMisled(sql, own), signal)
    }
    yield pages.reduce((sum, { records }) => sum + records.length, 0)
  }
}
