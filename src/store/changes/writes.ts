/**
 * The only file that writes sync.outbox; the capture triggers insert, in SQL. Each write of `state` names an event, and goes
 * through the table of transitions.ts: what that rejects, the statement does not find. The writes of a push prove its lease,
 * by a share lock on it: the next holder waits for them, and a late holder's write nothing.
 */
import type { Column } from '../../catalog/resource.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { claimLost } from '../../errors/waiting-changes.ts'
import type { Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isLeaseOurs, type Lease } from '../fleet/leases.ts'
import { encodeJson, storable } from '../values/codec.ts'
import {
  isIn,
  type Change,
  type ChangeContent,
  type ChangeValues,
  type Decision,
  type FieldProblem,
  type Fragment,
  type Sql,
  type StoredResponse,
} from './change.ts'
import { stepsOf, type Event } from './transitions.ts'

/** As text, so that the driver's JSON handling does not matter; encoded as in the mirror. */
export const jsonbValue = (sql: Sql, value: unknown) => sql`${encodeJson(value ?? null)}::text::jsonb`
const orNull = (sql: Sql, value: unknown) => (value === null ? sql`null::jsonb` : jsonbValue(sql, value))
const idList = (ids: readonly number[]): string => `{${ids.join(',')}}`
const seconds = (sql: Sql, n: number) => sql`make_interval(secs => ${n})`

/** @returns how many changes it happened to. */
async function happen(sql: Sql, event: Event, which: Fragment, set: Fragment): Promise<number> {
  const { from, to } = stepsOf(event)
  const step = sql`(${JSON.stringify(to)}::text::jsonb -> o.op ->> o.state)`
  const { count } = await sql`
    update sync.outbox o set state = ${step}, ${set}
    where ${which} and ${isIn(sql, from)} and ${step} is not null`
  return count
}

/**
 * The same to one change, in a push.
 *
 * @throws SyncError SYNC_CLAIM_LOST where a person has discarded it, or another process has the lease: nothing was written.
 */
async function happenTo(
  { id }: Change,
  lease: Lease,
  sql: Sql,
  event: Event,
  set: Fragment,
  proof: Fragment = isLeaseOurs(sql, lease),
): Promise<void> {
  const count = await happen(sql, event, sql`o.id = ${id} and ${proof}`, set)
  if (count !== 1) throw claimLost({ change: id, term: lease.term })
}

/** The request leaves now. From here on no other change is coalesced into it. Where this throws, it must not leave. */
export async function depart(sql: Sql, change: Change, lease: Lease, knownIds: Change['knownIds']): Promise<void> {
  const known = knownIds === null ? null : arrayLiteral(knownIds)
  const set = sql`
    requested_at = clock_timestamp(), not_before = null, code = null, reason = null,
    known_ids = case when o.op = 'create' then ${known}::text[] end`
  await happenTo(change, lease, sql, 'depart', set)
}

/** ScopeStack reports a create as done, but not which record it made. */
export const accept = (sql: Sql, change: Change, lease: Lease, why: string) =>
  happenTo(change, lease, sql, 'accept', sql`answer = ${jsonbValue(sql, { why })}`)

/** Stores the response to an edit. */
export const answerEdit = (sql: Sql, change: Change, lease: Lease, answer: StoredResponse) =>
  happenTo(change, lease, sql, 'answer', sql`answer = ${jsonbValue(sql, answer)}`)

/**
 * The id of a created record. Stored whichever worker has the lease by now.
 *
 * @param answer null where the record was found by a search: it may have been modified since it was created.
 * @throws the error that `isDuplicateCreate` recognizes.
 */
export const answerCreate = (sql: Sql, change: Change, lease: Lease, made: string, answer: StoredResponse | null) =>
  happenTo(change, lease, sql, 'answer', sql`answer_id = ${made}, answer = ${orNull(sql, answer)}`, sql`true`)

/** Another create has this record already. */
export const isDuplicateCreate = (error: unknown): boolean =>
  error instanceof Error && 'constraint_name' in error && error.constraint_name === 'outbox_answer_idx'

/** The request certainly did not arrive, and the push ends. */
export const unsend = (sql: Sql, change: Change, lease: Lease) =>
  happenTo(change, lease, sql, 'unsend', sql`requested_at = null`)

/**
 * @param attempts how often it has failed; unchanged when left out.
 * @param event `unsend`: the request certainly did not arrive.
 */
export function postpone(
  sql: Sql,
  change: Change,
  lease: Lease,
  { seconds: pause, error, attempts }: { seconds: number; error: SyncError; attempts?: number },
  event: 'postpone' | 'unsend',
): Promise<void> {
  const set = sql`
    attempts = coalesce(${attempts ?? null}::int, o.attempts), code = ${error.code},
    reason = ${storable(error.message)}, not_before = now() + ${seconds(sql, pause)},
    requested_at = case when ${event} = 'unsend' then null else o.requested_at end`
  return happenTo(change, lease, sql, event, set)
}

/** What is left of a batch, where a failure ended the push. */
export const pauseAll = (sql: Sql, ids: readonly number[], lease: Lease, pause: number) =>
  happen(
    sql,
    'postpone',
    sql`o.id = any(${idList(ids)}::bigint[]) and ${isLeaseOurs(sql, lease)}`,
    sql`not_before = now() + ${seconds(sql, pause)}`,
  )

/** The process that sent them is gone. @param which of changes `o`. */
export const lose = (sql: Sql, which: Fragment) => happen(sql, 'lose', which, sql`not_before = null`)

/** What ends a change, or parks it. */
export interface Ending {
  readonly event: 'settle' | 'obsolete' | 'refuse' | 'park' | 'doubt' | 'strand' | 'vanish'
  readonly decisions: readonly Decision[] | null
  readonly answerId?: string
  /** Of a parked change, why; and what ScopeStack said of its fields. */
  readonly error?: SyncError
  readonly errors?: readonly FieldProblem[]
  /** Of a parked edit: values that its requests may have written. */
  readonly inDoubt?: ChangeValues | null
  /** ScopeStack applied a part, and this is what is left; the row shows what was applied. */
  readonly rest?: ChangeContent | null
}

export async function end(tx: Transaction, change: Change, lease: Lease, ending: Ending): Promise<void> {
  const { event, decisions, answerId = null, error, errors = [], inDoubt = null, rest = null } = ending
  const accepted = event === 'settle' || rest !== null
  const set = tx`
    settled_at = clock_timestamp(), sent_at = case when ${accepted} then now() end, not_before = null, answer = null,
    answer_id = case when ${event} = 'vanish' then null else coalesce(${answerId}, o.answer_id) end,
    requested_at = case when ${event} in ('settle', 'doubt', 'strand') then o.requested_at end,
    decisions = coalesce(${orNull(tx, decisions)}, o.decisions), code = ${error?.code ?? null},
    errors = ${orNull(tx, error === undefined ? null : errors)}, reason = ${error === undefined ? null : storable(error.message)}, in_doubt = ${orNull(tx, inDoubt)},
    returned_at = case when ${rest !== null} then now() end`
  await happenTo(change, lease, tx, event, set)
  if (rest !== null) await rewrite(tx, { ...change, ...rest, inDoubt: null })
}

/** Its values went into a newer change. @param by null: together they amount to nothing. */
export const coalesceInto = (tx: Transaction, ids: readonly number[], by: number | null) =>
  happen(
    tx,
    'coalesce',
    tx`o.id = any(${idList(ids)}::bigint[])`,
    tx`superseded_by = ${by}, settled_at = clock_timestamp()`,
  )

export async function rewrite(tx: Transaction, change: Change): Promise<void> {
  const { id, op, base, inDoubt } = change
  const [attributes, relationships] = [jsonbValue(tx, change.attributes), jsonbValue(tx, change.relationships)]
  await tx`
    update sync.outbox o set op = ${op}, attributes = ${attributes}, relationships = ${relationships},
      base = ${jsonbValue(tx, base)}, in_doubt = ${orNull(tx, inDoubt)},
      refs = (select sync.local_refs(k.columns, ${attributes}, ${relationships}) from sync.captured k where k.type = o.resource)
    where id = ${id}`
}

export async function writeBase(tx: Transaction, id: number, base: ChangeContent['base']): Promise<void> {
  await tx`update sync.outbox set base = ${jsonbValue(tx, base)} where id = ${id}`
}

/** A person wants it sent again. */
export const retry = (tx: Transaction, id: number) =>
  happen(
    tx,
    'retry',
    tx`o.id = ${id}`,
    tx`attempts = 0, not_before = null, settled_at = null, sent_at = null, code = null, reason = null, errors = null,
      returned_at = null, noted_at = null, requested_at = case when o.state in ('parked', 'unknown') then null else o.requested_at end`,
  )

/** A person gives it up. */
export const discard = (tx: Transaction, which: Fragment) =>
  happen(tx, 'discard', which, tx`settled_at = clock_timestamp(), not_before = null, answer = null`)

/** A create that was sent keeps its pause, since ScopeStack may still be working on it. */
export async function endPauses(sql: Sql): Promise<void> {
  await sql`
    update sync.outbox set not_before = null
    where (state in ('waiting', 'answered') or state = 'lost' and op <> 'create') and not_before > now()`
}

/** Times of a clock that was ahead and was set back. */
export async function clampTimes(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx`update sync.outbox set requested_at = now() where id = any(${idList(ids)}::bigint[]) and requested_at > now()`
}

export interface Exchange {
  /** Type of the row that had the local id. */
  readonly target: string
  readonly local: string
  readonly real: string
}

/** The real id for a local one, in the new value of a member and in its base. */
export async function exchangeId(
  tx: Transaction,
  { member, from }: Pick<Column, 'member' | 'from'>,
  { local, real }: Exchange,
  which: Fragment,
): Promise<void> {
  const side = from === 'attribute' ? 'attributes' : 'relationships'
  await tx`
    update sync.outbox o set
      ${tx(side)} = case when ${tx(side)} ->> ${member} = ${local}
        then ${tx(side)} || jsonb_build_object(${member}::text, ${real}::text) else ${tx(side)} end,
      base = case when base #>> array[${side}, ${member}]::text[] = ${local}
        then jsonb_set(base, array[${side}, ${member}]::text[], to_jsonb(${real}::text)) else base end
    where ${which}`
}

export async function dropReference(tx: Transaction, ref: string, which: Fragment): Promise<void> {
  await tx`update sync.outbox o set refs = array_remove(refs, ${ref}) where ${which}`
}

export async function renameRecord(tx: Transaction, { target, local, real }: Exchange): Promise<void> {
  await tx`update sync.outbox set record_id = ${real} where record_id = ${local} and resource = ${target}`
}

/** Rows with parked or discarded changes show again what ScopeStack holds. @param which of changes `o`. */
export async function recordRestored(tx: Transaction, which: Fragment): Promise<void> {
  await tx`update sync.outbox o set returned_at = now() where ${which}`
}

/** @param which of changes `o`. @returns their records. */
export async function noteProjects(tx: Transaction, which: Fragment): Promise<string[]> {
  const noted = await tx<{ id: string }[]>`
    update sync.outbox o set noted_at = now() where ${which} and noted_at is null returning record_id as id`
  return noted.map(({ id }) => id)
}

/** @returns how many were deleted. */
export async function deleteSettled(sql: Sql, days: number): Promise<number> {
  const { count } = await sql`
    delete from sync.outbox where state in ('sent', 'superseded', 'discarded')
      and settled_at < now() - make_interval(days => ${days})`
  return count
}
