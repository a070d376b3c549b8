/**
 * What is decided of members that no file declares: one row of `sync.columns` for each. Written under the lease of the resource
 * alone, so that a read has one set of columns from its beginning to its end.
 *
 *   waiting ──► added ──► dropped                 a person has dropped the column; it does not come back by itself
 *      │          ├─────► declared                a later release has taken the column over
 *      │          └─────► kept ──► declared       it has declared another, and views depend on this one
 *      └────► refused                             a person wants no column
 */
import type { Column, Kind, Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { readTable } from './table.ts'

export type ColumnState = 'waiting' | 'added' | 'kept' | 'dropped' | 'refused' | 'declared'

export interface ColumnDecision {
  readonly resource: string
  readonly member: string
  readonly part: Column['from'] | null
  /** Null without a column. */
  readonly column: string | null
  readonly kind: Kind | null
  readonly target: string | null
  readonly state: ColumnState
  readonly pinned: boolean
  /** `run 12`, or who typed the command. */
  readonly decidedBy: string
  readonly decidedAt: Date
  readonly reason: string | null
  /** How many values it rests on. */
  readonly evidence: number
  readonly filledAt: Date | null
}

const fields = (sql: Database | Transaction) => sql`
  resource, member, part, column_name as "column", kind, target, state, pinned, decided_by as "decidedBy",
  decided_at as "decidedAt", reason, evidence::float8 as evidence, filled_at as "filledAt"`

export const readDecisions = async (sql: Database | Transaction, resource?: string): Promise<ColumnDecision[]> =>
  await sql<ColumnDecision[]>`
    select ${fields(sql)} from sync.columns
    where ${resource === undefined ? sql`true` : sql`resource = ${resource}`} order by resource, member`

/** A decision that has a column. */
export type AddedColumn = ColumnDecision & {
  readonly part: Column['from']
  readonly column: string
  readonly kind: Kind
}

export const isAdded = (one: ColumnDecision): one is AddedColumn =>
  (one.state === 'added' || one.state === 'kept') && one.column !== null && one.kind !== null && one.part !== null

/** The resource with the columns that the account has beside the declared ones. */
export function withColumnsOf(resource: Resource, decisions: readonly ColumnDecision[]): Resource {
  const declared = new Set(resource.columns.map(({ name }) => name))
  const added = decisions.filter(isAdded).filter(({ column }) => !declared.has(column))
  return { ...resource, added: added.map(toColumn) }
}

/** The same, for what only compares or writes, without columns that a person has dropped since the last run. */
export async function readWithColumns(sql: Database, resource: Resource): Promise<Resource> {
  const decisions = (await readDecisions(sql, resource.type)).filter(isAdded)
  if (decisions.length === 0) return resource
  const { columns } = await readTable(sql, resource)
  return withColumnsOf(
    resource,
    decisions.filter(({ column }) => columns.has(column)),
  )
}

const toColumn = ({ member, part, column, kind, target }: AddedColumn): Column => ({
  name: column,
  member,
  from: part,
  kind,
  target: target ?? undefined,
  writable: false,
  comment: '',
  entries: undefined,
  volatile: false,
  keyOf: undefined,
  nameOf: undefined,
})

export type NewDecision = Omit<ColumnDecision, 'decidedAt' | 'filledAt' | 'pinned' | 'resource'>

/** Replaces what was decided of the members before, in one statement. */
export async function saveDecisions(
  tx: Transaction,
  resource: string,
  decisions: readonly NewDecision[],
): Promise<void> {
  await tx`
    insert into sync.columns (resource, member, part, column_name, kind, target, state, decided_by, reason, evidence)
    select ${resource}, d.member, d.part, d."column", d.kind, d.target, d.state, d."decidedBy", d.reason, d.evidence
    from jsonb_to_recordset(${JSON.stringify(decisions)}::text::jsonb) as d(
      member text, part text, "column" text, kind text, target text, state text, "decidedBy" text, reason text, evidence bigint)
    on conflict (resource, member) do update set part = excluded.part, column_name = excluded.column_name,
      kind = excluded.kind, target = excluded.target, state = excluded.state, decided_by = excluded.decided_by,
      decided_at = now(), reason = excluded.reason, evidence = excluded.evidence, filled_at = null`
}

/** Why values are still in `sync_extra`; the next run tries again. */
export async function recordUnfilled(tx: Transaction, resource: string, said: string): Promise<void> {
  await tx`
    update sync.columns set reason = ${`not filled: ${said}`}
    where resource = ${resource} and state in ('added', 'kept') and filled_at is null`
}
