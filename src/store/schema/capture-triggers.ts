/**
 * The triggers that capture local edits as changes, or refuse them. They are generated from the catalog for every table, like
 * the comments, so that a new resource needs no migration for them. Their functions are in migrations/0010_capture.sql,
 * 0011_refused_values.sql, 0012_plans.sql and 0013_own_tables.sql.
 */
import { isDeepStrictEqual } from 'node:util'
import { isEditable, type Column, type Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { USERS_PATH } from '../connection/session.ts'

export interface CaptureSpec {
  readonly type: string
  readonly relation: string
  readonly writes: readonly string[]
  readonly columns: readonly { readonly name: string; readonly entries: unknown }[]
}

/** The specification for the triggers of a resource. */
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
 * Columns that must not become null: `active`, and the natural key. A list that is filtered by both values of `active` leaves out
 * records with neither, and ScopeStack, as far as is known, refuses a record without a name (API notes §12).
 */
function isRequired({ columns, naturalKey = [] }: Resource, { member }: Column): boolean {
  const named = naturalKey.find((key) => columns.some((column) => column.member === key && column.from === 'attribute'))
  return member === 'active' || member === named
}

/**
 * Creates only the triggers that differ, table by table: each takes a lock that other sessions would wait behind.
 *
 * @param broken types whose triggers have faults (`findCaptureFaults`).
 * @param change runs a transaction; it checks again what differs, since another process may have created it meanwhile.
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
 * Records which columns the catalog declares, and which of its columns Postgres makes, so that they are not taken for columns that
 * users have added; the first are called `read_only` for historical reasons. Names are added and never removed: a process with an older catalog beside this one
 * knows fewer columns, and must refuse an edit of such a column instead of ignoring it.
 *
 * A statement of its own and not an argument of sync.capture, which the version before calls with its own signature.
 */
export async function recordDeclaredColumns(sql: Database, resources: readonly Resource[]): Promise<void> {
  const held = await sql<{ type: string; columns: string[] | null; generated: string[] }[]>`
    select type, array_to_json(read_only) as columns, array_to_json(generated) as generated from sync.captured`
  const known = new Map(held.map((one) => [one.type, one]))
  for (const { type, columns, generated } of resources) {
    const before = known.get(type)
    if (before === undefined) continue
    const declared = columns.map(({ name }) => name)
    const made = generated.map(({ name }) => name)
    if (isWithin(declared, before.columns) && isWithin(made, before.generated)) continue
    await sql`
      update sync.captured set
        read_only = array(
          select distinct name from unnest(coalesce(read_only, '{}') || ${arrayLiteral(declared)}::text[]) as name order by name),
        generated = array(
          select distinct name from unnest(generated || ${arrayLiteral(made)}::text[]) as name order by name)
      where type = ${type}`
  }
}

function isWithin(names: readonly string[], held: readonly string[] | null): boolean {
  const known = new Set(held)
  return held !== null && names.every((name) => known.has(name))
}

/**
 * Must be called in every transaction of ours that writes mirrored rows, so that what came from ScopeStack is not captured as an
 * edit and sent back (S3).
 *
 * It also sets the search_path. Triggers of users run in the transaction, and may call functions without a schema: these are
 * found by the search_path of the role and database (`session.ts` keeps it), after pg_catalog, which our names need.
 */
export const disableCapture = async (tx: Transaction): Promise<void> => void (await tx`select ${captureOff(tx)}`)

/** The same as columns of another statement. */
export const captureOff = (tx: Transaction) => tx`
  set_config('sync.origin', 'pull', true),
  set_config('search_path', rtrim('pg_catalog, ' || coalesce(current_setting(${USERS_PATH}, true), ''), ', '), true)`

/** The table of a resource, quoted. */
export const tableOf = ({ table }: Resource): string => `scopestack.${quote(table)}`
