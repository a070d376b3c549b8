/**
 * Ends a change, or parks it: its state, the mirrored row and every reference to it, in one transaction, whose first write proves the lease.
 * The row is loaded only where no later edit of it waits; that edit gets its own response.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { rowRejected } from '../../errors/waiting-changes.ts'
import { changeColumns, isIn, type Change, type ChangeContent } from '../changes/change.ts'
import { rebaseOntoResponse, type ChangeResponse } from '../changes/rebase.ts'
import { OPEN, PARKED } from '../changes/states.ts'
import { end, writeBase, type Ending } from '../changes/writes.ts'
import { transact, waitLimits, type Database, type Transaction } from '../connection/database.ts'
import type { Lease } from '../fleet/leases.ts'
import { bisect } from '../mirror/bisect.ts'
import type { Mirror } from '../mirror/load.ts'
import { describeRejection, isRejectedByDatabase, type DatabaseRejection } from '../mirror/rejections.ts'
import { captureOff, tableOf } from '../schema/capture-triggers.ts'
import { replaceLocalId } from './local-ids.ts'

export interface Settlement {
  readonly ending: Ending
  /**
   * What becomes of the row: the record, as it is loaded; `delete`; or `restore`: the next pull writes what ScopeStack
   * holds, and the change keeps its values.
   */
  readonly row: RemoteRecord | 'delete' | 'restore'
  /** The response that later edits of the record are rebased onto. */
  readonly response?: Omit<ChangeResponse, 'change'>
}

interface Deps {
  readonly sql: Database
  readonly catalog: ReadonlyMap<string, Resource>
  /** Of the change's resource. */
  readonly mirror: Mirror
}

/** @throws SyncError SYNC_CLAIM_LOST where the change, or the lease, is not the holder's any more; SYNC_PUSH_ROW_REFUSED. */
export async function settle(
  { sql, catalog, mirror }: Deps,
  change: Change,
  lease: Lease,
  { ending, row, response }: Settlement,
): Promise<void> {
  const resource = catalog.get(change.resource)!
  const record = typeof row === 'object' ? row : null
  await settleTogether(sql, async (tx, rowWork) => {
    await prepare(tx)
    await rowWork(() => lockRow(tx, resource, change.recordId))
    await end(tx, change, lease, ending)
    const id = record?.id ?? change.recordId
    if (id !== change.recordId) await adoptId(tx, rowWork, catalog, change, id)
    const onto = (later: readonly Change[]) =>
      response === undefined ? [] : rebaseOntoResponse(resource, { ...response, change }, later)
    const isEditedSince = await rebaseQueued(tx, { ...change, recordId: id }, onto)
    // If this is rejected, the next pull still sees by the parked change that the row may differ.
    if (row === 'restore') await rowWork((sub) => clearDigest(sub, resource, id))
    else if (isEditedSince) return
    else if (record !== null) await loadRow(rowWork, mirror, resource, record)
    else await deleteRow(rowWork, resource, id)
  })
}

/**
 * Rebases the queued changes of a record after an earlier one is settled or discarded.
 *
 * @returns whether another change of the record is on its way.
 */
export async function rebaseQueued(
  tx: Transaction,
  { id, recordId, resource }: Pick<Change, 'id' | 'recordId' | 'resource'>,
  bases: (later: readonly Change[]) => readonly ChangeContent['base'][],
): Promise<boolean> {
  const others = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where o.record_id = ${recordId} and o.resource = ${resource} and o.id <> ${id} and ${isIn(tx, [...OPEN, ...PARKED])}
    order by o.id for update`
  const later = others.filter((other) => other.id > id && (other.state === 'waiting' || other.state === 'parked'))
  if (later.length > 0) {
    for (const [index, base] of bases(later).entries()) await writeBase(tx, later[index]!.id, base)
  }
  return others.some(({ state }) => OPEN.includes(state))
}

type Act = (tx: Transaction) => Promise<unknown>

/** Work on the mirrored row within a settlement. @returns false when the database rejected it. */
type RowWork = (act: Act, refuse?: (error: Error & DatabaseRejection) => Promise<boolean>) => Promise<boolean>

/**
 * ScopeStack has responded, so the change is settled even where the mirrored table rejects the row: the next pull parks that
 * row. Savepoints are for the second try only.
 */
async function settleTogether(sql: Database, act: (tx: Transaction, row: RowWork) => Promise<void>): Promise<void> {
  const direct = (tx: Transaction) =>
    act(tx, async (work) => {
      await work(tx)
      return true
    })
  const withSavepoints = (tx: Transaction) =>
    act(tx, async (work, refuse = async () => false) => {
      const done = await bisect<Act, boolean>(tx, [work], (savepoint) => work(savepoint).then(() => true), refuse)
      return done[0]!
    })
  try {
    await transact(sql, direct)
  } catch (error) {
    if (!isRejectedByDatabase(error)) throw error
    await transact(sql, withSavepoints)
  }
}

/** Without the real id, the next pull would insert the record a second time. */
async function adoptId(
  tx: Transaction,
  row: RowWork,
  catalog: ReadonlyMap<string, Resource>,
  { resource: type, recordId }: Change,
  id: string,
): Promise<void> {
  const resource = catalog.get(type)!
  await row(
    (sub) => replaceLocalId(sub, catalog, resource, recordId, id),
    async (error) => {
      const said = await describeRejection(tx, resource.table, error)
      throw rowRejected({ what: `${type} ${recordId}`, said }, error)
    },
  )
}

async function loadRow(row: RowWork, mirror: Mirror, resource: Resource, record: RemoteRecord): Promise<void> {
  const isLoaded = await row((tx) => mirror.loadResponse(tx, record))
  if (!isLoaded) await row((tx) => clearDigest(tx, resource, record.id))
}

async function deleteRow(row: RowWork, resource: Resource, id: string): Promise<void> {
  const table = tableOf(resource)
  if (await row((tx) => tx.unsafe(`delete from ${table} where id = $1`, [id]))) return
  // A foreign key of a user's own table refers to the row.
  await row((tx) =>
    tx.unsafe(`update ${table} set sync_deleted_at = now(), sync_changed_at = now() where id = $1`, [id]),
  )
}

/** All other changes wait behind a settlement, so another open transaction must not block it for long. */
const LONGEST_WAIT = '3s'

const prepare = (tx: Transaction) =>
  tx`select ${waitLimits(tx)}, ${captureOff(tx)}, set_config('sync.history', 'push', true),
    set_config('lock_timeout', ${LONGEST_WAIT}, true)`

/** Another transaction holds the lock of the row, or was in a deadlock with ours. */
export const isRowLocked = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01')

/** An edit in an open transaction is waited for, so that it is seen. */
const lockRow = (tx: Transaction, resource: Resource, id: string) =>
  tx.unsafe(`select from ${tableOf(resource)} where id = $1 for update`, [id])

/** The row may hold local values: the next record that is loaded counts as different. */
export const clearDigest = (tx: Transaction, resource: Resource, id: string) =>
  tx.unsafe(`update ${tableOf(resource)} set sync_hash = '' where id = $1 and id not like 'local-%'`, [id])
