/**
 * The record of a change in flight: that its request left, the response, and why it is tried again later. The next worker
 * that claims the change knows from it what may have happened (see the table in claim.ts).
 */
import type { Resource } from '../../catalog/resource.ts'
import { UNANSWERED } from '../../errors/codes/changes.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { claimLost } from '../../errors/waiting-changes.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { tableOf } from '../schema/capture-triggers.ts'
import { jsonbValue, type StoredResponse, type Change } from './claim.ts'

/**
 * Before the request of a create leaves: after a crash this is the only trace of it.
 *
 * @param knownIds records that have its natural key already; null when that is not known.
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

/** The request leaves now, unless the claim was lost: a worker that was suspended must not send an outdated change. From here on no other change is coalesced into it. */
export async function recordDeparture(sql: Database, { id }: Change, term: number): Promise<void> {
  const { count } = await sql`
    update sync.outbox set requested_at = clock_timestamp()
    where id = ${id} and term = ${term} and state = 'sending' and claim_until > now()`
  if (count !== 1) throw claimLost({ change: id, term })
}

/**
 * The id of the created record. Stored whichever worker has the claim by now.
 *
 * @param answer null where the record was found by a search: it may have been modified since it was created.
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

/** ScopeStack reports a create as done, but not which record it made: from here on the record is looked for, and the create is never sent again. */
export async function recordCreateDone(sql: Database, { id }: Change, term: number, why: string): Promise<void> {
  await sql`
    update sync.outbox set answer = ${jsonbValue(sql, { why })} where id = ${id} and term = ${term} and state = 'sending'`
}

/** Stores the response to an edit; the change is settled with it later. */
export async function storeResponse(
  sql: Database,
  { id }: Change,
  term: number,
  answer: StoredResponse,
): Promise<void> {
  await sql`
    update sync.outbox set answer = ${jsonbValue(sql, answer)} where id = ${id} and term = ${term} and state = 'sending'`
}

/** The request certainly did not arrive, or the record that it created is gone. */
export async function withdrawRequest(sql: Database, { id }: Change, term: number): Promise<void> {
  await sql`
    update sync.outbox set requested_at = null, known_ids = null, answer_id = null, answer = null
    where id = ${id} and term = ${term} and state = 'sending'`
}

/** Whether a request for it was sent and may have arrived. */
export async function wasRequestSent(sql: Database, { id }: Change): Promise<boolean> {
  const [noted] = await sql`select from sync.outbox where id = ${id} and requested_at is not null`
  return noted !== undefined
}

/** Of a create whose request left: the id of its record, null while that is unknown. Undefined: no request left. */
export async function readSentCreate(sql: Database, { id }: Change): Promise<{ answer: string | null } | undefined> {
  const [noted] = await sql<{ answer: string | null }[]>`
    select answer_id as answer from sync.outbox where id = ${id} and op = 'create' and requested_at is not null`
  return noted
}

/** Those of `ids` that belong to another create of ours. */
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

/** The mirror had the record before the create was sent. A row written since then may be the created record, read by a pull. */
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
 * Whether another create with the same key may be arriving now, so that the two cannot be told apart. A missing member and an
 * empty text count as null, as in ScopeStack.
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
  readonly code: ErrorCode
  readonly reason: string
  /** How often it has failed; unchanged when left out. */
  readonly attempts?: number
}

/** Tries it again later: alone and unaltered if its request left, and otherwise coalesced with the edits made until then. */
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
