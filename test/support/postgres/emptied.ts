/**
 * Makes a used database as good as a new clone of the template, which takes a tenth of the time; or finds that it is not. Rows
 * are removed and sequences restarted. A changed schema or setting of the database is never repaired: that database is dropped.
 */
import type postgres from 'postgres'

/** The template, as it was before anything used it. */
export interface Baseline {
  /** Of the definitions that `CATALOGS` hold. */
  readonly catalogs: string
  /** Of those beside them, and of the database's settings. */
  readonly others: string
  /** Of the tables that migrations fill: their rows, as JSON. */
  readonly filled: Readonly<Record<string, string>>
  /** Those that number these rows. */
  readonly sequences: readonly string[]
}

export async function readBaseline(sql: postgres.Sql): Promise<Baseline> {
  const filled: Record<string, string> = {}
  for (const table of await filledTables(sql)) {
    const rows = await rowsOf(sql, table)
    if (rows !== '[]') filled[table] = rows
  }
  const begun = await sql<{ name: string }[]>`
    select sequencename as name from pg_sequences where last_value is not null`
  const [catalogs, others] = [await fingerprintOf(sql, CATALOG_PARTS), await fingerprintOf(sql, OTHER_PARTS)]
  return { catalogs, others, filled, sequences: begun.map(({ name }) => name) }
}

/** False if its catalog or settings are not the template's, so that it must be dropped. */
export async function emptyDatabase(sql: postgres.Sql, baseline: Baseline): Promise<boolean> {
  const { filled, sequences } = baseline
  // Sessions of killed processes still hold locks.
  await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
  if ((await fingerprintOf(sql, OTHER_PARTS)) !== baseline.others) return false
  if ((await hasChangedCatalogs(sql)) && (await fingerprintOf(sql, CATALOG_PARTS)) !== baseline.catalogs) return false
  // No trigger fires.
  await sql`set session_replication_role = replica`
  const written = await writtenTables(sql)
  const used = written.filter(({ table, size }) => size > 0 && !(table in filled)).map(({ table }) => table)
  if (used.length > 0) await sql.unsafe(`truncate ${used.join(', ')} cascade`)
  for (const { table } of written) {
    const rows = filled[table]
    if (rows === undefined || (await rowsOf(sql, table)) === rows) continue
    await sql.unsafe(`truncate ${table}`)
    await sql.unsafe(
      `insert into ${table} overriding system value select * from jsonb_populate_recordset(null::${table}, $1::text::jsonb)`,
      [rows],
    )
  }
  // A pull makes the views of user-defined fields anew.
  if (written.some(({ table }) => table.startsWith('sync.live_'))) await sql`select sync.refresh_live_views()`
  await sql`select setval(format('%I.%I', schemaname, sequencename), start_value, false)
    from pg_sequences where last_value is not null and not (sequencename = any (string_to_array(${sequences.join(',')}, ',')))`
  return true
}

// --- internal ---

const WRITES =
  'pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)'
const OURS = `select format('%I.%I', n.nspname, c.relname) as "table", pg_relation_size(c.oid)::int as size
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and c.oid >= 16384`

async function filledTables(sql: postgres.Sql): Promise<string[]> {
  const tables = await sql.unsafe<{ table: string }[]>(`${OURS} and pg_relation_size(c.oid) > 0 order by c.oid`)
  return tables.map(({ table }) => table)
}

/**
 * Those with a write since the database was cloned, by the counters of the server, which a clone begins without: a session adds its
 * own before it ends. Asking each table for its size would open all of them.
 */
const writtenTables = (sql: postgres.Sql): Promise<{ table: string; size: number }[]> =>
  sql.unsafe<{ table: string; size: number }[]>(`${OURS} and ${WRITES} > 0 order by c.oid`)

/** By the same counters, which count the rows of a temporary table, too: it takes a tenth of the time of a fingerprint. */
async function hasChangedCatalogs(sql: postgres.Sql): Promise<boolean> {
  const names = [...CATALOGS, 'pg_namespace'].map((name) => `'${name}'::regclass`)
  const [row] = await sql.unsafe<{ changed: boolean }[]>(
    `select coalesce(sum(${WRITES}), 0) > 0 as changed from unnest(array[${names.join(', ')}]) as c (oid)`,
  )
  return row!.changed
}

async function rowsOf(sql: postgres.Sql, table: string): Promise<string> {
  const [row] = await sql.unsafe<{ rows: string }[]>(
    `select coalesce(jsonb_agg(t order by t::text), '[]')::text as rows from ${table} t`,
  )
  return row!.rows
}

/**
 * Of catalogs that no row of ours changes: how many rows, and the newest. Each statement that changes a definition writes a row
 * of one of them; a clone has those of its template, by the same transactions.
 */
const CATALOGS = [
  'pg_attribute',
  'pg_attrdef',
  'pg_cast',
  'pg_collation',
  'pg_constraint',
  'pg_conversion',
  'pg_default_acl',
  'pg_description',
  'pg_event_trigger',
  'pg_extension',
  'pg_foreign_server',
  'pg_index',
  'pg_inherits',
  'pg_language',
  'pg_largeobject_metadata',
  'pg_opclass',
  'pg_operator',
  'pg_policy',
  'pg_proc',
  'pg_publication',
  'pg_publication_rel',
  'pg_rewrite',
  'pg_sequence',
  'pg_statistic_ext',
  'pg_trigger',
  'pg_ts_config',
  'pg_type',
]

/** Views of user-defined fields: pulls make them anew, and so does emptying. */
const FOLLOWING = `select oid from pg_class where relnamespace = 'scopestack_live'::regnamespace and relname ~ '_fields$'`
const WITHOUT_VIEWS: Readonly<Record<string, string>> = {
  pg_attribute: `where attrelid not in (${FOLLOWING})`,
  pg_description: `where not (classoid = 'pg_class'::regclass and objoid in (${FOLLOWING}))`,
  pg_rewrite: `where ev_class not in (${FOLLOWING})`,
  pg_type: `where typnamespace <> 'scopestack_live'::regnamespace or typname !~ '_fields$'`,
}

/** Temporary tables leave their schema behind, which means nothing. */
const CATALOG_PARTS = [
  ...CATALOGS.map(
    (name) =>
      `select '${name}', concat(count(*), ' ', max(xmin::text::bigint)) from ${name} ${WITHOUT_VIEWS[name] ?? ''}`,
  ),
  `select 'pg_namespace', string_agg(concat(nspname, nspowner, nspacl), ',' order by oid) from pg_namespace
    where nspname !~ '^pg_(toast_)?temp_'`,
]

const OTHER_PARTS = [
  // A row of this one changes with every truncate, and with vacuum.
  `select 'pg_class', md5(string_agg(concat_ws(' ', oid, relname, relnamespace, relowner, relkind, relpersistence, relnatts,
    relchecks, relhastriggers, relrowsecurity, relforcerowsecurity, relispartition, relreplident, reltablespace, relacl,
    reloptions), ',' order by oid)) from pg_class where oid >= 16384 and relpersistence <> 't'
    and relnamespace <> 'pg_toast'::regnamespace and oid not in (${FOLLOWING})`,
  `select 'settings', concat(datacl, datconnlimit, datdba, (select string_agg(s::text, ',') from pg_db_role_setting s
    where setdatabase = d.oid)) from pg_database d where datname = current_database()`,
]

async function fingerprintOf(sql: postgres.Sql, parts: readonly string[]): Promise<string> {
  const rows = await sql.unsafe<{ part: string }[]>(
    `select md5(string_agg(t::text, ';')) as part from (${parts.join(' union all ')}) t`,
  )
  return rows[0]!.part
}
