/**
 * Which local edits are changes for ScopeStack, and which are refused: the triggers of every table, made from the catalog
 * like the comments, so that a new resource needs no migration for them. What they do is in migrations/0010_capture.sql,
 * 0011_refused_values.sql and 0012_plans.sql.
 */
import { isDeepStrictEqual } from 'node:util'
import { isEditable, type Column, type Resource } from '../resource.ts'
import { arrayLiteral } from './codec.ts'
import { quote, type Database, type Transaction } from './database.ts'

interface Captured {
  readonly type: string
  readonly relation: string
  readonly writes: readonly string[]
  readonly columns: readonly { readonly entries: unknown }[]
}

/** What the triggers of a resource are to know. */
const capturedOf = (resource: Resource): Captured => {
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

/** One that refuses; or that and one of each event, and one of each list whose entries are kept. */
const triggersOf = ({ writes, columns }: Captured): number =>
  writes.length === 0 ? 1 : 4 + columns.filter(({ entries }) => entries !== null).length

/** Only what differs is made again: every trigger takes a lock that writers would wait behind. */
export async function installCapture(sql: Database, resources: readonly Resource[]): Promise<void> {
  const held = await sql<(Captured & { triggers: number })[]>`
    select c.type, c.relation, array_to_json(c.writes) as writes, c.columns,
      (select count(*)::int from pg_trigger t where t.tgrelid = to_regclass(c.relation) and t.tgname like 'write\\_back\\_%') as triggers
    from sync.captured c`
  const known = new Map(held.map(({ triggers, ...captured }) => [captured.type, { triggers, captured }]))
  for (const wanted of resources.map(capturedOf)) {
    const { triggers, captured } = known.get(wanted.type) ?? {}
    if (triggers === triggersOf(wanted) && isDeepStrictEqual({ ...captured }, wanted)) continue
    // As text: drizzle changes how the driver writes JSON on this connection.
    await sql`
      select sync.capture(${wanted.relation}::regclass, ${wanted.type}, ${arrayLiteral(wanted.writes)}::text[],
        ${JSON.stringify(wanted.columns)}::text::jsonb)`
  }
}

/** To be said in every transaction of our own that writes mirrored rows: what came from ScopeStack never goes back (S3). */
export async function notLocal(tx: Transaction): Promise<void> {
  await tx`select set_config('sync.origin', 'pull', true)`
}

/** The table of a resource, quoted. */
export const tableOf = ({ table }: Resource): string => `scopestack.${quote(table)}`
