/**
 * Buries the rows whose record a whole list no longer holds, behind three locks (S6): the list was proved whole; they are
 * few, by their share of the table; and each, asked for by its own address, is not found. One that answers all the same is
 * loaded instead. Where ScopeStack answers for no single record, the list that is asked for it by its id has to say so, or
 * two whole readings (`missed-twice.ts`).
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import type { Database } from '../../store/connection/database.ts'
import { arrayLiteral } from '../../store/connection/literals.ts'
import { confirmLease, type Lease } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { isRejectedByDatabase } from '../../store/mirror/refusals.ts'
import {
  markDeleted,
  markDeletedOneByOne,
  findUnseen,
  saveSweptTo,
  sampleOfSeen,
} from '../../store/mirror/tombstones.ts'
import { PARENT_RESOURCE, recordChangedParents } from '../../store/progress/changed-projects.ts'
import { parkRecords, closeRejectedRecords } from '../../store/progress/parked-records.ts'
import type { Outcome } from '../../store/runs/runs.ts'
import { getRecords } from '../list/get-record.ts'
import { rejectedRecords, type UnusableRecord } from '../list/page-batch.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { HOURS_APART, missedTwice, clearMissing } from './missed-twice.ts'

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly slug: string
  readonly concurrency: number
  readonly deleteLimit: number
}

interface Options {
  readonly resource: Resource
  readonly plan: ReadPlan
  readonly lease: Lease
  readonly mirror: Mirror
  readonly allowMassDelete: boolean
  /** Some records could not be read, or may be in no list: that a row was not met says little by itself. */
  readonly unread: boolean
  readonly signal: AbortSignal
}

export interface DetectedDeletes {
  readonly deleted: number
  /** Null when it says nothing against the list. */
  readonly outcome: { readonly outcome: Outcome; readonly message: string } | null
  /** What is worth knowing all the same. */
  readonly message?: string | null
}

const hiddenMessage = (count: number): string =>
  `${count} of its rows are not in the list though their records are there: the list hides them. They were brought up to date.`

/** So few are buried whatever their share: of a table with three rows one would be a third. */
const ALWAYS = 5
/** Each costs a request: a run that found more goes on with them the next time. */
export const MAX_CHECKED = 1000

export async function detectDeletes(deps: Deps, options: Options): Promise<DetectedDeletes> {
  const { sql, deleteLimit } = deps
  const { resource, plan, lease, allowMassDelete, signal } = options
  const { type, table } = resource
  if (plan.read.from === 'singleton') return NOTHING
  const limit = allowMassDelete ? Number.MAX_SAFE_INTEGER : MAX_CHECKED
  const { ids, count, living } = await withDbRetry(() => findUnseen(sql, type, table, limit), signal)
  if (count === 0) {
    await withDbRetry(() => clearMissing(sql, type), signal)
    return NOTHING
  }
  const suspect = allowMassDelete ? null : massDeleteWarning({ type, count, living, deleteLimit })
  if (suspect !== null) return { deleted: 0, outcome: { outcome: 'suspect', message: suspect } }
  const known = await withDbRetry(() => sampleOfSeen(sql, type, table), signal)
  const confirmed = await confirmAndMarkDeleted(deps, { ...options, known }, ids)
  if (confirmed === null) {
    return options.unread ? notProved(count) : await buryMissedTwice(deps, options, ids, count)
  }
  await withDbRetry(() => clearMissing(sql, type), signal)
  const { deleted, unsure, living: hidden } = confirmed
  const left = count - ids.length
  const goOn = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await saveSweptTo(tx, type, left > 0 ? (ids.at(-1) ?? null) : null)
    })
  await withDbRetry(goOn, signal)
  if (unsure > 0) {
    const message = `${unsure} of its rows are missing from the list, and requests for their own addresses did not show whether they are deleted. They are kept. The next full read checks again.`
    return { deleted, outcome: { outcome: 'incomplete', message } }
  }
  if (left === 0) return { deleted, outcome: null, message: hidden === 0 ? null : hiddenMessage(hidden) }
  const message = `${left} more rows are missing from the list; the next run checks them one by one. They are kept until then.`
  return { deleted, outcome: { outcome: 'incomplete', message } }
}

const NOTHING: DetectedDeletes = { deleted: 0, outcome: null }

const UNASKED = 'ScopeStack answers for no single record of it'

/** A record that fails its page takes along what it carries, and may be one of the missing itself. */
const notProved = (count: number): DetectedDeletes => ({
  deleted: 0,
  outcome: {
    outcome: 'incomplete',
    message:
      `${count} of its rows are missing from the list, of which some could not be read, and ${UNASKED}. They are kept. ` +
      'A full read without any failure decides it.',
  },
})

/** Where single records cannot be asked for. */
async function buryMissedTwice(
  { sql }: Deps,
  { resource, lease, signal }: Options,
  ids: readonly string[],
  count: number,
): Promise<DetectedDeletes> {
  const { due, confirm } = await withDbRetry(() => missedTwice(sql, resource.type, ids), signal)
  const deleted = due.length === 0 ? 0 : await settleAsked({ sql, resource, lease, signal }, { gone: due, records: [] })
  await withDbRetry(confirm, signal)
  const left = count - due.length
  if (left === 0) {
    const message = `${deleted} rows were marked as deleted: ${UNASKED}, and two full reads in a row missed them.`
    return { deleted, outcome: null, message }
  }
  const message =
    `${left} of its rows are missing from the list, and ${UNASKED}. They are kept. A full read ` +
    `${HOURS_APART} hours from the first that missed them, or later, marks as deleted what it misses too.`
  return { deleted, outcome: { outcome: 'incomplete', message } }
}

/** Why so many are not believed to be deleted; null when they may be. */
export function massDeleteWarning(found: {
  type: string
  count: number
  living: number
  deleteLimit: number
}): string | null {
  const { type, count, living, deleteLimit } = found
  if (count < living && count <= Math.max(ALWAYS, (living * deleteLimit) / 100)) return null
  return (
    `${count === living ? 'All' : `${count}`} of its ${living} rows are missing from the list, more than may be at once ` +
    `(${deleteLimit} %). Nothing was deleted. If that is right, run: pull --full --allow-mass-delete ${type}`
  )
}

interface Confirming extends Omit<Options, 'allowMassDelete' | 'unread'> {
  /** Some records that were met a moment ago. */
  readonly known: readonly string[]
}

export interface ConfirmedDeletes {
  readonly deleted: number
  /** Of how many nothing could be learned. */
  readonly unsure: number
  /** Not in the list, and there. */
  readonly living: number
}

/** @returns null when single records cannot be asked for: nothing is known then, and nothing was done. */
export async function confirmAndMarkDeleted(
  { sql, client, slug, concurrency }: Omit<Deps, 'deleteLimit'>,
  { resource, plan, lease, mirror, signal, known }: Confirming,
  ids: readonly string[],
): Promise<ConfirmedDeletes | null> {
  const asked = await getRecords({ client, slug, resource, plan, concurrency, signal }, known, ids)
  if (asked === null) return null
  let deleted = 0
  let unsure = 0
  let alive = 0
  for await (const some of asked) {
    unsure += some.unsure.length
    alive += some.existing
    deleted += await settleAsked({ sql, resource, lease, mirror, signal }, some)
  }
  return { deleted, unsure, living: alive }
}

type Settling = Pick<Confirming, 'resource' | 'lease' | 'signal'> & { readonly sql: Database; readonly mirror?: Mirror }

/** @returns how many it buried. What the database would not have is parked, and asked for again when it is missing again. */
async function settleAsked(
  { sql, resource, lease, mirror, signal }: Settling,
  { gone, records: living }: { readonly gone: readonly string[]; readonly records: readonly RemoteRecord[] },
): Promise<number> {
  const { type } = resource
  const write = (buried: typeof markDeleted) => () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      const aside: UnusableRecord[] = []
      if (living.length > 0 && mirror !== undefined) {
        const loaded = await mirror.loadOneByOne(tx, living)
        await recordChangedParents(tx, type, type === PARENT_RESOURCE ? [...loaded.written, ...loaded.left] : [])
        aside.push(...rejectedRecords(loaded, living))
      }
      const { count, rejected } = await buried(tx, resource, gone)
      aside.push(...rejected.map((one) => ({ ...one, body: null, byDatabase: true })))
      await parkRecords(
        tx,
        type,
        aside.map(({ id, ...rest }) => ({ recordId: id, ...rest })),
      )
      await closeRejectedRecords(tx, type, arrayLiteral([...gone, ...living.map(({ id }) => id)]))
      return count
    })
  return await withDbRetry(write(markDeleted), signal).catch((error: unknown) => {
    if (!isRejectedByDatabase(error)) throw error
    return withDbRetry(write(markDeletedOneByOne), signal)
  })
}
