/** The outbox as a person sees it, and what a person can do about a change: retry, discard, resolve. */
import type { Resource } from '../../catalog/resource.ts'
import { usage } from '../../errors/commands.ts'
import { isCode } from '../../errors/sync-error.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { isLocal, type Change, type Decision, type FieldProblem } from '../changes/change.ts'
import { columnOf, fieldsOf, keyOf, valuesOf } from '../changes/fields.ts'
import { changeColumns, isIn } from '../changes/read.ts'
import { rebaseOntoBase } from '../changes/rebase.ts'
import { OPEN, PARKED, wordOf, type State } from '../changes/states.ts'
import { next } from '../changes/transitions.ts'
import { discard, retry, writeBase } from '../changes/writes.ts'
import { transact, type Database, type Transaction } from '../connection/database.ts'
import { isLeaseHeld } from '../fleet/leases.ts'
import { disableCapture, tableOf } from '../schema/capture-triggers.ts'
import { loseAbandoned, PUSH_LEASE } from './next-batch.ts'
import { clearDigest, rebaseQueued } from './settle.ts'

export interface ChangeDetails extends Change {
  readonly requestedAt: Date | null
  readonly madeAt: Date
  readonly madeBy: string
  readonly notBefore: Date | null
  /** A worker is sending it now. */
  readonly held: boolean
  readonly settledAt: Date | null
  readonly supersededBy: number | null
  readonly code: ErrorCode | null
  readonly reason: string | null
  readonly errors: readonly FieldProblem[] | null
  readonly decisions: readonly Decision[] | null
}

const seen = (sql: Database | Transaction) => sql`
  ${changeColumns(sql)}, o.requested_at as "requestedAt", o.made_at as "madeAt", o.made_by as "madeBy",
  o.not_before as "notBefore", o.state = 'in_flight' and ${isLeaseHeld(sql, PUSH_LEASE)} as held, o.settled_at as "settledAt",
  o.superseded_by::float8 as "supersededBy", o.code, o.reason, o.errors, o.decisions`

const UNSETTLED = [...OPEN, ...PARKED]

/** The newest changes, in their order, and how many there are. @param all settled ones too. */
export async function listChanges(
  sql: Database,
  { all, limit }: { all: boolean; limit: number },
): Promise<{ changes: ChangeDetails[]; count: number }> {
  const wanted = sql`(${all} or ${isIn(sql, UNSETTLED)})`
  const newest = await sql<ChangeDetails[]>`
    select ${seen(sql)} from sync.outbox o where ${wanted} order by o.id desc limit ${limit}`
  const [total] = await sql<{ count: number }[]>`select count(*)::int as count from sync.outbox o where ${wanted}`
  return { changes: newest.toReversed(), count: Math.max(newest.length, total!.count) }
}

/** How many open changes there are, by the words of `wordOf`. */
export async function countChanges(sql: Database): Promise<Record<string, number>> {
  const rows = await sql<{ state: State; n: number }[]>`
    select state, count(*)::int as n from sync.outbox o where ${isIn(sql, UNSETTLED)} group by state`
  const counts: Record<string, number> = {}
  for (const { state, n } of rows) counts[wordOf(state)] = (counts[wordOf(state)] ?? 0) + n
  return counts
}

export type OldestChange = Pick<ChangeDetails, 'id' | 'resource' | 'recordId' | 'madeAt'>

/** Of the changes that may still be sent, about: changes have their ids in the order in which they were made, but for a moment. */
export async function oldestOpenChange(sql: Database): Promise<OldestChange | null> {
  const [oldest] = await sql<OldestChange[]>`
    select id::int, resource, record_id as "recordId", made_at as "madeAt" from sync.outbox o where ${isIn(sql, OPEN)} order by o.id limit 1`
  return oldest ?? null
}

/** The changes that may be sent at some time, with the parked changes of the same records, in their order. */
export async function listOpenChanges(sql: Database, limit: number): Promise<Change[]> {
  return await sql<Change[]>`
    select ${changeColumns(sql)} from sync.outbox o
    where (o.record_id, o.resource) in (
      select o.record_id, o.resource from sync.outbox o where ${isIn(sql, OPEN)} order by o.id limit ${limit})
      and ${isIn(sql, UNSETTLED)}
    order by o.id`
}

/** @throws SyncError SYNC_USAGE when there is no such change. */
export async function findChange(sql: Database | Transaction, id: number): Promise<ChangeDetails> {
  const [change] = await sql<ChangeDetails[]>`select ${seen(sql)} from sync.outbox o where o.id = ${id}`
  if (change === undefined) throw usage(`There is no change ${id}. "changes list --all" shows all of them.`)
  return change
}

export type ChangeAction = 'retry' | 'discard' | 'resolve'

const DONE = { retry: 'retried', discard: 'discarded' } as const

/** @throws SyncError SYNC_USAGE */
export function checkActionAllowed(action: ChangeAction, change: ChangeDetails): void {
  const { id, state, code, held } = change
  if (action === 'resolve') {
    const nothing = { waiting: 'waits to be sent', sending: 'is being sent just now' } as Record<string, string>
    const word = wordOf(state)
    if (word !== 'parked')
      throw usage(`Change ${id} ${nothing[word] ?? `is ${word} already`}; nothing is left to decide.`)
    if (!isCode(code, 'SYNC_PUSH_CONFLICT')) throw usage(`Change ${id} is no conflict. ${instead(id, code)}`)
    return
  }
  // Of a process that is gone.
  const isAbandoned = state === 'in_flight' && !held
  const allowed = next({ ...change, state: isAbandoned ? 'lost' : state }, action)
  if ('rejected' in allowed)
    throw usage(`Change ${id} ${allowed.rejected.replace(/^it /, '')}, so it cannot be ${DONE[action]}.`)
}

function instead(id: number, code: ErrorCode | null): string {
  if (isCode(code, 'SYNC_PUSH_GONE', 'SYNC_PUSH_UNSUPPORTED')) return `"changes discard ${id}" discards it.`
  if (isCode(code, 'SYNC_PUSH_INVALID')) {
    return `ScopeStack refused it: edit the row again, or discard it with "changes discard ${id}".`
  }
  if (isCode(code, 'SYNC_PUSH_FORBIDDEN')) return `ScopeStack does not allow it: "changes retry ${id}" when it does.`
  return `"changes show ${id}" says what helps.`
}

/** Makes it waiting again. @throws SyncError SYNC_USAGE unless it is parked or postponed. */
export async function retryChange(sql: Database, id: number): Promise<void> {
  await transact(sql, async (tx) => {
    checkActionAllowed('retry', await lockedChange(tx, id))
    await retry(tx, id)
    await wakePush(tx)
  })
}

/**
 * Discards a change. Its row shows what ScopeStack holds after the next pull. A new row that was never sent is deleted at
 * once, and its later changes are discarded with it.
 */
export async function discardChange(sql: Database, catalog: ReadonlyMap<string, Resource>, id: number): Promise<void> {
  await transact(sql, async (tx) => {
    await disableCapture(tx)
    const change = await lockedChange(tx, id)
    checkActionAllowed('discard', change)
    const resource = catalog.get(change.resource)!
    const { recordId } = change
    const neverMade = isLocal(recordId) && change.op === 'create'
    await discard(
      tx,
      tx`(o.id = ${id} or ${neverMade} and o.record_id = ${recordId} and o.resource = ${resource.type})`,
    )
    if (neverMade) await tx.unsafe(`delete from ${tableOf(resource)} where id = $1`, [recordId])
    else {
      // If the row showed ScopeStack's values in between, no later edit is based on this one.
      if (change.returnedAt === null) {
        await rebaseQueued(tx, change, (later) => rebaseOntoBase(resource, change, later))
      }
      await clearDigest(tx, resource, recordId)
    }
    // Changes that refer to it are not blocked any more.
    await wakePush(tx)
  })
}

/** Resolves a conflict: the local values overwrite the remote ones that were shown, or are discarded. */
export async function resolveChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  keep: 'local' | 'remote',
): Promise<void> {
  if (keep === 'remote') {
    checkActionAllowed('resolve', await findChange(sql, id))
    return await discardChange(sql, catalog, id)
  }
  await transact(sql, async (tx) => {
    const change = await lockedChange(tx, id)
    checkActionAllowed('resolve', change)
    const resource = catalog.get(change.resource)!
    // The new base is the remote value that was shown: a later modification in ScopeStack is a new conflict.
    const shown = new Map(
      (change.decisions ?? []).map(({ member, entry, remote }) => [
        keyOf({ column: columnOf(resource, member), ...(entry === undefined ? {} : { entry }) }),
        remote,
      ]),
    )
    const fields = fieldsOf(resource, change).map((field) =>
      shown.has(keyOf(field)) ? { ...field, base: shown.get(keyOf(field)) } : field,
    )
    await writeBase(tx, id, valuesOf(fields, 'base'))
    await retry(tx, id)
    await wakePush(tx)
  })
}

const wakePush = (tx: Transaction) => tx`select pg_notify('scopestack_sync_outbox', '')`

/**
 * Locks the row before the change, in the order of edits and settlements, so that an edit in an open transaction is waited
 * for and seen. A create that is settled meanwhile gives the row another id.
 */
async function lockedChange(tx: Transaction, id: number): Promise<ChangeDetails> {
  for (let { resource, recordId } = await findChange(tx, id); ;) {
    const [table] = await tx<{ relation: string }[]>`select relation from sync.captured where type = ${resource}`
    if (table !== undefined) await tx.unsafe(`select from ${table.relation} where id = $1 for update`, [recordId])
    const { recordId: now } = await findChange(tx, id)
    if (now === recordId) break
    recordId = now
  }
  await tx`select from sync.outbox where id = ${id} for update`
  await loseAbandoned(tx, tx`o.id = ${id}`)
  return await findChange(tx, id)
}
