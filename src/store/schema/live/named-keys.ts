/**
 * One name for one target: columns that Postgres generates from keys that came with another name (`line_of_business_id` of `lob_id`).
 *
 * Stored columns, and no renamed ones: the release before writes the older names, and so may the edits and queries of users. A trigger
 * that kept two columns in step would cost COPY its fast path. The next release can make a plain column of one in place (DROP
 * EXPRESSION), and load it. Adding one rewrites its table, during which readers wait: each table is a transaction of its own, so that
 * they wait for one table and not for all (docs/living-views.md has the numbers).
 */
import type { NamedKey } from '../../../catalog/generated.ts'
import type { Resource } from '../../../catalog/resource.ts'
import { codeOf, quote, type Database, type Transaction } from '../../connection/database.ts'
import { SQL_TYPE } from '../columns.ts'
import type { ChangeTables } from '../ddl.ts'

/** @param resources whose tables have all columns that the catalog declares. */
export async function addNamedKeys(sql: Database, resources: readonly Resource[], change: ChangeTables): Promise<void> {
  const missing = await missingOf(sql, resources)
  for (const [resource] of missing) {
    try {
      await change(async (tx) => {
        const keys = (await missingOf(tx, [resource])).get(resource) ?? []
        if (keys.length > 0) await tx.unsafe(keys.map((key) => statementsFor(resource, key)).join(';'))
      })
    } catch (error) {
      // A role that does not own the table; its owner's next migration adds it.
      if (codeOf(error) !== '42501') throw error
    }
  }
}

async function missingOf(
  of: Database | Transaction,
  resources: readonly Resource[],
): Promise<Map<Resource, readonly NamedKey[]>> {
  const tables = await of<{ name: string; columns: string[] }[]>`
    select c.relname as name, json_agg(a.attname) as columns from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = (select oid from pg_namespace where nspname = 'scopestack') and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped group by 1`
  const held = new Map(tables.map(({ name, columns }) => [name, new Set(columns)]))
  const missing = new Map<Resource, readonly NamedKey[]>()
  for (const resource of resources) {
    const keys = resource.namedKeys.filter(({ name }) => held.get(resource.table)?.has(name) === false)
    if (keys.length > 0) missing.set(resource, keys)
  }
  return missing
}

function statementsFor({ table }: Resource, { name, kind, from, except }: NamedKey): string {
  const first = `coalesce(${from.map(quote).join(', ')})`
  const value = except.reduce((so, word) => `nullif(${so}, '${word}')`, first)
  const where = `scopestack.${quote(table)}`
  const added = `alter table ${where} add column ${quote(name)} ${SQL_TYPE[kind]} generated always as (${value}) stored`
  // An array is joined by its link view, which reads the array.
  return kind === 'text'
    ? `${added}; create index ${quote(`${table}_${name}_idx`)} on ${where} (${quote(name)})`
    : added
}
