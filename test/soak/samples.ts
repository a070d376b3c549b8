/** What may grow: of the process that is never killed, of its connections, and of every table and index that is not the account's. */
import { readdirSync, readFileSync } from 'node:fs'
import type { World } from './world.ts'

export interface Sample {
  /** Bytes of memory, and open files and sockets, of the first process. */
  readonly rss: number
  readonly descriptors: number
  /** To Postgres, of all processes. */
  readonly connections: number
  /** Of all tables below. */
  readonly bytes: number
  /** Bytes with indexes, by schema and table. */
  readonly tables: Readonly<Record<string, number>>
}

export async function readSample({ sql, members }: World): Promise<Sample> {
  const { pid } = members[0]!
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  const descriptors = readdirSync(`/proc/${pid}/fd`).length
  const tables = await sql<{ name: string; bytes: number }[]>`
    select n.nspname || '.' || c.relname as name, pg_total_relation_size(c.oid)::float8 as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('sync', 'bullmq', 'scopestack', 'scopestack_history')`
  const [row] = await sql<{ connections: number }[]>`
    select count(*)::int as connections from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`
  return {
    rss,
    descriptors,
    connections: row!.connections,
    bytes: tables.filter(({ name }) => !name.startsWith('scopestack.')).reduce((sum, one) => sum + one.bytes, 0),
    tables: Object.fromEntries(tables.map(({ name, bytes }) => [name, bytes])),
  }
}
