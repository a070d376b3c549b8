/**
 * The network cost of a pull: requests, refusals and bytes of a first, an unchanged and an incremental pull, of an account
 * like real ones: it refuses some includes and lacks some resources. These are counts, not times, so one round is enough.
 *
 *   npm run bench:requests -- [--projects 300] [--worker FOLDER] [--compression negotiated|off] [--json]
 *
 * --worker is another checkout with installed packages, whose worker is measured with the same account: before and after a
 * change.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { textTable } from '../src/commands/output/format.ts'
import { settingsFor } from './machine/measure.ts'
import { startServer } from './machine/postgres.ts'
import { startRemote, type Remote } from './machine/remote.ts'

const { values: options } = parseArgs({
  options: {
    projects: { type: 'string', default: '300' },
    worker: { type: 'string', default: join(import.meta.dirname, '..') },
    compression: { type: 'string', default: 'negotiated' },
    json: { type: 'boolean', default: false },
  },
})

/** Fifteen of the resources that are known by name only. */
const ABSENT = [
  'approval-steps',
  'audit-logs',
  'customer-successes',
  'expense-categories',
  'external-requests',
  'notes',
  'partner-requests',
  'payment-credits',
  'pricing-adjustments',
  'project-surveys',
  'psa-projects',
  'questions',
  'quotes',
  'survey-responses',
  'teams',
]

const UNKNOWN_INCLUDES = {
  projects: ['user', 'external-request', 'psa-project', 'crm-opportunity', 'payment-term', 'creator', ...ABSENT],
  'project-services': ['resource', 'service', 'service-category'],
  'project-subservices': ['phase', 'resource', 'subservice'],
  'project-governances': ['governance', 'resource-rate'],
  services: ['lob'],
  users: ['rate-table', ...ABSENT],
  surveys: ['project-survey', ...ABSENT],
  questionnaires: ABSENT,
}

async function prepare(remote: Remote): Promise<void> {
  await remote.control('POST', 'switches', { refusedIncludes: UNKNOWN_INCLUDES, compression: options.compression })
  for (const type of ABSENT) await remote.control('POST', 'faults', { kind: '404', count: 'always', match: { type } })
}

interface Cost {
  readonly pull: string
  readonly requests: number
  readonly ok: number
  readonly unchanged: number
  readonly refused: number
  readonly notFound: number
  readonly bytes: number
}

interface Stats {
  readonly statuses: Readonly<Record<string, number>>
  readonly bytesSent: number
}

async function costOf(name: string, remote: Remote, databaseUrl: string, args: readonly string[]): Promise<Cost> {
  await remote.control('DELETE', 'stats')
  await promisify(execFile)(process.execPath, [join(options.worker, 'src/cli.ts'), 'pull', '--json', ...args], {
    cwd: options.worker,
    maxBuffer: 64 * 1024 * 1024,
    env: settingsFor(remote, databaseUrl, { LOG_LEVEL: 'silent' }),
  })
  const { statuses, bytesSent } = (await remote.control('GET', 'stats')) as Stats
  const of = (...wanted: string[]): number => wanted.reduce((sum, status) => sum + (statuses[status] ?? 0), 0)
  const requests = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  return {
    pull: name,
    requests,
    ok: of('200', '201'),
    unchanged: of('304'),
    refused: of('400'),
    notFound: of('404'),
    bytes: bytesSent,
  }
}

const CHANGED_PROJECTS = 10

async function changeProjects(remote: Remote): Promise<void> {
  const records = (await remote.control('GET', 'records/projects')) as { id: string }[]
  const step = Math.max(1, Math.floor(records.length / CHANGED_PROJECTS))
  for (let n = 0; n < CHANGED_PROJECTS && n * step < records.length; n++) {
    const { id } = records[n * step]!
    await remote.control('PATCH', `records/projects/${id}`, { attributes: { 'out-of-scope': `changed ${n}` } })
  }
}

const server = await startServer('18')
const remote = await startRemote({ projects: Number(options.projects) })
try {
  await prepare(remote)
  const url = await server.createEmpty('requests')
  const costs = [
    await costOf('first', remote, url, []),
    await costOf('unchanged, full', remote, url, ['--full']),
    await costOf('unchanged, incremental (first time)', remote, url, []),
  ]
  await changeProjects(remote)
  costs.push(await costOf(`${CHANGED_PROJECTS} changed projects`, remote, url, []))
  if (options.json) process.stdout.write(`${JSON.stringify(costs, null, 2)}\n`)
  else {
    const rows = costs.map(({ pull, requests, ok, unchanged, refused, notFound, bytes }) => [
      pull,
      requests,
      ok,
      unchanged,
      refused,
      notFound,
      `${(bytes / 1e6).toFixed(2)} MB`,
    ])
    process.stdout.write(
      `${textTable([['pull', 'requests', '200', '304', '400', '404', 'bytes'], ...rows]).join('\n')}\n`,
    )
  }
} finally {
  await remote.close()
  await server.close()
}
