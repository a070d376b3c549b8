/**
 * The settings of every session of ours, which override what an administrator set for server, database or role.
 *
 * They are not startup parameters, since PgBouncer rejects all but five of these. The driver has no hook for them either
 * (postgres.js 3.4.9), so `Greeting` sends them on the wire, before the driver learns that the server is ready.
 */

/** What we read and write depends on these settings. Not even DATABASE_URL overrides them. */
const MEANING = {
  search_path: 'pg_catalog',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  xmloption: 'content',
  client_min_messages: 'warning',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  default_table_access_method: 'heap',
  check_function_bodies: 'on',
  exit_on_error: 'off',
  restrict_nonsystem_relation_kind: '',
} as const

/**
 * An administrator's limits are made for runaway queries, and would end a night's load; our own limits end a hang
 * (`limitWaits`). A limit that is meant for us goes into DATABASE_URL: `?statement_timeout=…`.
 */
const LIMITS = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
} as const

/**
 * Planner settings go back to their defaults, with which the plans of our statements were measured. JIT is off: no statement of
 * ours gains by it, and one edit took 80 times as long.
 */
const PLANNER = [
  'constraint_exclusion|cpu_index_tuple_cost|cpu_operator_cost|cpu_tuple_cost|cursor_tuple_fraction',
  'debug_parallel_query|force_parallel_mode|from_collapse_limit|geqo|geqo_.*|hash_mem_multiplier|join_collapse_limit',
  'parallel_setup_cost|parallel_tuple_cost|plan_cache_mode|random_page_cost|recursive_worktable_factor|seq_page_cost',
  'enable_.*|min_parallel_.*|parallel_leader_participation',
].join('|')

/** The session's own setting with the search_path of role and database, which `MEANING` replaces. */
export const USERS_PATH = 'sync.users_path'

interface SessionNeeds {
  /** Settings of the server in DATABASE_URL. They override all but `MEANING`. */
  readonly settings?: Readonly<Record<string, string>>
  readonly searchPath?: string
}

/** One simple query. Settings that this server version does not have are skipped; those of DATABASE_URL must exist. */
export function sessionStatement({ settings = {}, searchPath }: SessionNeeds = {}): string {
  const meaning: Record<string, string> = {
    ...MEANING,
    ...(searchPath === undefined ? {} : { search_path: searchPath }),
  }
  const fixed = new Set(Object.keys(meaning).map((name) => name.toLowerCase()))
  const named = Object.entries(settings).filter(([name]) => !fixed.has(name.toLowerCase()))
  const rows = [
    ...Object.entries(meaning).map(([name, value]) => `(${literal(name)}, ${literal(value)}, true)`),
    ...Object.entries({ ...LIMITS, jit: 'off' }).map(([name, value]) => `(${literal(name)}, ${literal(value)}, false)`),
  ]
  return [
    // These come first, one by one: an odd search_path, a limit of a millisecond, or a serializable deferrable transaction,
    // which waits for a moment without conflicts, would break the rest.
    'set statement_timeout = 0',
    'set transaction isolation level read committed not deferrable',
    // Kept for transactions in which functions of users run (`disableCapture`). Not yet ours: a pooler may have it from us.
    'set search_path to default',
    `select pg_catalog.set_config('${USERS_PATH}', pg_catalog.current_setting('search_path'), false)`,
    'set search_path = pg_catalog',
    // Source `client`: the startup message, from DATABASE_URL.
    `select set_config(s.name, coalesce(w.value, case s.name when 'synchronous_commit' then 'local' else s.boot_val end), false)
    from pg_settings s left join (values ${rows.join(', ')}) as w (name, value, firm) on lower(w.name) = lower(s.name)
    where s.setting is distinct from coalesce(w.value, s.boot_val) and (w.firm or s.source <> 'client' and (
      w.name is not null
      or s.context = 'user' and s.name ~ '^(${PLANNER})$'
      or s.name = 'work_mem' and s.setting::int8 < s.boot_val::int8
      -- A change is recorded before it is sent; if a crash of the server lost the record, a new row would be sent twice.
      or s.name = 'synchronous_commit' and s.setting = 'off'))`,
    ...named.map(([name, value]) => `select set_config(${literal(name)}, ${literal(value)}, false)`),
  ].join('; ')
}

/** Valid in any session, also with standard_conforming_strings off. */
const literal = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
