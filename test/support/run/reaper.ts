/**
 * A process of its own that outlives a run of tests for a moment, however the run ends: by itself, by Ctrl-C, by SIGKILL. The end of
 * its stdin is the signal. It ends the processes below the run's folder, drops the run's databases on a server that is not the
 * run's own, and removes the folder.
 *
 * Handlers of signals in the run itself were not enough: Vitest exits a millisecond after a signal, a worker that is blocked runs
 * no handler, and an embedded Postgres is in a session of its own, where Ctrl-C does not reach it.
 */
import { rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import postgres from 'postgres'
import { within } from './limit.ts'
import { killBelow } from './processes.ts'

/** Databases to drop; a line of stdin. */
export interface Databases {
  readonly adminUrl: string
  readonly prefix: string
}

/** Drops every database with this prefix, and the template. */
export async function dropDatabases({ adminUrl, prefix }: Databases): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(`alter database ${prefix} is_template false`).catch(() => {})
    const left = await sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${prefix})`
    // Forced: a test that kills processes leaves their connections behind.
    for (const { name } of left) await sql.unsafe(`drop database if exists ${name} with (force)`)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

if (import.meta.main) {
  const folder = process.argv[2]!
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  const lines = (await text(process.stdin)).split('\n').filter((line) => line !== '')
  await killBelow(folder)
  for (const line of lines) {
    await within(60, dropDatabases(JSON.parse(line) as Databases), 'Databases were left behind').catch(() => {})
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }).catch(() => {})
  process.exit()
}
