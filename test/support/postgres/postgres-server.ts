import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { freePort } from '../network/free-port.ts'
import { findPostgres, type Major } from './postgres-binaries.ts'

/** A server of one major version, with a folder of its own that goes with it. As root it runs as nobody. */
export async function startPostgres(
  major: Major,
  settings: Readonly<Record<string, string>>,
): Promise<{ adminUrl: string; stop(): Promise<void> }> {
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
  process.once('exit', die)
  const adminUrl = `postgres://postgres@127.0.0.1:${port}/postgres`
  await Promise.race([
    answering(adminUrl),
    gone.then(() => Promise.reject(new Error(`PostgreSQL ${major} ended at once (${server.exitCode}).`))),
  ])
  return {
    adminUrl,
    async stop() {
      process.removeListener('exit', die)
      // Fast: a test that forgot a connection does not keep it up.
      server.kill('SIGINT')
      await gone
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

/** Before 17 there is no locale that comes along; C.UTF-8 is the operating system's, where it has one. */
async function initialise({ bin, data, account }: Cluster): Promise<void> {
  const initdb = (locale: string) =>
    promisify(execFile)(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', `--locale=${locale}`, '--no-sync'],
      { ...account, cwd: '/' },
    )
  await initdb('C.UTF-8').catch(() => initdb('C'))
}

async function answering(url: string): Promise<void> {
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
    try {
      await sql`select 1`
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
}
