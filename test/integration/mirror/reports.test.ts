/** What analysts read: the views give the numbers that come out of ScopeStack's own records. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import {
  cents,
  countedLines,
  countedProjects,
  number,
  sourcesOf,
  sum,
  type CountedLine,
  type CountedProject,
  type Source,
} from '../../support/scopestack/figures.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let deleted: Source
const from = new Date()

beforeAll(async () => {
  sim = await startSimulator({ projects: 40 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run()
  // No view may count what ScopeStack has deleted.
  deleted = sources('projects').find(({ attributes }) => attributes['status'] === 'won')!
  await worker.sql.begin(async (tx) => {
    await disableCapture(tx)
    await tx`update scopestack.projects set sync_deleted_at = now() where id = ${deleted.id}`
  })
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const sources = (type: string): Source[] => sourcesOf(sim, type)
const projects = (): CountedProject[] => countedProjects(sim, new Set([deleted.id]))
const lines = (): CountedLine[] => countedLines(sim, projects())
const live = (type: string): Source[] => sources(type).filter(({ attributes }) => attributes['active'] !== false)
const total = (records: readonly Source[], member: string): number =>
  sum(records.map(({ attributes }) => number(attributes[member])))
const name = (type: string, id: unknown): unknown =>
  sources(type).find((record) => record.id === id)?.attributes['name'] ?? null
const added = (of: readonly CountedLine[], what: 'hours' | 'revenue' | 'cost') =>
  cents(sum(of.map((line) => line[what])))
const revenue = (of: readonly CountedProject[]) => cents(sum(of.map((project) => project.revenue)))
const cost = (of: readonly CountedProject[]) => cents(sum(of.map((project) => project.cost)))

it('report_projects has each living project with its names, hours, services and margin', async () => {
  const rows = await worker.sql`select * from scopestack.report_projects`
  const services = Map.groupBy(live('project-services'), ({ relationships }) => relationships['project'])
  const ofProject = Map.groupBy(lines(), ({ project }) => project.id)
  const found = rows.map((row) => ({
    id: row['project_id'] as string,
    names: [
      row['client_name'],
      row['sales_executive_name'],
      row['presales_engineer_name'],
      row['business_unit_name'],
    ] as unknown[],
    outcome: row['outcome'] as string,
    hours: cents(row['hours']),
    services: row['services'] === null ? 0 : Number(row['services']),
    profit: cents(row['contract_profit']),
  }))
  const wanted = projects().map(({ id, outcome, source, ...project }) => ({
    id,
    names: [
      name('clients', source.relationships['client']),
      name('sales-executives', source.relationships['sales-executive']),
      name('presales-engineers', source.relationships['presales-engineer']),
      name('business-units', source.relationships['business-unit']),
    ],
    outcome,
    hours: ofProject.has(id) ? added(ofProject.get(id)!, 'hours') : null,
    services: services.get(id)?.length ?? 0,
    profit: cents(project.revenue - project.cost),
  }))
  const byId = (a: { id: string }, b: { id: string }): number => Number(a.id) - Number(b.id)
  expect(found.toSorted(byId)).toEqual(wanted.toSorted(byId))
})

it('report_project_pipeline counts and sums every project, stage by stage, and archived ones by themselves', async () => {
  const rows = await worker.sql`select * from scopestack.report_project_pipeline order by stage`
  const wanted = Map.groupBy(projects(), ({ status }) => status)
  expect(rows.map((row) => row['status'] as string).toSorted()).toEqual([...wanted.keys()].toSorted())
  expect(wanted.has('archived')).toBe(true)
  for (const row of rows) {
    const of = wanted.get(row['status'] as string)!
    expect(Number(row['projects'])).toBe(of.length)
    expect(cents(row['contract_revenue'])).toBe(revenue(of))
    expect(cents(row['contract_cost'])).toBe(cost(of))
  }
  expect(rows.every((row) => Number(row['stage']) < 99)).toBe(true)
})

it('report_client_revenue separates what each client bought from what is still open', async () => {
  const rows = await worker.sql`select * from scopestack.report_client_revenue`
  const byClient = Map.groupBy(projects(), ({ source }) => source.relationships['client'])
  byClient.delete(null)
  expect(rows).toHaveLength(byClient.size)
  for (const row of rows) {
    const of = byClient.get(row['client_id'])!
    const won = of.filter(({ outcome }) => outcome === 'won')
    const open = of.filter(({ outcome }) => outcome === 'open')
    expect([Number(row['won_projects']), Number(row['open_projects'])]).toEqual([won.length, open.length])
    expect(cents(row['won_revenue'] ?? 0)).toBe(revenue(won))
    expect(cents(row['open_revenue'] ?? 0)).toBe(revenue(open))
  }
})

it('report_service_demand counts what was sold on won projects', async () => {
  const rows = await worker.sql`select * from scopestack.report_service_demand`
  const won = new Set(projects().flatMap(({ id, outcome }) => (outcome === 'won' ? [id] : [])))
  const sold = live('project-services').filter(
    ({ relationships }) => won.has(String(relationships['project'])) && relationships['service'] !== null,
  )
  const byService = Map.groupBy(sold, ({ relationships }) => relationships['service'])
  expect(rows.length).toBeGreaterThan(0)
  expect(rows).toHaveLength(byService.size)
  for (const row of rows) {
    const of = byService.get(row['service_id'])!
    expect(row['service_name']).toBe(name('services', row['service_id']))
    expect(Number(row['times_sold'])).toBe(of.length)
    expect(Number(row['projects'])).toBe(new Set(of.map(({ relationships }) => relationships['project'])).size)
    expect(Number(row['quantity'])).toBe(total(of, 'quantity'))
    expect(cents(row['hours'])).toBe(cents(total(of, 'total-hours')))
  }
})

it('report_resource_hours adds up to the hours and the money of all lines', async () => {
  const [row] = await worker.sql`
    select sum(hours) as hours, sum(revenue) as revenue, sum(cost) as cost from scopestack.report_resource_hours`
  const all = lines()
  expect(cents(row!['hours'])).toBe(added(all, 'hours'))
  expect(cents(row!['revenue'])).toBe(added(all, 'revenue'))
  expect(cents(row!['cost'])).toBe(added(all, 'cost'))
})

it('sync_status shows how fresh each resource is, its last outcome and its number of rows', async () => {
  const rows = await worker.sql`select * from scopestack.sync_status`
  expect(rows.map((row) => row['resource'] as string).toSorted()).toEqual([...catalog.keys()].toSorted())
  for (const row of rows) {
    const { table, read, type } = catalog.get(row['resource'] as string)!
    const asOf = row['data_as_of'] as Date
    expect(row['table_name']).toBe(table)
    expect(row['last_outcome']).toBe('ok')
    expect(asOf >= from && asOf <= (row['last_success_at'] as Date), type).toBe(true)
    expect(row['last_success_at']).toEqual(row['last_run_at'])
    if (read.from === 'list') expect(Number(row['rows']), type).toBe(sources(type).length)
  }
})

it('sync_status shows a failure as the last outcome, and keeps the time of the last success', async () => {
  const status = async () =>
    (await worker.sql`select * from scopestack.sync_status where resource = 'tags'`)[0] as Record<string, unknown>
  const before = await status()
  sim.setSwitches({ forbidden: ['tags'] })
  await worker.run(['tags'])
  const after = await status()
  expect(after).toMatchObject({
    last_outcome: 'forbidden',
    last_message: expect.stringContaining('privilege') as string,
    data_as_of: before['data_as_of'],
    last_success_at: before['last_success_at'],
    rows: before['rows'],
  })
  expect((after['last_run_at'] as Date) > (before['last_run_at'] as Date)).toBe(true)
})
