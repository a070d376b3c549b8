/** What a benchmark runs against, each in a process of its own: the simulator and an embedded Postgres. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openDatabase } from '../src/store/connection/database.ts'
import { startEmbeddedPostgres } from '../src/store/embedded/embedded.ts'

const CLI = join(import.meta.dirname, '../src/cli.ts')

export interface Remote {
  readonly url: string
  control(method: string, path: string, body?: unknown): Promise<unknown>
  close(): Promise<void>
}

export async function startRemote(projects: number): Promise<Remote> {
  const child: ChildProcess = spawn(
    process.execPath,
    [CLI, 'simulator', '--port', '0', '--projects', String(projects)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the simulator did not start')))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = /answers at (\S+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return {
    url,
    async control(method, path, body) {
      const response = await fetch(`${url}/_control/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      return response.status === 204 ? undefined : await response.json().catch(() => undefined)
    },
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export interface Server {
  /** A fresh, empty database. */
  create(name: string): Promise<string>
  close(): Promise<void>
}

export async function startServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-bench-'))
  const postgres = await startEmbeddedPostgres({ folder })
  const admin = openDatabase(postgres.url, { connections: 1 })
  await admin`create extension if not exists pg_walinspect`
  // The WAL of a phase is examined at its end; of a million records that is 2 GB.
  await admin`alter system set wal_keep_size = '8GB'`
  await admin`select pg_reload_conf()`
  return {
    async create(name) {
      await admin.unsafe(`drop database if exists ${name} with (force)`)
      await admin.unsafe(`create database ${name}`)
      const url = new URL(postgres.url)
      url.pathname = `/${name}`
      return url.href
    },
    async close() {
      await admin.end()
      await postgres.stop()
      await rm(postgres.folder, { recursive: true, force: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface Wal {
  /** All that the server wrote. */
  readonly all: number
  /** The part of the tables and indexes of schema scopestack. */
  readonly mirror: number
}

/** The WAL that is written while `act` runs, by relation as pg_walinspect reports it. */
export async function measureWal<T>(url: string, act: () => Promise<T>): Promise<{ result: T; wal: Wal }> {
  const sql = openDatabase(url, { connections: 1 })
  try {
    await sql`create extension if not exists pg_walinspect`
    const [before] = await sql<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`
    const result = await act()
    await sql`select pg_switch_wal()`
    const [row] = await sql<{ all: number; mirror: number }[]>`
      with records as (
        select start_lsn, max(record_length) as length
        from pg_get_wal_block_info(${before!.lsn}::pg_lsn, pg_current_wal_flush_lsn(), false)
        where reldatabase = (select oid from pg_database where datname = current_database())
          and relfilenode in (
            select pg_relation_filenode(c.oid) from pg_class c where c.relnamespace = 'scopestack'::regnamespace
            union select pg_relation_filenode(c.reltoastrelid) from pg_class c
              where c.relnamespace = 'scopestack'::regnamespace and c.reltoastrelid <> 0)
        group by start_lsn)
      select
        (pg_wal_lsn_diff(pg_current_wal_flush_lsn(), ${before!.lsn}::pg_lsn))::float8 as all,
        coalesce((select sum(length) from records), 0)::float8 as mirror`
    return { result, wal: { all: row!.all, mirror: row!.mirror } }
  } finally {
    await sql.end()
  }
}
