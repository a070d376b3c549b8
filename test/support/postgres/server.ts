import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import postgres from 'postgres'
import { getContainerRuntimeClient } from 'testcontainers'
import { startEmbeddedPostgres } from '../../../src/store/embedded/embedded.ts'
import { MAJORS, type Major } from './postgres-binaries.ts'
import { startPostgres } from './postgres-server.ts'

export interface Server {
  adminUrl: string
  stop(): Promise<void>
}

/** Nothing here outlives the run, so nothing waits for the disk. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '300' }

/**
 * A real Postgres: the one that is named, else of the major version that TEST_POSTGRES asks for (18 where it says nothing) a
 * container where an engine answers, else the programs that are found or fetched; of 18 the embedded one.
 */
export async function startServer(): Promise<Server> {
  const named = process.env['TEST_DATABASE_URL']
  if (named) return { adminUrl: named, stop: async () => {} }
  const asked = process.env['TEST_POSTGRES'] || '18'
  const major = MAJORS.find((known) => known === asked)
  if (major === undefined) throw new Error(`TEST_POSTGRES is one of ${MAJORS.join(', ')}, not "${asked}".`)
  const server =
    (await startContainer(major)) ?? (await (major === '18' ? startEmbedded() : startPostgres(major, SETTINGS)))
  await sayVersion(server, major)
  return server
}

export async function containerEngine(): Promise<boolean> {
  // Without an engine it fails within 2 ms; a socket that nobody reads would make it wait.
  const engine = getContainerRuntimeClient().then(
    () => true,
    () => false,
  )
  const patience = new Promise<boolean>((resolve) => setTimeout(resolve, 5_000, false).unref())
  return Promise.race([engine, patience])
}

// --- internal ---

/** Of another version than the usual one: that it is really that one, and whether it compiles statements. */
async function sayVersion(server: Server, major: Major): Promise<void> {
  if (major === '18') return
  const sql = postgres(server.adminUrl, { max: 1, onnotice: () => {} })
  const [found] = await sql<{ version: string; jit: boolean }[]>`
    select current_setting('server_version') as version, pg_jit_available() as jit`
  await sql.end()
  process.stderr.write(`The tests run on PostgreSQL ${found!.version}, ${found!.jit ? 'with' : 'without'} JIT.\n`)
  if (found!.version.startsWith(`${major}.`)) return
  await server.stop()
  throw new Error(`PostgreSQL ${major} was asked for, and this is ${found!.version}.`)
}

async function startContainer(major: Major): Promise<Server | undefined> {
  if (!(await containerEngine())) return undefined
  try {
    const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const container = await new PostgreSqlContainer(`postgres:${major}`).withCommand(['postgres', ...flags]).start()
    return { adminUrl: container.getConnectionUri(), stop: async () => void (await container.stop()) }
  } catch (error) {
    // An engine that cannot fetch the image, for one.
    console.warn(`No Postgres from the container engine, the embedded one is used: ${String(error)}`)
    return undefined
  }
}

async function startEmbedded(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-test-'))
  const first = await startEmbeddedPostgres({ folder })
  const sql = postgres(first.url, { max: 1 })
  for (const [name, value] of Object.entries(SETTINGS)) await sql.unsafe(`alter system set ${name} = '${value}'`)
  await sql.end()
  await first.stop()

  const server = await startEmbeddedPostgres({ folder })
  return {
    adminUrl: server.url,
    stop: async () => {
      await server.stop()
      // A test that forgot a connection keeps the server up; it goes with its files.
      const [pid] = (await readFile(join(server.folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
      if (pid) process.kill(Number(pid), 'SIGQUIT')
      await rm(server.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}
