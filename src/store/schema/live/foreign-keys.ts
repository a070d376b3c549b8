/**
 * Foreign keys that nothing enforces, from PostgreSQL 18: tools that draw or join tables read relations from there. They have no
 * triggers, so that a load costs the same (docs/living-views.md has the numbers), and a key may refer to a row that is not there.
 *
 * Adding one locks both tables against writers for a moment. Where one is being written, its keys are left for the next migration:
 * no start waits for that.
 */
import { quote, type Database } from '../../connection/database.ts'
import { tryEach } from './try-each.ts'

/** The first version with NOT ENFORCED for foreign keys. */
const SINCE = 180_000

interface Missing {
  readonly table: string
  readonly keys: readonly { readonly column: string; readonly target: string }[]
}

/** Adds those that are missing. A key of a user's own on the same column, enforced or not, is one. */
export async function addForeignKeys(sql: Database, serverVersion: number): Promise<void> {
  if (serverVersion < SINCE) return
  const statements = (await readMissing(sql)).map(({ table, keys }) => {
    const added = keys.map(
      ({ column, target }) =>
        `add foreign key (${quote(column)}) references scopestack.${quote(target)} (id) not enforced`,
    )
    return `alter table scopestack.${quote(table)} ${added.join(', ')}`
  })
  await tryEach(sql, statements, { atOnce: true })
}

const readMissing = (sql: Database): Promise<Missing[]> => sql<Missing[]>`
  select r.table_name as table, json_agg(json_build_object('column', r.column_name, 'target', r.target_table) order by r.column_name) as keys
  from sync.relations r
  join pg_class c on c.oid = to_regclass(format('scopestack.%I', r.table_name)) and c.relkind = 'r' and c.relpersistence = 'p'
  join pg_attribute a on a.attrelid = c.oid and a.attname = r.column_name and not a.attisdropped and a.atttypid = 'text'::regtype
  join pg_class t on t.oid = to_regclass(format('scopestack.%I', r.target_table)) and t.relkind = 'r' and t.relpersistence = 'p'
  join pg_attribute b on b.attrelid = t.oid and b.attname = 'id' and not b.attisdropped and b.atttypid = 'text'::regtype
  join pg_constraint p on p.conrelid = t.oid and p.contype = 'p' and p.conkey = array[b.attnum]
  where r.cardinality = 'to-one' and r.target_column = 'id' and pg_has_role(c.relowner, 'USAGE') and pg_has_role(t.relowner, 'USAGE')
    and not exists (
      select from pg_constraint k where k.contype = 'f' and k.conrelid = c.oid and k.confrelid = t.oid and k.conkey = array[a.attnum])
  group by 1 order by 1`
