/**
 * Settling a change: its final state, the mirrored row and every reference to it, in one transaction that proves the claim.
 * The row is loaded from the response only where no later edit of it waits; that edit gets its own response.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { claimLost, rowRejected } from '../../errors/waiting-changes.ts'
import { limitWaits, transact, type Database, type Transaction } from '../connection/database.ts'
import { bisect } from '../mirror/bisect.ts'
import { storable } from '../mirror/codec.ts'
import { createMirror } from '../mirror/load.ts'
import { describeRejection, isRejectedByDatabase, type DatabaseRejection } from '../mirror/rejections.ts'
import { disableCapture, tableOf } from '../schema/capture-triggers.ts'
import { jsonbValue, type StoredResponse, type Change } from './claim.ts'
import { replaceLocalId } from './local-ids.ts'
import { rebaseQueued, type ChangeBase } from './rebase-queued.ts'

export interface FieldProblem {
  /** The column that the pointer names, if it names one. */
  readonly column: string | null
  readonly pointer: string | null
  readonly message: string
}

export interface ParkReason {
  readonly code: ErrorCode
  readonly reason: string
  readonly errors: readonly FieldProblem[]
}

interface Deps {
  readonly sql: Database
  readonly catalog: ReadonlyMap<string, Resource>
}

/** The new bases of the queued changes of a record, now that ScopeStack has responded to an earlier one. */
export type Rebase = (
  resource: Resource,
  answered: { readonly change: Change; readonly record: RemoteRecord; readonly decisions: unknown },
  later: readonly Change[],
) => readonly ChangeBase[]

/** @param record from the response; null after a delete. */
export async function settleSent(
  { sql, catalog, rebase }: Deps & { readonly rebase: Rebase },
  change: Change,
  term: number,
  record: RemoteRecord | null,
  decisions: unknown,
): Promise<void> {
  const resource = catalog.get(change.resource)!
  await settleTogether(sql, async (tx, row) => {
    await prepareSettlement(tx)
    await row(() => lockRow(tx, resource, change.recordId))
    await closeChange(tx, change, term, { state: 'sent', answerId: record?.id ?? change.recordId, decisions })
    if (record !== null && record.id !== change.recordId) {
      // Without the real id, the next pull would insert the record a second time.
      const adopt: Act = (sub) => replaceLocalId(sub, catalog, resource, change.recordId, record.id)
      await row(adopt, async (error) => {
        throw rowRejected(
          { what: `${change.resource} ${change.recordId}`, said: await describeRejection(tx, resource.table, error) },
          error,
        )
      })
    }
    const id = record?.id ?? change.recordId
    if (record !== null) {
      const onto = (later: readonly Change[]) => rebase(resource, { change, record, decisions }, later)
      await rebaseQueued(tx, resource, { id: change.id, recordId: id }, onto)
    }
    if (await isEditedSince(tx, change.resource, id)) return
    if (record !== null) await loadResponse(row, resource, record)
    else if (!(await row((sub) => sub.unsafe(`delete from ${tableOf(resource)} where id = $1`, [id])))) {
      // A foreign key of a user's own table refers to the row.
      await row((sub) =>
        sub.unsafe(`update ${tableOf(resource)} set sync_deleted_at = now(), sync_changed_at = now() where id = $1`, [
          id,
        ]),
      )
    }
  })
}

/** Another create has this record already. */
export const isDuplicateCreate = (error: unknown): boolean =>
  error instanceof Error && 'constraint_name' in error && error.constraint_name === 'outbox_answer_idx'

/** Nothing was left to send; the row gets what ScopeStack holds. */
export async function settleSuperseded(
  { sql, catalog }: Deps,
  change: Change,
  term: number,
  record: RemoteRecord,
  decisions: unknown,
): Promise<void> {
  const resource = catalog.get(change.resource)!
  await settleTogether(sql, async (tx, row) => {
    await prepareSettlement(tx)
    await row(() => lockRow(tx, resource, change.recordId))
    await closeChange(tx, change, term, { state: 'superseded', answerId: null, decisions })
    if (!(await isEditedSince(tx, change.resource, change.recordId))) {
      await loadResponse(row, resource, record)
    }
  })
}

/** Parks it. The next pull restores the row to what ScopeStack holds; the change keeps its values. */
export async function settleParked(
  { sql, catalog }: Deps,
  change: Change,
  term: number,
  { code, reason, errors }: ParkReason,
  decisions: unknown,
): Promise<void> {
  const resource = catalog.get(change.resource)!
  await settleTogether(sql, async (tx, row) => {
    await prepareSettlement(tx)
    await row(() => lockRow(tx, resource, change.recordId))
    await closeChange(tx, change, term, { state: 'parked', answerId: null, decisions })
    await tx`
      update sync.outbox set code = ${code}, reason = ${storable(reason)}, errors = ${jsonbValue(tx, errors)}, returned_at = null
      where id = ${change.id}`
    // If this is rejected, the next pull still sees by the parked change that the row may differ.
    await row((sub) => clearDigest(sub, resource, change.recordId))
  })
}

/** The part of a change that ScopeStack did not apply. */
export interface RemainingEdit {
  readonly attributes: Change['attributes']
  readonly relationships: Change['relationships']
  readonly base: ChangeBase
  readonly decisions: unknown
}

/** ScopeStack applied a part: the change is parked with the rest, and the row shows what was applied. */
export async function settlePartly(
  { sql, catalog, rebase }: Deps & { readonly rebase: Rebase },
  change: Change,
  term: number,
  { record, decisions, rest, because }: StoredResponse & { readonly rest: RemainingEdit; readonly because: ParkReason },
): Promise<void> {
  const resource = catalog.get(change.resource)!
  const { id, recordId } = change
  await settleTogether(sql, async (tx, row) => {
    await prepareSettlement(tx)
    await row(() => lockRow(tx, resource, recordId))
    await closeChange(tx, change, term, { state: 'parked', answerId: null, decisions: rest.decisions })
    await tx`
      update sync.outbox set attributes = ${jsonbValue(tx, rest.attributes)}, relationships = ${jsonbValue(tx, rest.relationships)},
        base = ${jsonbValue(tx, rest.base)}, refs = '{}', code = ${because.code}, reason = ${storable(because.reason)},
        errors = ${jsonbValue(tx, because.errors)}, requested_at = null, in_doubt = null, returned_at = now()
      where id = ${id}`
    const onto = (later: readonly Change[]) => rebase(resource, { change, record, decisions }, later)
    await rebaseQueued(tx, resource, { id, recordId }, onto)
    if (!(await isEditedSince(tx, change.resource, recordId))) await loadResponse(row, resource, record)
  })
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

async function loadResponse(row: RowWork, resource: Resource, record: RemoteRecord): Promise<void> {
  const isLoaded = await row((tx) => createMirror(resource).loadResponse(tx, record))
  if (!isLoaded) await row((tx) => clearDigest(tx, resource, record.id))
}

/** All other changes wait behind a settlement, so another open transaction must not block it for long. */
const LONGEST_WAIT = '3s'

async function prepareSettlement(tx: Transaction): Promise<void> {
  await Promise.all([limitWaits(tx), disableCapture(tx), tx`select set_config('lock_timeout', ${LONGEST_WAIT}, true)`])
}

/** Another transaction holds the lock of the row, or was in a deadlock with ours. */
export const isRowLocked = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01')

/** An edit in an open transaction is waited for, so that it is seen. */
const lockRow = (tx: Transaction, resource: Resource, id: string) =>
  tx.unsafe(`select from ${tableOf(resource)} where id = $1 for update`, [id])

async function closeChange(
  tx: Transaction,
  { id }: Change,
  term: number,
  { state, answerId, decisions }: { state: string; answerId: string | null; decisions: unknown },
): Promise<void> {
  const { count } = await tx`
    update sync.outbox set state = ${state}, settled_at = clock_timestamp(), answer_id = coalesce(${answerId}, answer_id),
      sent_at = case when ${state} = 'sent' then now() end, decisions = coalesce(${jsonbValue(tx, decisions)}, decisions),
      code = null, reason = null, errors = null, claim_until = null, claim_pid = null, answer = null
    where id = ${id} and term = ${term} and state = 'sending'`
  if (count !== 1) throw claimLost({ change: id, term })
}

async function isEditedSince(tx: Transaction, type: string, id: string): Promise<boolean> {
  const [later] = await tx`
    select from sync.outbox where record_id = ${id} and resource = ${type} and state in ('waiting', 'sending') limit 1`
  return later !== undefined
}

/** The row may hold local values: the next record that is loaded counts as different. */
export const clearDigest = (tx: Transaction, resource: Resource, id: string) =>
  tx.unsafe(`update ${tableOf(resource)} set sync_hash = '' where id = $1 and id not like 'local-%'`, [id])
