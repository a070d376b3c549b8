/** One data directory of the embedded Postgres: created once, started, stopped, and read when it ends unexpectedly. */
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import {
  chown,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SyncError } from '../../errors/sync-error.ts'
import type { Location } from './location.ts'
import { runProgram } from './tools.ts'

export const SUPERUSER = 'postgres'

/** A server's files on disk, and the programs that work on them. */
export type Cluster = Location & { bin: string; data: string; password: string }

/**
 * Two processes may do this at once, without a lock file (which a killed process would leave behind): password and data
 * directory are created under unique names and then renamed, which only one of them can win.
 *
 * @throws SyncError SYNC_STOPPED when the signal fires; nothing incomplete is left then.
 */
export async function prepareCluster(place: Location, bin: string, signal: AbortSignal): Promise<Cluster> {
  const data = join(place.folder, 'data')
  const password = await passwordBeside(data, place.folder)
  const cluster = { ...place, bin, data, password }
  if (!(await exists(data))) await initialise(cluster, signal)
  return cluster
}

export interface Launch {
  failure(): Promise<string | undefined>
  abandon(): Promise<void>
}

/**
 * Starts the server in a session of its own: neither Ctrl-C in our terminal nor our end reaches it. Its log is a file, since a
 * pipe would break with us. `failure` is undefined while it runs.
 */
export async function launch(cluster: Cluster): Promise<Launch> {
  const port = await freePort(await readFile(join(cluster.folder, 'port'), 'utf8').catch(() => ''))
  const logFile = join(cluster.folder, 'postgres.log')
  const log = await open(logFile, 'a', 0o600)
  const { size } = await log.stat()
  const from = size > LOG_LIMIT ? 0 : size
  if (from === 0) await log.truncate()

  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC']
  const server = spawn(
    join(cluster.bin, 'postgres'),
    ['-D', cluster.data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...cluster.account, cwd: '/', env: CLEAN, detached: true, stdio: ['ignore', log.fd, log.fd] },
  )
  let ended: string | undefined
  const gone = new Promise<void>((resolve) => {
    server.once('error', (error) => resolve(void (ended = error.message)))
    server.once('exit', (code, signal) => resolve(void (ended ??= `postgres ended with ${signal ?? code}`)))
  })
  server.unref()
  await log.close()
  // The port is kept, so that the saved address of a SQL client works after a restart.
  await writeFile(join(cluster.folder, 'port'), String(port))

  return {
    failure: async () =>
      ended === undefined ? undefined : `${ended}\n${(await readFile(logFile)).subarray(from).toString().trim()}`,
    async abandon() {
      // The process was unreferenced, and we wait for its end now.
      server.ref()
      server.kill('SIGINT')
      await gone
    },
  }
}

export interface Running {
  pid: number
  port: number
}

/** The running server of this data folder, also if another process started it. A pid file from a crash does not count. */
export async function runningServer(cluster: Cluster): Promise<Running | undefined> {
  const file = join(cluster.data, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const [pid, port] = [0, 3].map((line) => Number(text.split('\n')[line]))
  if (pid && port) {
    // Postgres itself removes the file of a dead process.
    if (!isAlive(pid)) return undefined
    if (await worksOn(pid, cluster.data)) return { pid, port }
  } else {
    // The file is being written, or was truncated by a full disk.
    await sleep(200)
  }

  // Truncated, or the pid belongs to another process now (usual in containers, where pids are small): Postgres would refuse to
  // start. If two servers get past here, the shared memory check of Postgres stops the second.
  if ((await readFile(file, 'utf8').catch(() => '')) === text) await rm(file, { force: true })
  return undefined
}

/**
 * Disconnects clients, writes a checkpoint (not for `immediate`), and returns when the server has ended. Rejected: `pg_ctl stop
 * -w`, which waits for any server on this data, and so for one that a newcomer has started meanwhile.
 */
export async function shutDown(cluster: Cluster, how: 'fast' | 'immediate' = 'fast'): Promise<void> {
  const before = await runningServer(cluster)
  if (!before) return
  await runTool(cluster, 'pg_ctl', ['stop', '-D', cluster.data, '-m', how, '-W'])
  while ((await runningServer(cluster))?.pid === before.pid) await sleep(10)
}

/** The decisive PANIC or FATAL message since the last start; empty without one. */
export async function lastFatalMessage(folder: string): Promise<string> {
  const log = await readFile(join(folder, 'postgres.log'), 'utf8').catch(() => '')
  const bad = log.slice(log.lastIndexOf('starting PostgreSQL')).match(/(?<=(?:PANIC|FATAL): {2}).*/g) ?? []
  // Around the reason come messages about rejected connections.
  return bad.find((line) => !/the database system is|terminating connection/.test(line)) ?? bad[0] ?? ''
}

// --- internal ---

const LOG_LIMIT = 10_000_000
const CLEAN = { TZ: 'UTC', LC_ALL: 'C' }

async function initialise(cluster: Cluster, signal: AbortSignal): Promise<void> {
  await removeAbandoned(cluster.folder)
  const scratch = join(cluster.folder, `initdb-${process.pid}-${randomUUID()}`)
  const passwordFile = `${scratch}.password`
  try {
    await mkdir(scratch, { mode: 0o700 })
    await writeFile(passwordFile, cluster.password, { mode: 0o600 })
    if (cluster.account) {
      const { uid, gid } = cluster.account
      await Promise.all([chown(scratch, uid, gid), chown(passwordFile, uid, gid)])
    }
    // prettier-ignore
    await runTool(cluster, 'initdb', [
      '-D', scratch, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8',
      '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions',
    ], signal)
    await rename(scratch, cluster.data).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await rm(passwordFile, { force: true })
  }
}

async function runTool(cluster: Cluster, tool: string, args: string[], signal?: AbortSignal): Promise<void> {
  try {
    const { account } = cluster
    await runProgram(join(cluster.bin, tool), args, { account, env: CLEAN, ...(signal && { signal }) })
  } catch (cause) {
    if (cause instanceof SyncError) throw cause
    const output = cause instanceof Error ? cause.message : String(cause)
    const remedy = /No space left/.test(output)
      ? 'The disk is full: make room, or set DATABASE_URL to a PostgreSQL of your own.'
      : 'Set DATABASE_URL to use a PostgreSQL of your own instead.'
    throw new Error(`${tool} failed for the embedded Postgres in ${cluster.folder}:\n${output}\n${remedy}`, { cause })
  }
}

async function passwordBeside(data: string, folder: string): Promise<string> {
  const file = join(folder, 'password')
  if (!(await exists(file))) {
    if (await exists(data)) {
      throw new Error(
        `${file} is gone, and the data beside it opens with nothing else. Put it back, or remove ${folder}.`,
      )
    }
    const scratch = `${file}.${randomUUID()}`
    await writeFile(scratch, randomBytes(24).toString('hex'), { mode: 0o600 })
    await link(scratch, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    await rm(scratch)
  }
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`${folder} belongs to another user. Run as that user, remove it, or set DATABASE_URL.`, { cause })
  })
}

/** Removes incomplete data directories of killed processes: 44 MB each. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^initdb-(\d+)-/.exec(name)?.[1]
    if (pid && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** EPERM: the process of another user, which is alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The server's working directory is its data folder. Outside Linux there is no cheap proof, so the pid is trusted. */
async function worksOn(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return directory === (await realpath(data))
}

async function freePort(wanted: string): Promise<number> {
  const ask = (port: number) =>
    new Promise<number | undefined>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(undefined))
      server.listen(port, '127.0.0.1', () => {
        const address = server.address()
        server.close(() => resolve(address && typeof address === 'object' ? address.port : undefined))
      })
    })
  const port = (/^\d+$/.test(wanted) ? await ask(Number(wanted)) : undefined) ?? (await ask(0))
  if (port === undefined) throw new Error('No port on 127.0.0.1 is free for the embedded Postgres.')
  return port
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
