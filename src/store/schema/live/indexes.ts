/**
 * Indexes on what analysts filter by, in whichever table has such a column. Beside those of keys they cost a load of projects, which
 * has all five, a tenth more CPU, and other tables 4 % (docs/living-views.md has the numbers). No update is in place (HOT) with them,
 * as `sync_changed_at` changes with each; in full pages, as a load leaves them, few were before.
 *
 * Building one keeps writers of its table waiting, and no reader: 1 s for a million rows. CONCURRENTLY would keep none waiting, but
 * itself waits for every transaction of the database, as long as a report of an hour, and leaves a broken index where it gives up. So
 * each table is a statement of its own; one that is being written just now has its indexes from the next migration.
 */
import { quote, type Database } from '../../connection/database.ts'
import { tryEach } from './try-each.ts'

/** Of all these tables together: a few thousand rows. */
const SMALL_BYTES = 8_000_000

const COLUMNS = ['approved_at', 'created_at', 'status', 'sync_changed_at', 'updated_at']

export async function addIndexes(sql: Database): Promise<void> {
  // An index of a user on the same column is one.
  const missing = await sql<{ table: string; columns: string[]; bytes: number }[]>`
    select c.relname as table, json_agg(a.attname order by a.attname) as columns, pg_relation_size(c.oid)::float8 as bytes
    from sync.captured k join pg_class c on c.oid = to_regclass(k.relation) and c.relkind = 'r'
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and a.attname = any(string_to_array(${COLUMNS.join(',')}, ',')) and a.atttypid in ('timestamptz'::regtype, 'date'::regtype, 'text'::regtype)
    where pg_has_role(c.relowner, 'USAGE')
      and not exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid)
    group by c.oid, 1 order by 1`
  await tryEach(
    sql,
    missing.map(({ table, columns }) =>
      columns
        .map((name) => `create index ${quote(`${table}_${name}_idx`)} on scopestack.${quote(table)} (${quote(name)})`)
        .join(';'),
    ),
    { atOnce: missing.reduce((sum, { bytes }) => sum + bytes, 0) < SMALL_BYTES },
  )
}
