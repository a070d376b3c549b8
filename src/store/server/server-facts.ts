/** What a person may want to know of a server and its database before something goes wrong. Reads the system catalogs only. */
import { quote, type Database } from '../connection/database.ts'
import type { ServerVersion } from './fitness.ts'

export interface ServerFacts extends ServerVersion {
  readonly encoding: string
  /** Of sessions that do not set their own. */
  readonly timeZone: string
  /** Of this session; null without TLS. */
  readonly tls: string | null
  /** Where the server sees us: on its own machine, in a private network, or beyond. */
  readonly from: 'this machine' | 'a private network' | 'a public network'
  /** Servers that stream from this one now. */
  readonly standbys: number
  readonly synchronousStandbys: number
  /** Whether this role may see what standbys do. */
  readonly seesStandbys: boolean
  /** synchronous_standby_names: commits wait for these. Empty: for none. */
  readonly waitsFor: string
}

/** `reset_val`: the session's own time zone is set by this program. */
export async function readServerFacts(sql: Database): Promise<ServerFacts> {
  const [found] = await sql<ServerFacts[]>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
      current_setting('server_encoding') as encoding,
      (select reset_val from pg_settings where name = 'TimeZone') as "timeZone",
      (select case when ssl then coalesce(version, 'TLS') end from pg_stat_ssl where pid = pg_backend_pid()) as tls,
      case when a.client_addr is null or a.client_addr <<= inet '127.0.0.0/8' or a.client_addr = inet '::1' then 'this machine'
        when a.client_addr <<= any (array['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16',
          'fc00::/7', 'fe80::/10']::inet[]) then 'a private network'
        else 'a public network' end as "from",
      (select count(*)::int from pg_stat_replication) as standbys,
      (select count(*)::int from pg_stat_replication where sync_state in ('sync', 'quorum')) as "synchronousStandbys",
      pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as "seesStandbys",
      current_setting('synchronous_standby_names') as "waitsFor"
    from pg_stat_activity a where a.pid = pg_backend_pid()`
  return found!
}

export interface SizeFacts {
  readonly bytes: number
  /** The largest tables of ours, with their indexes and long values; the largest first. */
  readonly largest: readonly { readonly table: string; readonly bytes: number }[]
  /** Rows that came to be, less those that went, since the statistics were reset; null days: since the tables are there. */
  readonly netRows: number
  readonly rows: number
  readonly countedDays: number | null
  /** The table of which the most rows are dead, when that is more than half of it. */
  readonly bloated: { readonly table: string; readonly dead: number; readonly rows: number } | null
}

/** From the statistics, so that no table is locked or read: a migration may hold them. */
export async function readSizes(sql: Database): Promise<SizeFacts> {
  const ours = sql`n.nspname in ('scopestack', 'sync', 'bullmq')`
  const [found] = await sql<SizeFacts[]>`
    select pg_database_size(current_database())::float8 as bytes,
      (select coalesce(json_agg(t), '[]') from (
        select n.nspname || '.' || c.relname as "table",
          current_setting('block_size')::float8 * (c.relpages + coalesce(l.relpages, 0) + coalesce((select sum(x.relpages)
            from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid), 0)) as bytes
        from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class l on l.oid = c.reltoastrelid
        where c.relkind = 'r' and ${ours} order by 2 desc, 1 limit 3) t) as largest,
      s.net as "netRows", s.live as rows,
      (select extract(epoch from now() - max(d.stats_reset))::float8 / 86400 from pg_stat_database d
        where d.datname = current_database()) as "countedDays",
      (select json_build_object('table', schemaname || '.' || relname, 'dead', n_dead_tup, 'rows', n_live_tup)
        from pg_stat_user_tables where schemaname in ('scopestack', 'sync', 'bullmq')
          and n_dead_tup > 50000 and n_dead_tup > n_live_tup order by n_dead_tup desc limit 1) as bloated
    from (select coalesce(sum(n_tup_ins - n_tup_del), 0)::float8 as net, coalesce(sum(n_live_tup), 0)::float8 as live
      from pg_stat_user_tables where schemaname in ('scopestack', 'sync', 'bullmq')) s`
  return found!
}

export interface RightsFacts {
  readonly role: string
  /** It may create schemas in this database. */
  readonly creates: boolean
  /** Of ours, those that are there. */
  readonly schemas: readonly { readonly name: string; readonly usable: boolean; readonly owned: boolean }[]
  /** Tables of schema sync that it may not read and write. */
  readonly lacking: readonly string[]
}

export async function readRights(sql: Database): Promise<RightsFacts> {
  const [found] = await sql<RightsFacts[]>`
    select current_user as role, has_database_privilege(current_database(), 'CREATE') as creates,
      (select coalesce(json_agg(json_build_object('name', n.nspname, 'usable', has_schema_privilege(n.oid, 'USAGE'),
          'owned', pg_has_role(n.nspowner, 'USAGE')) order by n.nspname), '[]')
        from pg_namespace n where n.nspname in ('scopestack', 'sync', 'bullmq')) as schemas,
      (select coalesce(json_agg(n.nspname || '.' || c.relname order by 1), '[]')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('sync', 'bullmq') and c.relkind in ('r', 'p')
          and not (has_table_privilege(c.oid, 'SELECT') and has_table_privilege(c.oid, 'INSERT')
            and has_table_privilege(c.oid, 'UPDATE') and has_table_privilege(c.oid, 'DELETE'))) as lacking`
  return found!
}

/** For the remedy: `grant … to "role"`. */
export const grantTo = (role: string, schemas: readonly string[]): string =>
  schemas
    .map(
      (schema) =>
        `grant usage on schema ${schema} to ${quote(role)}; grant select, insert, update, delete on all tables in schema ` +
        `${schema} to ${quote(role)}; grant usage on all sequences in schema ${schema} to ${quote(role)}`,
    )
    .join('; ')
