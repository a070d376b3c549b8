/** A change: one local edit on its way to ScopeStack, as the outbox keeps it; and how it is read from there. */
import type { PendingQuery, Row } from 'postgres'
import type { RemoteRecord, Write } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'
import type { State } from './states.ts'

export type Members = Readonly<Record<string, unknown>>

/** Values by member; of a relationship, the id of the other record. */
export interface ChangeValues {
  readonly attributes: Members
  readonly relationships: Members
}

export interface ChangeContent extends ChangeValues {
  readonly op: Write
  /** The values of these members that both sides last agreed on; of a deletion, of all editable members. */
  readonly base: Partial<ChangeValues>
  /** Values of earlier failed requests, which ScopeStack may hold all the same. */
  readonly inDoubt?: ChangeValues | null
}

export interface Change extends ChangeContent {
  readonly id: number
  readonly resource: string
  readonly recordId: string
  readonly state: State
  readonly attempts: number
  readonly inDoubt: ChangeValues | null
  /** Seconds since its last request left, when this was read; null when none has. */
  readonly silentFor: number | null
  /** Of a create: the id of the record in ScopeStack, stored before the row is touched. */
  readonly answerId: string | null
  /** Of an answered change: the stored response, with the decisions before it; null where a create was found by a search. */
  readonly answer: StoredResponse | null
  /** Of an accepted create: the response, which does not say which record it made, as a part of a sentence. */
  readonly acceptedWith: string | null
  /** Of a create: records that had its natural key before it was sent; null when that is not known. */
  readonly knownIds: readonly string[] | null
  /** Of a parked change: since when its row shows again what ScopeStack holds. */
  readonly returnedAt: Date | null
}

/** An id of this database's own, which ScopeStack does not know. */
export const isLocal = (id: unknown): id is string => typeof id === 'string' && id.startsWith('local-')

export interface StoredResponse {
  readonly record: RemoteRecord
  readonly decisions: readonly Decision[] | null
}

/** The conflict rules of SYNC_CONFLICT. */
export const RULES = ['park', 'remote-wins', 'local-wins'] as const

export type Rule = (typeof RULES)[number]

/** What was decided about one field, with the values of both sides. */
export interface Decision {
  readonly member: string
  /** Of a user-defined field, which one. */
  readonly entry?: string
  readonly base: unknown
  readonly local: unknown
  readonly remote: unknown
  readonly decision: 'undone' | 'same' | 'send' | Rule
}

/** Whether the local value is written to ScopeStack. A rule that is not in this table does not compile. */
const SENDS: Readonly<Record<Decision['decision'], boolean>> = {
  undone: false,
  same: false,
  send: true,
  park: false,
  'remote-wins': false,
  'local-wins': true,
}

export const isSent = ({ decision }: Pick<Decision, 'decision'>): boolean => SENDS[decision]

export interface FieldProblem {
  /** The column that the pointer names, if it names one. */
  readonly column: string | null
  readonly pointer: string | null
  readonly message: string
}

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
