/** What a soak runs: a Postgres that is vacuumed as often as its days are short, the simulator, and two processes of `start`. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { startSimulator, type Simulator } from '../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../src/store/connection/database.ts'
import type { Major } from '../support/postgres/postgres-binaries.ts'
import { startPostgres } from '../support/postgres/postgres-server.ts'
import { PRODUCT_FLAGS } from '../support/process/product-flags.ts'
import { startOwnRedis } from '../support/redis/redis-server.ts'
import { atExit } from '../support/run/at-exit.ts'

export interface Member {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Starts it once more, where it has ended. */
  revive(): Promise<void>
  /** Asks it to end, and returns its exit code; null where it had to be killed. */
  end(): Promise<number | null>
}

export interface World {
  readonly sim: Simulator
  readonly sql: Database
  readonly environment: Readonly<Record<string, string>>
  /** The first one is never killed, so that its memory is seen for all of the time. */
  readonly members: readonly Member[]
  close(): Promise<void>
}

interface Wanted {
  readonly folder: string
  readonly projects: number
  readonly seed: number
  readonly postgres: Major
  readonly queue: 'postgres' | 'redis'
}

const CLI = join(import.meta.dirname, '../../src/cli.ts')

export async function openWorld({ folder, projects, seed, postgres, queue }: Wanted): Promise<World> {
  const sim = await startSimulator({ projects, seed, tokenLifetime: 60 })
  const server = await startPostgres(postgres, {
    // A day is seconds, so autovacuum looks as often as it would in a day.
    autovacuum_naptime: '1s',
    max_connections: '60',
    synchronous_commit: 'off',
    dynamic_shared_memory_type: 'mmap',
  })
  const redis = queue === 'redis' ? await startOwnRedis() : undefined
  const environment: Record<string, string> = {
    DATABASE_URL: server.adminUrl,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    SCOPESTACK_AUTH_URL: sim.url,
    SCOPESTACK_API_URL: sim.url,
    SCOPESTACK_CLIENT_ID: sim.credentials.clientId,
    SCOPESTACK_CLIENT_SECRET: sim.credentials.clientSecret,
    SYNC_RATE: '0',
    SYNC_SCHEDULE: '*/40 * * * * *',
    SYNC_INCREMENTAL_SCHEDULE: '*/5 * * * * *',
    SYNC_CONFLICT: 'local-wins',
    // The account is small, and as much is deleted there as is made.
    SYNC_DELETE_LIMIT: '100',
    SYNC_HISTORY: 'clients,projects,vendors',
    SYNC_HISTORY_DAYS: '60',
    HTTP_PORT: '0',
    LOG_LEVEL: 'info',
    NODE_ENV: 'production',
  }
  const members = await Promise.all(['a', 'b'].map((name) => startMember(environment, join(folder, `${name}.log`))))
  const sql = openDatabase(server.adminUrl, { connections: 2 })
  return {
    sim,
    sql,
    environment,
    members,
    async close() {
      for (const member of members) member.kill('SIGKILL')
      await sql.end({ timeout: 1 }).catch(() => {})
      await server.stop()
      await redis?.stop()
      await sim.close()
    },
  }
}

async function startMember(environment: Readonly<Record<string, string>>, logFile: string): Promise<Member> {
  let child: ChildProcess
  const log = createWriteStream(logFile)
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [...PRODUCT_FLAGS, CLI, 'start'], {
      cwd: join(logFile, '..'),
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout!.pipe(log, { end: false })
    child.stderr!.pipe(log, { end: false })
    await once(child, 'spawn')
  }
  await start()
  atExit(() => void child.kill('SIGKILL'))
  return {
    get pid() {
      return child.pid!
    },
    kill: (signal) => void child.kill(signal),
    async end() {
      const gone = once(child, 'exit')
      const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
      child.kill('SIGTERM')
      const [code] = (await gone) as [number | null]
      clearTimeout(late)
      return code
    },
    async revive() {
      if (child.exitCode !== null || child.signalCode !== null) await start()
    },
  }
}
