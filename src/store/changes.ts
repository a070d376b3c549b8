/** What a person sees of the outbox, and may do about a change. */
import { usage } from '../errors.ts'
import { UNKNOWN } from '../errors/push.ts'
import type { Resource } from '../resource.ts'
import { notLocal, tableOf } from './capture.ts'
import type { Database, Transaction } from './database.ts'
import { columns, json, type Change } from './outbox.ts'
import { forgetDigest, type Problem } from './settle.ts'

export interface SeenChange extends Change {
  readonly madeAt: Date
  readonly madeBy: string
  readonly notBefore: Date | null
  readonly settledAt: Date | null
  readonly supersededBy: number | null
  readonly answerId: string | null
  readonly code: string | null
  readonly reason: string | null
  readonly errors: readonly Problem[] | null
  readonly decisions: readonly SeenDecision[] | null
}

export interface SeenDecision {
  readonly member: string
  readonly entry?: string
  readonly base: unknown
  readonly local: unknown
  readonly remote: unknown
  readonly decision: string
}

const seen = (sql: Database | Transaction) => sql`
  ${columns(sql)}, o.made_at as "madeAt", o.made_by as "madeBy", o.not_before as "notBefore", o.settled_at as "settledAt",
  o.superseded_by::float8 as "supersededBy", o.answer_id as "answerId", o.code, o.reason, o.errors, o.decisions`

/** The oldest first. @param all also those that are settled. */
export async function listChanges(
  sql: Database,
  { all, limit }: { all: boolean; limit: number },
): Promise<SeenChange[]> {
  return await sql<SeenChange[]>`
    select ${seen(sql)} from sync.outbox o
    where ${all} or o.state in ('waiting', 'sending', 'parked') order by o.id limit ${limit}`
}

/** How many there are in each state. */
export async function countChanges(sql: Database): Promise<Record<string, number>> {
  const rows = await sql<{ state: string; n: number }[]>`
    select state, count(*)::int as n from sync.outbox where state in ('waiting', 'sending', 'parked') group by state`
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]))
}

/** All that may be sent some time, with the parked ones of the same records, in their order. */
export async function openChanges(sql: Database, limit: number): Promise<Change[]> {
  return await sql<Change[]>`
    select ${columns(sql)} from sync.outbox o
    where (o.record_id, o.resource) in (
      select w.record_id, w.resource from sync.outbox w where w.state in ('waiting', 'sending') order by w.id limit ${limit})
      and o.state in ('waiting', 'sending', 'parked')
    order by o.id`
}

/** @throws SyncError SYNC_USAGE when there is none. */
export async function findChange(sql: Database | Transaction, id: number): Promise<SeenChange> {
  const [change] = await sql<SeenChange[]>`select ${seen(sql)} from sync.outbox o where o.id = ${id}`
  if (change === undefined) throw usage(`There is no change ${id}. "changes list --all" shows all of them.`)
  return change
}

const isParkedOr = (states: readonly string[], change: SeenChange, verb: string): void => {
  if (['parked', ...states].includes(change.state)) return
  const why = change.state === 'sending' ? 'is being sent just now' : `is ${change.state}`
  throw usage(`Change ${change.id} ${why}, so it cannot be ${verb}.`)
}

/** Sends it again as it is. @throws SyncError SYNC_USAGE unless it is parked, or waits for a later time. */
export async function retryChange(sql: Database, id: number): Promise<void> {
  await sql.begin(async (tx) => {
    isParkedOr(['waiting'], await findChange(await locked(tx, id), id), 'retried')
    // Of one whose arrival nobody knows a person has said that it is not there.
    await tx`
      update sync.outbox set state = 'waiting', attempts = 0, not_before = null, settled_at = null, code = null, reason = null,
        errors = null, returned_at = null, requested_at = case when code = ${UNKNOWN} then null else requested_at end
      where id = ${id}`
    await tx`select pg_notify('scopestack_sync_outbox', '')`
  })
}

/** Lets it go. The row shows what ScopeStack holds after the next pull; a new row that was never sent is gone at once. */
export async function discardChange(sql: Database, catalog: ReadonlyMap<string, Resource>, id: number): Promise<void> {
  await sql.begin(async (tx) => {
    await notLocal(tx)
    const change = await findChange(await locked(tx, id), id)
    isParkedOr(['waiting'], change, 'discarded')
    const resource = catalog.get(change.resource)!
    const { recordId } = change
    const neverMade = recordId.startsWith('local-') && change.op === 'create'
    await tx`
      update sync.outbox set state = 'discarded', settled_at = clock_timestamp()
      where id = ${id} or (${neverMade} and record_id = ${recordId} and state in ('waiting', 'parked'))`
    if (neverMade) await tx.unsafe(`delete from ${tableOf(resource)} where id = $1`, [recordId])
    else await forgetDigest(tx, resource, recordId)
    // What referred to it waits for nothing now.
    await tx`select pg_notify('scopestack_sync_outbox', '')`
  })
}

/** Settles a conflict: here over what ScopeStack was seen to hold, or the other way. */
export async function resolveChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  keep: 'local' | 'remote',
): Promise<void> {
  const change = await findChange(sql, id)
  if (change.state !== 'parked' || change.code !== 'SYNC_PUSH_CONFLICT') {
    throw usage(`Change ${id} is no conflict. "changes retry" or "changes discard" is for it.`)
  }
  if (keep === 'remote') return await discardChange(sql, catalog, id)
  // Agreed upon is now what both values were shown with: a newer edit over there is a new conflict.
  const base = { attributes: { ...change.base.attributes }, relationships: { ...change.base.relationships } }
  const { columns: declared } = catalog.get(change.resource)!
  for (const { member, entry, remote } of change.decisions ?? []) {
    const column = declared.find((one) => one.member === member)!
    const side: Record<string, unknown> = column.from === 'attribute' ? base.attributes : base.relationships
    if (entry === undefined) side[member] = remote
    else side[member] = withValue(side[member], column.entries!, entry, remote)
  }
  await sql`update sync.outbox set base = ${json(sql, base)} where id = ${id} and state = 'parked'`
  await retryChange(sql, id)
}

function withValue(list: unknown, [key, value]: readonly [string, string], name: string, remote: unknown): unknown {
  const others = (Array.isArray(list) ? (list as Record<string, unknown>[]) : []).filter((one) => one[key] !== name)
  return [...others, { [key]: name, [value]: remote }]
}

async function locked(tx: Transaction, id: number): Promise<Transaction> {
  await tx`select from sync.outbox where id = ${id} for update`
  return tx
}
