/** A server of one major version, with a data folder that is removed with it. As root it runs as user `nobody`. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { freePort } from '../network/free-port.ts'
import { atExit } from '../run/at-exit.ts'
import { findPostgres, type Major } from './postgres-binaries.ts'

export async function startPostgres(
  major: Major,
  settings: Readonly<Record<string, string>>,
): Promise<{ adminUrl: string; pid: number; stop(): Promise<void> }> {
  const bin = await findPostgres(major)
  const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const folder = await mkdtemp(join(tmpdir(), `scopestack-sync-postgres-${major}-`))
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid)
  const data = join(folder, 'data')
  await initialise({ bin, data, account })
  const port = await freePort()
  const all = { ...settings, port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...account, cwd: '/', stdio: 'ignore' })
  const gone = once(server, 'exit')
  const die = () => void server.kill('SIGQUIT')
  const forget = atExit(die)
  const adminUrl = `postgres://postgres@127.0.0.1:${port}/postgres`
  const failed = gone.then(() => Promise.reject(new Error(`PostgreSQL ${major} ended at once (${server.exitCode}).`)))
  await answering(adminUrl, failed).catch(async (error: unknown) => {
    server.kill('SIGQUIT')
    throw error
  })
  return {
    adminUrl,
    pid: server.pid!,
    async stop() {
      forget()
      // Immediate: its files are removed, and no open connection or suspended process delays it.
      server.kill('SIGQUIT')
      const late = setTimeout(() => server.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(late)
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

// --- internal ---

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
