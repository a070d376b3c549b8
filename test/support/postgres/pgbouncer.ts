/** A pooler in front of the Postgres of the tests: PgBouncer, in the mode and with the settings of a test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { freePort } from '../network/free-port.ts'
import { environmentOf, findProgram, type Program } from '../process/debian.ts'
import { atExit } from '../run/at-exit.ts'
import { until } from '../until.ts'

export interface Pooler extends AsyncDisposable {
  /** The address of a database, through the pooler. */
  through(databaseUrl: string): string
}

/** Undefined, with the reason printed, if there is none and none can be downloaded. */
export const pgbouncer: Program | undefined = await findProgram({
  names: ['pgbouncer'],
  folders: ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'],
  debian: { packages: ['pgbouncer'], file: 'usr/sbin/pgbouncer', libraries: /^lib/ },
}).catch((error: unknown) => {
  console.warn(`No PgBouncer (apt-get install pgbouncer), so its tests are left out: ${String(error)}`)
  return undefined
})

/** @param settings lines for `[pgbouncer]`, in addition to those that it needs here. */
export async function startPooler(settings: Record<string, string | number>): Promise<Pooler> {
  if (pgbouncer === undefined) throw new Error('There is no PgBouncer')
  const target = new URL(inject('adminUrl'))
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-pgbouncer-'))
  const port = await freePort()
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    // Every client is accepted, as the user below.
    auth_type: 'any',
    default_pool_size: 40,
    // It refuses to run as root, and changes the user itself.
    ...(process.getuid?.() === 0 ? { user: 'nobody' } : {}),
    ...settings,
  }
  const password = decodeURIComponent(target.password)
  const place = `host=${target.hostname} port=${target.port || 5432} user=${decodeURIComponent(target.username)}`
  const ini = [
    '[databases]',
    `* = ${place}${password === '' ? '' : ` password='${password}'`}`,
    '[pgbouncer]',
    ...Object.entries(lines).map(([name, value]) => `${name} = ${value}`),
  ]
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(file, `${ini.join('\n')}\n`)
  await Promise.all([chmod(folder, 0o755), chmod(file, 0o644)])
  let said = ''
  const child = spawn(pgbouncer.file, [file], { stdio: ['ignore', 'ignore', 'pipe'], env: environmentOf(pgbouncer) })
  child.stderr.on('data', (chunk: Buffer) => (said = (said + String(chunk)).slice(-10_000)))
  const die = () => void child.kill('SIGKILL')
  const forget = atExit(die)
  const gone = once(child, 'exit')
  await Promise.race([
    until(() => answers(port), 'PgBouncer to listen'),
    gone.then(() => Promise.reject(new Error(`PgBouncer ended at once: ${said}`))),
  ])
  return {
    through: (databaseUrl) => Object.assign(new URL(databaseUrl), { host: `127.0.0.1:${port}` }).href,
    async [Symbol.asyncDispose]() {
      forget()
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// --- internal ---

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
