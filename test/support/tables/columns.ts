/** What tests know of sync.columns (members that became columns), and how a resource is made as new. */
import { readerOf, type Sql } from './table-reader.ts'

export interface MemberColumn {
  readonly resource: string
  readonly member: string
  readonly part: string | null
  readonly column: string | null
  readonly kind: string | null
  readonly target: string | null
  readonly state: string
  readonly pinned: boolean
  readonly decidedBy: string
  readonly reason: string | null
  readonly evidence: number
  readonly isFilled: boolean
}

export const readMemberColumns = readerOf<MemberColumn>(
  'sync.columns',
  {
    resource: 'resource',
    member: 'member',
    part: 'part',
    column: 'column_name',
    kind: 'kind',
    target: 'target',
    state: 'state',
    pinned: 'pinned',
    decidedBy: 'decided_by',
    reason: 'reason',
    evidence: 'evidence::float8',
    isFilled: 'filled_at is not null',
  },
  'resource, member collate "C"',
)

/** Edits of these columns are of a user's own again. */
export const forgetDeclaredColumns = (sql: Sql, resource: string, columns: string): Promise<unknown> => sql`
  update sync.captured set read_only = array(select name from unnest(read_only) as name where name <> all(${columns}::text[]))
  where type = ${resource}`

/** As before the first run of a resource, whose rows are removed: nothing is known of what was read. */
export async function forgetReads(sql: Sql, resource: string): Promise<void> {
  for (const table of ['capabilities', 'known_pages', 'cursors', 'drift', 'columns']) {
    await sql`delete from sync.${sql(table)} where resource = ${resource}`
  }
}
/** A fill that was cut off. */
export const forgetFill = (sql: Sql, resource: string): Promise<unknown> =>
  sql`update sync.columns set filled_at = null where resource = ${resource}`
