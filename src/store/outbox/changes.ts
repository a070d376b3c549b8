/** The outbox as a person sees it, and what a person can do about a change: retry, discard, resolve. */
import type { Resource } from '../../catalog/resource.ts'
import { UNKNOWN } from '../../errors/codes/changes.ts'
import { usage } from '../../errors/commands.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { transact, type Database, type Transaction } from '../connection/database.ts'
import { disableCapture, tableOf } from '../schema/capture-triggers.ts'
import { checkActionAllowed } from './allowed-actions.ts'
import { changeColumns, jsonbValue, type Change } from './claim.ts'
import { rebaseQueued, type ChangeBase } from './rebase-queued.ts'
import { clearDigest, type FieldProblem } from './settle.ts'

export interface ChangeDetails extends Change {
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
  readonly decisions: readonly FieldDecision[] | null
}

export interface FieldDecision {
  readonly member: string
  readonly entry?: string
  readonly base: unknown
  readonly local: unknown
  readonly remote: unknown
  readonly decision: string
}

const seen = (sql: Database | Transaction) => sql`
  ${changeColumns(sql)}, o.made_at as "madeAt", o.made_by as "madeBy", o.not_before as "notBefore",
  o.state = 'sending' and o.claim_until > now() as held, o.settled_at as "settledAt",
  o.superseded_by::float8 as "supersededBy", o.code, o.reason, o.errors, o.decisions`

/** The newest changes, in their order, and how many there are. @param all settled ones too. */
export async function listChanges(
  sql: Database,
  { all, limit }: { all: boolean; limit: number },
): Promise<{ changes: ChangeDetails[]; count: number }> {
  const wanted = sql`(${all} or o.state in ('waiting', 'sending', 'parked'))`
  const newest = await sql<ChangeDetails[]>`
    select ${seen(sql)} from sync.outbox o where ${wanted} order by o.id desc limit ${limit}`
  const [total] = await sql<{ count: number }[]>`select count(*)::int as count from sync.outbox o where ${wanted}`
  return { changes: newest.toReversed(), count: Math.max(newest.length, total!.count) }
}

/** How many open changes there are in each state. */
export async function countChanges(sql: Database): Promise<Record<string, number>> {
  const rows = await sql<{ state: string; n: number }[]>`
    select state, count(*)::int as n from sync.outbox where state in ('waiting', 'sending', 'parked') group by state`
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]))
}

/** The changes that may be sent at some time, with the parked changes of the same records, in their order. */
export async function listOpenChanges(sql: Database, limit: number): Promise<Change[]> {
  return await sql<Change[]>`
    select ${changeColumns(sql)} from sync.outbox o
    where (o.record_id, o.resource) in (
      select w.record_id, w.resource from sync.outbox w where w.state in ('waiting', 'sending') order by w.id limit ${limit})
      and o.state in ('waiting', 'sending', 'parked')
    order by o.id`
}

/** @throws SyncError SYNC_USAGE when there is no such change. */
export async function findChange(sql: Database | Transaction, id: number): Promise<ChangeDetails> {
  const [change] = await sql<ChangeDetails[]>`select ${seen(sql)} from sync.outbox o where o.id = ${id}`
  if (change === undefined) throw usage(`There is no change ${id}. "changes list --all" shows all of them.`)
  return change
}

/** Makes it waiting again. @throws SyncError SYNC_USAGE unless it is parked or postponed. */
export async function retryChange(sql: Database, id: number): Promise<void> {
  await transact(sql, async (tx) => {
    checkActionAllowed('retry', await lockedChange(tx, id))
    // By retrying a change with an unknown outcome, a person says that it did not arrive. A create with a response is never sent again.
    await tx`
      update sync.outbox set state = case when requested_at is null or code = ${UNKNOWN} and answer_id is null then 'waiting' else 'sending' end,
        claim_until = '-infinity', claim_pid = null, attempts = 0, not_before = null, settled_at = null, code = null, reason = null,
        errors = null, returned_at = null, noted_at = null, requested_at = case when code = ${UNKNOWN} and answer_id is null then null else requested_at end
      where id = ${id}`
    await tx`select pg_notify('scopestack_sync_outbox', '')`
  })
}

/** The new bases of the queued changes of a record, now that one of its changes is discarded. */
export type RebaseDiscarded = (resource: Resource, gone: Change, later: readonly Change[]) => readonly ChangeBase[]

/**
 * Discards a change. Its row shows what ScopeStack holds after the next pull. A new row that was never sent is deleted at
 * once, and its later changes are discarded with it.
 */
export async function discardChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  rebase: RebaseDiscarded,
): Promise<void> {
  await transact(sql, async (tx) => {
    await disableCapture(tx)
    const change = await lockedChange(tx, id)
    checkActionAllowed('discard', change)
    const resource = catalog.get(change.resource)!
    const { recordId } = change
    const neverMade = recordId.startsWith('local-') && change.op === 'create'
    await tx`
      update sync.outbox set state = 'discarded', settled_at = clock_timestamp()
      where id = ${id} or (${neverMade} and record_id = ${recordId} and resource = ${change.resource} and state in ('waiting', 'parked'))`
    if (neverMade) await tx.unsafe(`delete from ${tableOf(resource)} where id = $1`, [recordId])
    else {
      // If the row showed ScopeStack's values in between, no later edit is based on this one.
      if (change.returnedAt === null)
        await rebaseQueued(tx, resource, change, (later) => rebase(resource, change, later))
      await clearDigest(tx, resource, recordId)
    }
    // Changes that refer to it are not blocked any more.
    await tx`select pg_notify('scopestack_sync_outbox', '')`
  })
}

/** Resolves a conflict: the local values overwrite the remote ones that were shown, or are discarded. */
export async function resolveChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  keep: 'local' | 'remote',
  rebase: RebaseDiscarded,
): Promise<void> {
  const change = await findChange(sql, id)
  checkActionAllowed('resolve', change)
  if (keep === 'remote') return await discardChange(sql, catalog, id, rebase)
  // The new base is the remote value that was shown: a later modification in ScopeStack is a new conflict.
  const base = { attributes: { ...change.base.attributes }, relationships: { ...change.base.relationships } }
  const { columns: declared } = catalog.get(change.resource)!
  for (const { member, entry, remote } of change.decisions ?? []) {
    const column = declared.find((one) => one.member === member)!
    const side: Record<string, unknown> = column.from === 'attribute' ? base.attributes : base.relationships
    if (entry === undefined) side[member] = remote
    else side[member] = withValue(side[member], column.entries!, entry, remote)
  }
  await sql`update sync.outbox set base = ${jsonbValue(sql, base)} where id = ${id} and state = 'parked'`
  await retryChange(sql, id)
}

function withValue(list: unknown, [key, value]: readonly [string, string], name: string, remote: unknown): unknown {
  const others = (Array.isArray(list) ? (list as Record<string, unknown>[]) : []).filter((one) => one[key] !== name)
  return [...others, { [key]: name, [value]: remote }]
}

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
  return await findChange(tx, id)
}
