/**
 * The speed of a pull, compared with the limit of reading (download and parse of the same pages) and of writing (COPY of the
 * same rows). Each phase is a process of its own, the phases of a round run one after the other, and ratios are taken within
 * a round, so that a slow machine slows both sides. Medians over the rounds.
 *
 *   npm run bench -- [--records 100000] [--rounds 3] [--latency 0,50] [--concurrency 8] [--no-limits] [--json]
 *
 * --no-limits leaves out the limits, which keep all rows in memory: for a million records.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { textTable } from '../src/commands/output/format.ts'
import { openDatabase } from '../src/store/connection/database.ts'
import { startRemote, startServer, measureWal, type Remote, type Server, type Wal } from './machine.ts'

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    latency: { type: 'string', default: '0,50' },
    concurrency: { type: 'string', default: '8' },
    limits: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
})

/** Records of a generated project, without catalogs. */
const RECORDS_A_PROJECT = 35.8
/** The flags of the `sync` script in package.json. */
const NODE_FLAGS = ['--max-semi-space-size=4', '--max-old-space-size=512']
const PAGE_SIZE = 100

interface Measured {
  readonly ms: number
  readonly records: number
  readonly bytes: number
  readonly peakRss: number
  readonly requests: number
  readonly wal?: Wal
}

type Name = 'download' | 'parse' | 'copy' | 'first' | 'unchanged' | 'changed' | 'increment'

const ABOUT: Readonly<Record<Name, string>> = {
  download: 'download only',
  parse: 'download + parse (reading limit)',
  copy: 'COPY of the rows (writing limit)',
  first: 'pull: first load',
  unchanged: 'pull: unchanged',
  changed: 'pull: 1 % changed',
  increment: 'pull: 10 changed projects, incremental',
}

async function phase(name: string, remote: Remote, databaseUrl: string): Promise<Measured> {
  await remote.control('DELETE', 'stats')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...NODE_FLAGS, join(import.meta.dirname, 'phase.ts'), name],
    {
      env: {
        SCOPESTACK_AUTH_URL: remote.url,
        SCOPESTACK_API_URL: remote.url,
        SCOPESTACK_CLIENT_ID: 'simulator',
        SCOPESTACK_CLIENT_SECRET: 'simulator-secret',
        SYNC_RATE: '0',
        SYNC_CONCURRENCY: options.concurrency,
        SYNC_PAGE_SIZE: String(PAGE_SIZE),
        DATABASE_URL: databaseUrl,
      },
    },
  )
  const stats = (await remote.control('GET', 'stats')) as { requests: Record<string, number> }
  const requests = Object.entries(stats.requests)
    .filter(([route]) => !route.includes('_control'))
    .reduce((sum, [, count]) => sum + count, 0)
  return { ...(JSON.parse(stdout) as Omit<Measured, 'requests'>), requests }
}

async function round(remote: Remote, server: Server, latency: number): Promise<Partial<Record<Name, Measured>>> {
  await remote.control('POST', 'switches', { latency })
  const url = await server.create('ours')
  const pulled = async (name: 'pull' | 'changes' = 'pull'): Promise<Measured> => {
    const { result, wal } = await measureWal(url, () => phase(name, remote, url))
    return { ...result, wal }
  }
  const results: Partial<Record<Name, Measured>> = {}
  if (options.limits) {
    results.download = await phase('download', remote, url)
    results.parse = await phase('parse', remote, url)
    if (latency === 0) results.copy = await phase('copy', remote, await server.create('writing'))
  }
  results.first = await pulled()
  await vacuum(url)
  results.unchanged = await pulled()
  if (latency === 0 && options.limits) {
    await changeOnePercent(remote)
    results.changed = await pulled()
  }
  // Once without measuring: it negotiates the requests, which is done once a day.
  await pulled('changes')
  await changeProjects(remote)
  results.increment = await pulled('changes')
  return results
}

/**
 * Does what autovacuum would do within a minute. The first reader of a new row sets its hint bits, which with page checksums
 * is logged once; that is a cost of the load before, not of the unchanged pull.
 */
async function vacuum(url: string): Promise<void> {
  const sql = openDatabase(url, { connections: 1 })
  await sql`vacuum analyze`
  await sql.end()
}

const CHANGED_TYPES = ['project-services', 'project-subservices', 'project-phases', 'project-contacts']

async function changeOnePercent(remote: Remote): Promise<void> {
  for (const type of CHANGED_TYPES) {
    const records = (await remote.control('GET', `records/${type}`)) as { id: string }[]
    for (const [index, { id }] of records.entries()) {
      if (index % 60 !== 0) continue
      await remote.control('PATCH', `records/${type}/${id}`, { attributes: { name: `changed ${Date.now()}` } })
    }
  }
}

const CHANGED_PROJECTS = 10

async function changeProjects(remote: Remote): Promise<void> {
  const records = (await remote.control('GET', 'records/projects')) as { id: string }[]
  const step = Math.max(1, Math.floor(records.length / CHANGED_PROJECTS))
  for (let n = 0; n < CHANGED_PROJECTS; n++) {
    const { id } = records[n * step]!
    await remote.control('PATCH', `records/projects/${id}`, { attributes: { 'out-of-scope': `changed ${Date.now()}` } })
  }
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 0)} MB`

function summarize(latency: number, rounds: Partial<Record<Name, Measured>>[]) {
  const names = Object.keys(ABOUT).filter((name) =>
    rounds.every((phases) => phases[name as Name] !== undefined),
  ) as Name[]
  return names.map((name) => {
    const measured = rounds.map((phases) => phases[name]!)
    return {
      phase: name,
      latency,
      ms: Math.round(median(measured.map(({ ms }) => ms))),
      rowsPerSecond: Math.round(median(measured.map(({ ms, records }) => records / (ms / 1000)))),
      ofParse: options.limits ? median(rounds.map((one) => one.parse!.ms / one[name]!.ms)) : null,
      ofDownload: options.limits ? median(rounds.map((one) => one.download!.ms / one[name]!.ms)) : null,
      peakRss: median(measured.map(({ peakRss }) => peakRss)),
      walAll: measured[0]!.wal === undefined ? null : median(measured.map(({ wal }) => wal!.all)),
      walMirror: measured[0]!.wal === undefined ? null : median(measured.map(({ wal }) => wal!.mirror)),
      requests: measured[0]!.requests,
      records: measured[0]!.records,
    }
  })
}

function print(latency: number, rows: ReturnType<typeof summarize>, rounds: number): void {
  const { records } = rows[0]!
  const limit = (Number(options.concurrency) * PAGE_SIZE) / (latency / 1000)
  process.stdout.write(`
${records.toLocaleString('en-US')} records, ${latency} ms latency, ${options.concurrency} pages in flight, medians of ${rounds}

${textTable([
  ['phase', 'ms', 'rows/s', '× parse', '× download', 'peak RSS', 'WAL', 'WAL of mirror', 'requests'],
  ...rows.map((row) => [
    ABOUT[row.phase],
    row.ms,
    row.rowsPerSecond,
    row.ofParse?.toFixed(2) ?? null,
    row.ofDownload?.toFixed(2) ?? null,
    megabytes(row.peakRss),
    row.walAll === null ? null : megabytes(row.walAll),
    row.walMirror === null ? null : megabytes(row.walMirror),
    row.requests,
  ]),
]).join('\n')}
${latency > 0 ? `\n  in flight × page / latency = ${Math.round(limit).toLocaleString('en-US')} rows/s\n` : ''}`)
}

const projects = Math.max(1, Math.round(Number(options.records) / RECORDS_A_PROJECT))
const server = await startServer()
const remote = await startRemote(projects)
try {
  const all = []
  for (const latency of options.latency.split(',').map(Number)) {
    const rounds = []
    // Without measuring: the simulator serialises each record when it first sends it.
    if (options.limits) await phase('download', remote, await server.create('warm'))
    for (let n = 0; n < Number(options.rounds); n++) rounds.push(await round(remote, server, latency))
    const rows = summarize(latency, rounds)
    all.push(...rows)
    if (!options.json) print(latency, rows, rounds.length)
  }
  if (options.json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
} finally {
  await remote.close()
  await server.close()
}
