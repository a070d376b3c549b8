/**
 * The cost of a local edit: requests, memory, share of the rate limit, and the time between check and write. The push runs
 * in a process of its own, so that its peak memory is measured alone.
 *
 *   node bench/push.ts [--edits 10000] [--paced 1000] [--rate 50]
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { openPusher, openWorker } from '../src/assemble/worker.ts'
import { textTable } from '../src/commands/output/format.ts'
import { readConfig } from '../src/config/config.ts'
import { openDatabase } from '../src/store/connection/database.ts'
import { push } from '../src/sync/push/push.ts'
import { pull } from '../src/sync/run/run.ts'
import { startRemote, startServer, type Remote } from './machine.ts'

interface Measured {
  readonly ms: number
  readonly edits: number
  readonly peakRss: number
  /** Between the read that checks the remote record and the write. */
  readonly windowMs: { readonly mean: number; readonly most: number }
}

const never = new AbortController().signal

/** Runs in the process that is measured. */
async function measured(what: string): Promise<Measured | null> {
  const config = readConfig({ credentials: true })
  const sql = openDatabase(config.databaseUrl!)
  const store = { url: config.databaseUrl!, sql, embedded: undefined, close: async () => {} }
  const worker = await openWorker(config, store, never, () => {})
  const pusher = openPusher(worker, config)
  try {
    if (what === 'pull') {
      await pull(worker, {
        resources: [worker.catalog.get('clients')!],
        restart: true,
        signal: never,
        onEvent: () => {},
      })
      return null
    }
    const windows: number[] = []
    let checkedAt = 0
    const client: typeof worker.client = {
      ...worker.client,
      async get(...args) {
        const response = await worker.client.get(...args)
        checkedAt = performance.now()
        return response
      },
      write(...args) {
        windows.push(performance.now() - checkedAt)
        return worker.client.write(...args)
      },
    }
    let edits = 0
    const started = performance.now()
    await push({ ...pusher, client }, { signal: never, onResult: () => void edits++ })
    const ms = performance.now() - started
    const mean = windows.reduce((sum, one) => sum + one, 0) / windows.length
    const most = windows.reduce((top, one) => Math.max(top, one), 0)
    return { ms, edits, peakRss: process.resourceUsage().maxRSS * 1024, windowMs: { mean, most } }
  } finally {
    await worker.close()
    await sql.end()
  }
}

const FLAGS = ['--max-semi-space-size=16', '--max-old-space-size=512']

async function inProcess(what: string, remote: Remote, databaseUrl: string, rate: number): Promise<Measured> {
  const env = {
    SCOPESTACK_AUTH_URL: remote.url,
    SCOPESTACK_API_URL: remote.url,
    SCOPESTACK_CLIENT_ID: 'simulator',
    SCOPESTACK_CLIENT_SECRET: 'simulator-secret',
    SYNC_RATE: String(rate),
    DATABASE_URL: databaseUrl,
  }
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, import.meta.filename, '--do', what], {
    env,
  })
  return JSON.parse(stdout) as Measured
}

const { values: options } = parseArgs({
  options: {
    edits: { type: 'string', default: '10000' },
    paced: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '50' },
    do: { type: 'string' },
  },
})

async function main(): Promise<void> {
  const [server, remote] = await Promise.all([startServer(), startRemote(1)])
  const url = await server.create('edits')
  const sql = openDatabase(url, { connections: 1 })
  try {
    for (let n = 0; n < Number(options.edits); n++) {
      await remote.control('POST', 'records/clients', { attributes: { name: `Client ${n}` } })
    }
    await inProcess('pull', remote, url, 0)
    const rows = []
    for (const [edits, rate, latency] of [
      [Number(options.edits) / 10, 0, 0],
      [Number(options.edits), 0, 0],
      [Number(options.paced), Number(options.rate), 20],
    ] as const) {
      await remote.control('POST', 'switches', { latency })
      await sql`
        update scopestack.clients set domain = gen_random_uuid()::text || '.test'
        where id in (select id from scopestack.clients order by id limit ${edits})`
      await remote.control('DELETE', 'stats')
      const measuredPush = await inProcess('push', remote, url, rate)
      const { requests } = (await remote.control('GET', 'stats')) as { requests: Record<string, number> }
      const count = Object.entries(requests)
        .filter(([route]) => route.includes('/clients'))
        .reduce((sum, [, n]) => sum + n, 0)
      rows.push([
        measuredPush.edits,
        rate === 0 ? 'none' : `${rate}/s`,
        Math.round(measuredPush.edits / (measuredPush.ms / 1000)),
        (count / measuredPush.edits).toFixed(3),
        rate === 0 ? null : (count / (measuredPush.ms / 1000) / rate).toFixed(2),
        `${Math.round(measuredPush.peakRss / 1e6)} MB`,
        `${Math.round(measuredPush.windowMs.mean)} / ${Math.round(measuredPush.windowMs.most)} ms`,
      ])
    }
    const head = [
      'edits',
      'limit',
      'edits/s',
      'requests an edit',
      'share of limit',
      'peak RSS',
      'check to write, mean / most',
    ]
    process.stdout.write(`\nLocal edits carried to ScopeStack\n\n${textTable([head, ...rows]).join('\n')}\n`)
  } finally {
    await sql.end()
    await remote.close()
    await server.close()
  }
}

if (options.do === undefined) await main()
else process.stdout.write(JSON.stringify(await measured(options.do)))
