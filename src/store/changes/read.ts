/** A change as it is read from the table. */
import type { PendingQuery, Row } from 'postgres'
import type { Database, Transaction } from '../connection/database.ts'
import type { State } from './states.ts'

export type Sql = Database | Transaction
/** A part of a statement. */
export type Fragment = PendingQuery<Row[]>

/** Of changes `o`: a `Change`. */
export const changeColumns = (sql: Sql) => sql`
  o.id::float8 as id, o.resource, o.record_id as "recordId", o.op, o.attributes, o.relationships, o.base, o.state, o.attempts,
  extract(epoch from clock_timestamp() - o.requested_at)::float8 as "silentFor", o.answer_id as "answerId",
  case when o.state = 'answered' then o.answer end as answer,
  case when o.state = 'accepted' then o.answer ->> 'why' end as "acceptedWith", o.in_doubt as "inDoubt",
  array_to_json(o.known_ids) as "knownIds", o.returned_at as "returnedAt"`

/** Of changes `o`. Written out: a generic plan for a parameter would not use the partial indexes. */
export const isIn = (sql: Sql, states: readonly State[]) =>
  sql`o.state in (${sql.unsafe(states.map((state) => `'${state}'`).join(', '))})`

/** Longer than any pause. A pause that ends later comes from a database clock that was set back since. */
const LONGER_THAN_ANY_PAUSE = '2 hours'

/** Of changes `o`: postponed to a time in the future. */
export const isPostponed = (sql: Sql) =>
  sql`(o.not_before is not null and o.not_before > now() and o.not_before <= now() + ${LONGER_THAN_ANY_PAUSE}::interval)`
