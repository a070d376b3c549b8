/** The Postgres of a test run. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import postgres from 'postgres'
import { getContainerRuntimeClient } from 'testcontainers'
import { startEmbeddedPostgres } from '../../../src/store/embedded/embedded.ts'
import { within } from '../run/limit.ts'
import { killBelow } from '../run/processes.ts'
import { MAJORS, type Major } from './postgres-binaries.ts'
import { startPostgres } from './postgres-server.ts'

export interface Server {
  adminUrl: string
  /** Started for this run, so that its databases end with it. */
  isOurs: boolean
  stop(): Promise<void>
}

/** The data does not outlive the run, so no write waits for the disk. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '300',
  // In a file of its data folder, which is removed: a server that is killed leaves segments of POSIX (/dev/shm/PostgreSQL.*).
  dynamic_shared_memory_type: 'mmap',
}

/**
 * A real Postgres: TEST_DATABASE_URL, else, of the major version in TEST_POSTGRES (18 by default), a
 * container if an engine responds, else the programs that are found or downloaded; of 18 the embedded one.
 */
export async function startServer(): Promise<Server> {
  const named = process.env['TEST_DATABASE_URL']
  if (named) return { adminUrl: named, isOurs: false, stop: async () => {} }
  const asked = process.env['TEST_POSTGRES'] || '18'
  const major = MAJORS.find((known) => known === asked)
  if (major === undefined) throw new Error(`TEST_POSTGRES is one of ${MAJORS.join(', ')}, not "${asked}".`)
  const server = (await startContainer(major)) ?? (await (major === '18' ? startEmbedded() : startPrograms(major)))
  await sayVersion(server, major)
  return server
}

export async function containerEngine(): Promise<boolean> {
  // Without an engine it fails within 2 ms; a socket without a reader would make it wait.
  const engine = getContainerRuntimeClient().then(
    () => true,
    () => false,
  )
  const patience = new Promise<boolean>((resolve) => setTimeout(resolve, 5_000, false).unref())
  return Promise.race([engine, patience])
}

// --- internal ---

/** For another version than 18: checks the version, and reports whether it compiles statements. */
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
    const image = `postgres:${major}`
    const starting = new PostgreSqlContainer(image).withCommand(['postgres', ...flags]).start()
    const container = await within(300, starting, `The container engine has not started ${image}`)
    return { adminUrl: container.getConnectionUri(), isOurs: true, stop: async () => void (await container.stop()) }
  } catch (error) {
    // For example an engine that cannot fetch the image.
    console.warn(`No Postgres from the container engine, the embedded one is used: ${String(error)}`)
    return undefined
  }
}

async function startPrograms(major: Major): Promise<Server> {
  return { ...(await startPostgres(major, SETTINGS)), isOurs: true }
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
    isOurs: true,
    stop: async () => {
      // Its files are removed, so it waits neither for connections nor for a checkpoint.
      await killBelow(server.folder)
      await rm(server.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}
