/**
 * Which local edits are changes for ScopeStack, and which are refused: the triggers of every table, made from the catalog
 * like the comments, so that a new resource needs no migration for them. What they do is in migrations/0010_capture.sql,
 * 0011_refused_values.sql, 0012_plans.sql and 0013_own_tables.sql.
 */
import { isDeepStrictEqual } from 'node:util'
import { isEditable, type Column, type Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

export interface CaptureSpec {
  readonly type: string
  readonly relation: string
  readonly writes: readonly string[]
  readonly columns: readonly { readonly name: string; readonly entries: unknown }[]
}

/** What the triggers of a resource are to know. */
export const captureSpecOf = (resource: Resource): CaptureSpec => {
  const columns = resource.columns.filter(isEditable)
  const writes = columns.length === 0 ? [] : resource.writes
  return {
    type: resource.type,
    relation: `scopestack.${resource.table}`,
    writes,
    columns:
      writes.length === 0
        ? []
        : columns.map((column) => ({
            name: column.name,
            member: column.member,
            from: column.from,
            kind: column.kind,
            entries: column.entries ?? null,
            target: column.target ?? null,
            required: isRequired(resource, column),
          })),
  }
}

/**
 * Never null: whether a record is archived, and what it is known by. A list asked for both kinds of `active` leaves out those
 * that are neither, and a record without a name is refused by all that is known (API notes §12).
 */
function isRequired({ columns, naturalKey = [] }: Resource, { member }: Column): boolean {
  const named = naturalKey.find((key) => columns.some((column) => column.member === key && column.from === 'attribute'))
  return member === 'active' || member === named
}

/**
 * Only what differs is made again, table by table: every trigger takes a lock that others would wait behind.
 *
 * @param broken types whose triggers are not as they were made (`findCaptureFaults`).
 * @param change looks again at what differs, since others may have made it meanwhile.
 */
export async function installCapture(
  sql: Database,
  resources: readonly Resource[],
  broken: ReadonlySet<string> = new Set(),
  change: (act: (tx: Transaction) => Promise<void>) => Promise<void> = (act) => sql.begin(act),
): Promise<void> {
  const known = await captured(sql)
  const differs = (wanted: CaptureSpec, held: ReadonlyMap<string, CaptureSpec>): boolean =>
    broken.has(wanted.type) || !isDeepStrictEqual({ ...held.get(wanted.type) }, wanted)
  for (const wanted of resources.map(captureSpecOf).filter((one) => differs(one, known))) {
    await change(async (tx) => {
      if (!differs(wanted, await captured(tx))) return
      await tx`
        select sync.capture(${wanted.relation}::regclass, ${wanted.type}, ${arrayLiteral(wanted.writes)}::text[],
          ${JSON.stringify(wanted.columns)}::text::jsonb)`
    })
  }
}

async function captured(of: Database | Transaction): Promise<ReadonlyMap<string, CaptureSpec>> {
  const held = await of<CaptureSpec[]>`
    select c.type, c.relation, array_to_json(c.writes) as writes, c.columns from sync.captured c`
  return new Map(held.map((one) => [one.type, one]))
}

/**
 * What the catalog declares is nobody's own, to be edited or not; `sync.captured.read_only` was named before that. Names are
 * added and never taken away: a process of an older catalog that starts beside this one knows fewer of them, and an edit of
 * such a column is to be refused then, not lost as one of somebody's own.
 *
 * By itself, and not an argument of sync.capture: the version before calls that as it was.
 */
export async function recordDeclaredColumns(sql: Database, resources: readonly Resource[]): Promise<void> {
  const held = await sql<{ type: string; columns: string[] | null }[]>`
    select type, array_to_json(read_only) as columns from sync.captured`
  const known = new Map(held.map(({ type, columns }) => [type, columns === null ? null : new Set(columns)]))
  for (const { type, columns } of resources) {
    const declared = columns.map(({ name }) => name)
    const before = known.get(type)
    if (before === undefined || (before !== null && declared.every((name) => before.has(name)))) continue
    await sql`
      update sync.captured set read_only = array(
        select distinct name from unnest(coalesce(read_only, '{}') || ${arrayLiteral(declared)}::text[]) as name order by name)
      where type = ${type}`
  }
}

/**
 * To be said in every transaction of our own that writes mirrored rows: what came from ScopeStack never goes back (S3).
 *
 * Triggers of the tables' users run in it, and what they call without its schema has to be found: by the search_path that
 * this role and database were given (`session.ts` says another), behind Postgres' own names, which ours need.
 */
export async function disableCapture(tx: Transaction): Promise<void> {
  await Promise.all([
    tx`set local search_path to default`,
    // Every name with its schema: until it has ended, theirs are found first.
    tx`
      select pg_catalog.set_config('sync.origin', 'pull', true), pg_catalog.set_config('search_path',
        pg_catalog.rtrim(pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path')), ', '), true)`,
  ])
}

/** The table of a resource, quoted. */
export const tableOf = ({ table }: Resource): string => `scopestack.${quote(table)}`
