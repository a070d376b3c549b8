/** A server of one major version, with a data folder that is removed with it. As root it runs as user `nobody`. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { freePort } from '../network/free-port.ts'
import { atExit } from '../run/at-exit.ts'
import { findPostgres, type Major } from './postgres-binaries.ts'

export interface PostgresServer {
  readonly adminUrl: string
  /** Of the server that was started first. */
  readonly pid: number
  /** A folder on a file system of so many MB, for a tablespace. It is gone with the server, also by `restart`. */
  readonly smallDisk: string | undefined
  /** Immediate, as after a crash: what was committed is there again, at the same address. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(
  major: Major,
  settings: Readonly<Record<string, string>>,
  { smallDiskMb }: { smallDiskMb?: number } = {},
): Promise<PostgresServer> {
  const bin = await findPostgres(major)
  const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const folder = await mkdtemp(join(tmpdir(), `scopestack-sync-postgres-${major}-`))
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid)
  const data = join(folder, 'data')
  await initialise({ bin, data, account })
  const port = await freePort()
  const all = { ...settings, port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const adminUrl = `postgres://postgres@127.0.0.1:${port}/postgres`
  const smallDisk = smallDiskMb === undefined ? undefined : join(folder, 'small-disk')
  if (smallDisk !== undefined) await mkdir(smallDisk)
  const command = [join(bin, 'postgres'), '-D', data, ...flags]
  const launch = async () => {
    const [program, ...args] = smallDisk === undefined ? command : onSmallDisk(command, smallDisk, smallDiskMb!)
    const how = smallDisk === undefined ? account : {}
    const server = spawn(program!, args, { ...how, cwd: '/', stdio: 'ignore' })
    const gone = once(server, 'exit')
    const forget = atExit(() => void server.kill('SIGQUIT'))
    const failed = gone.then(() => Promise.reject(new Error(`PostgreSQL ${major} ended at once (${server.exitCode}).`)))
    await answering(adminUrl, failed).catch(async (error: unknown) => {
      server.kill('SIGQUIT')
      throw error
    })
    const end = async (): Promise<void> => {
      forget()
      // Immediate: no open connection or suspended process delays it.
      server.kill('SIGQUIT')
      const late = setTimeout(() => server.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(late)
    }
    return { pid: server.pid!, end }
  }
  let running = await launch()
  return {
    adminUrl,
    smallDisk,
    pid: running.pid,
    async restart() {
      await running.end()
      running = await launch()
    },
    async stop() {
      await running.end()
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

// --- internal ---

/** Only the server sees the file system, in a mount namespace of its own, so that nothing is left of it, however the server ends. */
function onSmallDisk(command: readonly string[], folder: string, mb: number): string[] {
  const script = `mount -t tmpfs -o size=${mb}m,mode=700,uid=65534,gid=65534 none ${folder} && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`
  return ['unshare', '-m', 'sh', '-c', script, 'sh', ...command]
}

/** Whether this process may give a server a file system of its own. */
export const hasSmallDisks = (): boolean =>
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt && setpriv --version'], {
    stdio: 'ignore',
  }).status === 0

interface Cluster {
  readonly bin: string
  readonly data: string
  readonly account: { uid?: number; gid?: number }
}

/** Before 17 Postgres has no builtin locale; C.UTF-8 is the operating system's, if it has one. */
async function initialise({ bin, data, account }: Cluster): Promise<void> {
  const initdb = (locale: string) =>
    promisify(execFile)(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', `--locale=${locale}`, '--no-sync'],
      { ...account, cwd: '/', timeout: 180_000, killSignal: 'SIGKILL' },
    )
  await initdb('C.UTF-8').catch(() => initdb('C'))
}

async function answering(url: string, failed: Promise<never>): Promise<void> {
  const patience = AbortSignal.timeout(120_000)
  for (;;) {
    patience.throwIfAborted()
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
    try {
      await Promise.race([sql`select 1`, failed])
      return
    } catch {
      // Rejects only once the server has ended.
      await Promise.race([sleep(20), failed])
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
}
