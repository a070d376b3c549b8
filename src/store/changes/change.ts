/** A change: one local edit on its way to ScopeStack, as the outbox keeps it. */
import type { RemoteRecord, Write } from '../../catalog/resource.ts'
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
