/** "reports": lists the reports and shows one, with the rights of a reader, on a terminal and for another program. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { REPORTS } from '../../../src/commands/reports/definitions.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { runCli } from '../../support/process/cli.ts'
import { cents, countedProjects, sum } from '../../support/scopestack/figures.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

const READER = `reader_${randomUUID().slice(0, 8)}`

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let env: Record<string, string>

beforeAll(async () => {
  sim = await startSimulator({ projects: 30 })
  const [first] = sim.records.list('clients')
  sim.records.update('clients', first!.id, { attributes: { name: '=HYPERLINK("http://x.test")' } })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run()
  await worker.sql.unsafe(`create role ${READER} login password 'only-reads'`)
  await worker.sql`select sync.grant_reader(${READER}::regrole)`
  const url = new URL(database.url)
  url.username = READER
  url.password = 'only-reads'
  env = { DATABASE_URL: url.href }
})

afterAll(async () => {
  await worker?.sql.unsafe(`drop owned by ${READER}; drop role ${READER}`)
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const reports = (...args: string[]) => runCli(['reports', ...args], { env })

it('lists every report with what it shows and its grain', async () => {
  const { code, stdout } = await reports()
  expect(code).toBe(0)
  for (const { name } of REPORTS) expect(stdout).toMatch(new RegExp(`^${name}\\n {2}\\S[^]*?\\n {2}One row per `, 'm'))
  const lines = (await reports('--json')).stdout.trim().split('\n')
  const found = lines.map((line) => JSON.parse(line) as Record<string, string>)
  expect(found.map(({ name }) => name)).toEqual(REPORTS.map(({ name }) => name))
  expect(found.every(({ about, grain }) => about !== '' && grain!.startsWith('One row per '))).toBe(true)
})

it('shows each report as a table, a chart, CSV and JSON, with the same numbers', async () => {
  const projects = countedProjects(sim).filter(({ outcome }) => outcome === 'won')
  const revenue = cents(sum(projects.map((project) => project.revenue)))
  const json = await reports('revenue-by-client', '--outcome', 'won', '--json')
  expect(json.code).toBe(0)
  const rows = json.stdout.trim().split('\n')
  expect(cents(sum(rows.map((line) => (JSON.parse(line) as { revenue: number }).revenue)))).toBe(revenue)
  // Numbers, with all their digits.
  expect(rows[0]).toMatch(/"margin":0\.\d{16,}/)
  const csv = await reports('scopestack.report_revenue_by_client', '--outcome', 'won', '--csv')
  expect(csv.stdout.split('\r\n')).toHaveLength(rows.length + 2)
  expect(csv.stdout).toMatch(/^client_id,client_name,outcome,currency,projects,revenue,/)
  const table = await reports('revenue-by-client', '--outcome', 'won')
  expect(table.stdout.split('\n').filter((line) => / won /.test(line))).toHaveLength(rows.length)
  const chart = await reports('revenue-by-month', '--by', 'year', '--outcome', 'won', '--chart')
  expect(chart.stdout).toMatch(/^\d{4} · won +[\d,]+ {2}█+/m)
  // eslint-disable-next-line no-control-regex
  expect(table.stdout + chart.stdout).not.toMatch(/\u001b/)
})

it('every report can be shown, also added up by quarter where it has periods', async () => {
  for (const { name, period, isState } of REPORTS) {
    const { code, stderr } = await reports(
      name,
      '--limit',
      '3',
      ...(period === null ? [] : ['--since', '2024-03', ...(isState ? [] : ['--by', 'quarter'])]),
    )
    expect([code, stderr], name).toEqual([0, ''])
  }
})

it('makes no formula of a name in CSV', async () => {
  const { stdout } = await reports('client-revenue', '--csv')
  const all = (await reports('revenue-by-client', '--csv')).stdout
  expect(stdout + all).toContain(`"'=HYPERLINK(""http://x.test"")"`)
})

it.each([
  [['projcts'], /"projcts" is no report; did you mean projects\?/],
  [['projects', '--since', '2026-02-30'], /--since takes a day such as 2026-07-01/],
  [['projects', '--since', 'yesterday'], /not "yesterday"/],
  [['project-pipeline', '--by', 'month'], /"project-pipeline" does not take --by\./],
  [['projects', '--by', 'mont'], /did you mean month\?/],
  [['revenue-by-month', '--outcome', 'wn'], /did you mean won\?/],
  [['win-rate', '--outcome', 'won'], /"win-rate" does not take --outcome\./],
  [['projects', '--csv', '--json'], /--csv and --json exclude each other/],
  [['projects', '--limit', '0'], /--limit takes a whole number from 1 up/],
  [['projects', 'clients'], /too many arguments/],
  [['--by', 'month'], /--by is for one report: name it/],
])('refuses %j with what to do', async (args, wanted) => {
  const { code, stderr } = await reports(...args)
  expect(code).toBe(64)
  expect(stderr).toMatch(wanted)
})

it('says which command is missing where there are no tables, and where they are empty', async () => {
  await using empty = await createEmptyDatabase()
  const none = await runCli(['reports', 'projects'], { env: { DATABASE_URL: empty.url } })
  expect(none.code).toBe(1)
  expect(none.stderr).toMatch(/no scopestack-sync tables yet\. Run the command "migrate" \(or "pull"/)
  await using migrated = await createDatabase()
  const unread = await runCli(['reports', 'projects'], { env: { DATABASE_URL: migrated.url } })
  expect(unread.code).toBe(1)
  expect(unread.stdout).toContain('No rows.')
  expect(unread.stderr).toMatch(/Run "pull" first/)
})
