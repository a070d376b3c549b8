/**
 * Marks rows deleted whose record a complete list no longer holds (S6), behind three locks:
 *
 * 1. **The list was proved complete** (`list/completeness.ts`). Else nothing is concluded from it.
 * 2. **Few rows are missing**: at most `deleteLimit` percent of the table, or five. More is `suspect`, and needs
 *    `--allow-mass-delete`.
 * 3. **Each record is not found** by a request for its own address, where a record that was just seen is. One that is found
 *    is loaded instead: the list hides it. Where ScopeStack serves no single records, its list filtered by ids has to show
 *    the same; where it has no such filter either, two full reads hours apart have to miss the row (`missed-twice.ts`).
 *
 * A lock that does not open keeps the rows, and the outcome says why. A row with a local edit that was not sent yet is
 * neither counted nor marked.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import {
  countRemoteRows,
  findUnseen,
  saveSweptTo,
  sampleOfSeen,
  type CompleteList,
  type ProvedMissing,
} from '../../store/mirror/tombstones.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import type { Outcome } from '../../store/runs/runs.ts'
import { getRecords } from '../list/get-record.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter, type RecordWriter } from '../write-records.ts'
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
  /** The first lock. */
  readonly list: CompleteList
  readonly lease: Lease
  readonly capabilities: Capabilities
  readonly allowMassDelete: boolean
  /** How many records were seen, where each has a living row; else null. */
  readonly held: number | null
  /** Some records could not be read, or may be in no list: then a missing row proves little. */
  readonly unread: boolean
  readonly signal: AbortSignal
}

export interface DetectedDeletes {
  readonly deleted: number
  /** Null when nothing speaks against the list. */
  readonly outcome: { readonly outcome: Outcome; readonly message: string } | null
  /** A remark all the same. */
  readonly message?: string | null
}

const hiddenMessage = (count: number): string =>
  `${count} of its rows are not in the list though their records are there: the list hides them. They were brought up to date.`

/** So few may be marked deleted whatever their share: of a table with three rows one would be a third. */
const ALWAYS = 5
/** Each costs a request; the next run goes on with the rest. */
export const MAX_CHECKED = 1000

export async function detectDeletes(deps: Deps, options: Options): Promise<DetectedDeletes> {
  const { sql, deleteLimit } = deps
  const { resource, plan, list, lease, capabilities, allowMassDelete, held, signal } = options
  const { type, table } = resource
  if (plan.read.from === 'singleton') return NOTHING
  const limit = allowMassDelete ? Number.MAX_SAFE_INTEGER : MAX_CHECKED
  // Most often nothing is missing. To count takes a sixth of the time, which is that of planning in a small table.
  const isWhole = held !== null && held === (await withDbRetry(() => countRemoteRows(sql, table), signal))
  const { ids, count, living } = isWhole
    ? NONE_UNSEEN
    : await withDbRetry(() => findUnseen(sql, type, table, limit), signal)
  if (count === 0) {
    await withDbRetry(() => clearMissing(capabilities), signal)
    return NOTHING
  }
  const suspect = allowMassDelete ? null : massDeleteWarning({ type, count, living, deleteLimit })
  if (suspect !== null) return { deleted: 0, outcome: { outcome: 'suspect', message: suspect } }
  const known = await withDbRetry(() => sampleOfSeen(sql, type, table), signal)
  const confirmed = await confirmAndMarkDeleted(deps, { ...options, known }, { ids, list })
  if (confirmed === null) {
    return options.unread ? notProved(count) : await markMissedTwice(deps, options, ids, count)
  }
  await withDbRetry(() => clearMissing(capabilities), signal)
  const { deleted, unsure, living: hidden } = confirmed
  const left = count - ids.length
  await lease.transaction((tx) => saveSweptTo(tx, type, left > 0 ? (ids.at(-1) ?? null) : null))
  if (unsure > 0) {
    const message = `${unsure} of its rows are missing from the list, and requests for their own addresses did not show whether they are deleted. They are kept. The next full read checks again.`
    return { deleted, outcome: { outcome: 'incomplete', message } }
  }
  if (left === 0) return { deleted, outcome: null, message: hidden === 0 ? null : hiddenMessage(hidden) }
  const message = `${left} more rows are missing from the list; the next run checks them one by one. They are kept until then.`
  return { deleted, outcome: { outcome: 'incomplete', message } }
}

const NONE_UNSEEN = { ids: [], count: 0, living: 0 }

const NOTHING: DetectedDeletes = { deleted: 0, outcome: null }

const UNASKED = 'ScopeStack answers for no single record of it'

/** A record that could not be read may be one of the missing, and so may those in its `included`. */
const notProved = (count: number): DetectedDeletes => ({
  deleted: 0,
  outcome: {
    outcome: 'incomplete',
    message:
      `${count} of its rows are missing from the list, of which some could not be read, and ${UNASKED}. They are kept. ` +
      'A full read without any failure decides it.',
  },
})

/** Where ScopeStack serves no single records. */
async function markMissedTwice(
  { sql }: Deps,
  { resource, list, lease, capabilities, signal }: Options,
  ids: readonly string[],
  count: number,
): Promise<DetectedDeletes> {
  const { due, confirm } = await withDbRetry(() => missedTwice(sql, capabilities, ids), signal)
  const writer = writerFor(resource, lease)
  const { deleted } =
    due.length === 0 ? NOTHING : await writer.writeRequested({ records: [], gone: { ids: due, list } })
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

/** Why so many are not marked deleted; null when they may be. */
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

interface Confirming extends Pick<Options, 'resource' | 'plan' | 'lease' | 'signal'> {
  /** Some records that were seen a moment ago. */
  readonly known: readonly string[]
}

export interface ConfirmedDeletes {
  readonly deleted: number
  /** Records for which the requests proved nothing. */
  readonly unsure: number
  /** Records that exist though the list lacks them. */
  readonly living: number
}

/**
 * The third lock. A row that the database rejects is parked, and checked again when it is missing again.
 *
 * @returns null when ScopeStack serves no single records: nothing is known then, and nothing was done.
 */
export async function confirmAndMarkDeleted(
  { client, slug, concurrency }: Omit<Deps, 'deleteLimit'>,
  { resource, plan, lease, signal, known }: Confirming,
  { ids, list }: ProvedMissing,
): Promise<ConfirmedDeletes | null> {
  const lookups = await getRecords({ client, slug, resource, plan, concurrency, signal }, known, ids)
  if (lookups === null) return null
  const writer = writerFor(resource, lease)
  const total = { deleted: 0, unsure: 0, living: 0 }
  for await (const { gone, unsure, existing, records, unusable } of lookups) {
    total.unsure += unsure.length
    total.living += existing
    total.deleted += (await writer.writeRequested({ records, unusable, gone: { ids: gone, list } })).deleted
  }
  return total
}

/** A record that comes by itself may carry fewer members than in its list: that says nothing of what the list carries. */
const writerFor = (resource: Resource, lease: Lease): RecordWriter =>
  createRecordWriter({ resource, lease, mirror: createMirror(resource) })
