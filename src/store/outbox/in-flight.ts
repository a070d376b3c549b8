import type { Resource } from '../../catalog/resource.ts'
import { UNANSWERED } from '../../errors/codes/changes.ts'
/**
 * What is noted of a change on its way, so that whoever takes it next knows what may have happened: that it left, what it was
 * answered, and why it is tried again later.
 */
import { claimLost } from '../../errors/waiting-changes.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { tableOf } from '../schema/capture-triggers.ts'
import { jsonbValue, type StoredResponse, type Change } from './claim.ts'

/**
 * Before a creation leaves: after a crash its trace is this note.
 *
 * @param knownIds who has its natural key; null when nobody can be sure.
 */
export async function recordCreateRequest(
  sql: Database,
  { id }: Change,
  term: number,
  knownIds: readonly string[] | null,
) {
  const { count } = await sql`
    update sync.outbox set requested_at = clock_timestamp(),
      known_ids = ${knownIds === null ? null : arrayLiteral(knownIds)}::text[],
      attempts = attempts + 1, code = null, answer = null
    where id = ${id} and term = ${term} and state = 'sending' and claim_until > now()`
  if (count !== 1) throw claimLost({ change: id, term })
}

/** It leaves now, unless the claim was lost: whoever was suspended for long must not send what others have gone past. From here on nothing is folded into it before it is settled. */
export async function recordDeparture(sql: Database, { id }: Change, term: number): Promise<void> {
  const { count } = await sql`
    update sync.outbox set requested_at = clock_timestamp()
    where id = ${id} and term = ${term} and state = 'sending' and claim_until > now()`
  if (count !== 1) throw claimLost({ change: id, term })
}

/**
 * The record that a creation became. Whoever has the claim by now: it is known all the same.
 *
 * @param answer null where the record was found, and not answered: it may have been edited since it was made.
 * @throws the error that `isDuplicateCreate` recognizes.
 */
export async function recordCreatedId(
  sql: Database,
  { id }: Change,
  made: string,
  answer: StoredResponse | null,
): Promise<void> {
  await sql`
    update sync.outbox set answer_id = ${made}, answer = ${answer === null ? null : jsonbValue(sql, answer)}
    where id = ${id} and state = 'sending' and requested_at is not null`
}

/** A creation that ScopeStack says is done, though not as which record: from here on it is looked for, and never sent again. */
export async function recordCreateDone(sql: Database, { id }: Change, term: number, why: string): Promise<void> {
  await sql`
    update sync.outbox set answer = ${jsonbValue(sql, { why })} where id = ${id} and term = ${term} and state = 'sending'`
}

/** To an edit, whose row is settled with it later. */
export async function storeResponse(
  sql: Database,
  { id }: Change,
  term: number,
  answer: StoredResponse,
): Promise<void> {
  await sql`
    update sync.outbox set answer = ${jsonbValue(sql, answer)} where id = ${id} and term = ${term} and state = 'sending'`
}

/** It certainly did not arrive, or what it made is gone. */
export async function withdrawRequest(sql: Database, { id }: Change, term: number): Promise<void> {
  await sql`
    update sync.outbox set requested_at = null, known_ids = null, answer_id = null, answer = null
    where id = ${id} and term = ${term} and state = 'sending'`
}

/** Whether a try of it has left, as far as nobody knows that it did not arrive. */
export async function wasRequestSent(sql: Database, { id }: Change): Promise<boolean> {
  const [noted] = await sql`select from sync.outbox where id = ${id} and requested_at is not null`
  return noted !== undefined
}

/** Of a creation that left: the record that it became, where that is known. Undefined: nothing left. */
export async function readSentCreate(sql: Database, { id }: Change): Promise<{ answer: string | null } | undefined> {
  const [noted] = await sql<{ answer: string | null }[]>`
    select answer_id as answer from sync.outbox where id = ${id} and op = 'create' and requested_at is not null`
  return noted
}

/** Ids that are the answer to another creation of ours already. */
export async function idsOfOtherCreates(
  sql: Database,
  { id: own, resource }: Change,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    select answer_id as id from sync.outbox
    where op = 'create' and resource = ${resource} and answer_id = any(${arrayLiteral(ids)}::text[]) and id <> ${own}`
  return new Set(rows.map(({ id }) => id))
}

/** The mirror had the record already when the creation left. Written since, it may be what a pull has met meanwhile. */
export async function wasMirroredBefore(
  sql: Database,
  resource: Resource,
  { id }: Change,
  made: string,
): Promise<boolean> {
  const [known] = await sql.unsafe(
    `select from sync.outbox o join ${tableOf(resource)} m on m.id = $2 where o.id = $1 and m.sync_changed_at < o.requested_at`,
    [id, made],
  )
  return known !== undefined
}

/**
 * Whether another creation with the same key may be arriving just now, so that it cannot be told from this one. A member
 * that was left out is null, and so is an empty text, as in ScopeStack.
 */
export async function hasConcurrentTwin(
  sql: Database,
  { id, resource }: Change,
  key: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const [twin] = await sql`
    select from sync.outbox o
    where state = 'sending' and resource = ${resource} and op = 'create' and id <> ${id} and requested_at is not null
      and claim_until > now() and (code is distinct from ${UNANSWERED} or id < ${id})
      and not exists (
        select from jsonb_each(${jsonbValue(sql, key)}) as k
        where coalesce(nullif((o.attributes || o.relationships) -> k.key, '""'), 'null')
          <> coalesce(nullif(k.value, '""'), 'null'))`
  return twin !== undefined
}

interface Postponement {
  readonly seconds: number
  readonly code: string
  readonly reason: string
  /** So often it has failed by now; as before when left out. */
  readonly attempts?: number
}

/** It is tried again after a while: as it is where it left, and with what is edited until then where it did not. */
export async function postpone(
  sql: Database,
  { id }: Change,
  term: number,
  { seconds, code, reason, attempts }: Postponement,
): Promise<void> {
  await sql`
    update sync.outbox set state = case when requested_at is null then 'waiting' else 'sending' end,
      attempts = coalesce(${attempts ?? null}::int, attempts), code = ${code}, reason = ${reason},
      claim_until = '-infinity', claim_pid = null, not_before = now() + make_interval(secs => ${seconds})
    where id = ${id} and term = ${term} and state = 'sending'`
}
