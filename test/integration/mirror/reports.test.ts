/** What analysts read: the views give the numbers that come out of ScopeStack's own records. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

interface Source {
  id: string
  attributes: Record<string, unknown>
  relationships: Record<string, unknown>
}

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

const sources = (type: string): Source[] => sim.records.list(type)
const projects = (): Source[] => sources('projects').filter(({ id }) => id !== deleted.id)
/** Not archived: what every report but report_projects speaks of. */
const current = (): Source[] => projects().filter(({ attributes }) => attributes['active'] !== false)
const live = (type: string): Source[] => sources(type).filter(({ attributes }) => attributes['active'] !== false)
const sum = (values: readonly unknown[]): number =>
  values.reduce<number>((total, value) => total + Number(value ?? 0), 0)
const total = (records: readonly Source[], member: string): number =>
  sum(records.map(({ attributes }) => attributes[member]))
const money = (value: unknown): number | null => (value === null ? null : Math.round(Number(value) * 100) / 100)
const name = (type: string, id: unknown): unknown =>
  sources(type).find((record) => record.id === id)?.attributes['name'] ?? null

function groupBy(records: readonly Source[], key: (record: Source) => unknown): Map<unknown, Source[]> {
  return Map.groupBy(records, key)
}

it('report_projects has each living project with its names, hours, services and margin', async () => {
  const rows = await worker.sql`select * from scopestack.report_projects`
  const resources = groupBy(live('project-resources'), ({ relationships }) => relationships['project'])
  const services = groupBy(live('project-services'), ({ relationships }) => relationships['project'])
  const found = rows.map((row) => ({
    id: row['project_id'] as string,
    names: [
      row['client_name'],
      row['sales_executive_name'],
      row['presales_engineer_name'],
      row['business_unit_name'],
    ] as unknown[],
    hours: money(row['hours']),
    services: row['services'] === null ? 0 : Number(row['services']),
    profit: money(row['contract_profit']),
  }))
  const wanted = projects().map(({ id, attributes, relationships }) => ({
    id,
    names: [
      name('clients', relationships['client']),
      name('sales-executives', relationships['sales-executive']),
      name('presales-engineers', relationships['presales-engineer']),
      name('business-units', relationships['business-unit']),
    ],
    hours: resources.has(id) ? money(total(resources.get(id)!, 'total-hours')) : null,
    services: services.get(id)?.length ?? 0,
    profit: money(Number(attributes['contract-revenue']) - Number(attributes['contract-cost'])),
  }))
  const byId = (a: { id: string }, b: { id: string }): number => Number(a.id) - Number(b.id)
  expect(found.toSorted(byId)).toEqual(wanted.toSorted(byId))
})

it('report_project_pipeline counts and sums the projects that are not archived, stage by stage', async () => {
  const rows = await worker.sql`select * from scopestack.report_project_pipeline order by stage`
  const wanted = groupBy(current(), ({ attributes }) => attributes['status'])
  expect(rows.map((row) => row['status'] as string).toSorted()).toEqual([...wanted.keys()].map(String).toSorted())
  for (const row of rows) {
    const of = wanted.get(row['status'])!
    expect(Number(row['projects'])).toBe(of.length)
    expect(money(row['contract_revenue'])).toBe(money(total(of, 'contract-revenue')))
    expect(money(row['contract_cost'])).toBe(money(total(of, 'contract-cost')))
  }
  expect(rows.every((row) => Number(row['stage']) < 99)).toBe(true)
})

it('report_client_revenue separates what each client bought from what is still open', async () => {
  const rows = await worker.sql`select * from scopestack.report_client_revenue`
  const byClient = groupBy(current(), ({ relationships }) => relationships['client'])
  byClient.delete(null)
  expect(rows).toHaveLength(byClient.size)
  for (const row of rows) {
    const of = byClient.get(row['client_id'])!
    const won = of.filter(({ attributes }) => attributes['status'] === 'won')
    const open = of.filter(({ attributes }) => !['won', 'lost', 'canceled'].includes(String(attributes['status'])))
    expect([Number(row['won_projects']), Number(row['open_projects'])]).toEqual([won.length, open.length])
    expect(money(row['won_revenue'] ?? 0)).toBe(money(total(won, 'contract-revenue')))
    expect(money(row['open_revenue'] ?? 0)).toBe(money(total(open, 'contract-revenue')))
  }
})

it('report_service_demand counts what was sold on won projects', async () => {
  const rows = await worker.sql`select * from scopestack.report_service_demand`
  const won = new Set(
    current()
      .filter(({ attributes }) => attributes['status'] === 'won')
      .map(({ id }) => id),
  )
  const sold = live('project-services').filter(
    ({ relationships }) => won.has(String(relationships['project'])) && relationships['service'] !== null,
  )
  const byService = groupBy(sold, ({ relationships }) => relationships['service'])
  expect(rows.length).toBeGreaterThan(0)
  expect(rows).toHaveLength(byService.size)
  for (const row of rows) {
    const of = byService.get(row['service_id'])!
    expect(row['service_name']).toBe(name('services', row['service_id']))
    expect(Number(row['times_sold'])).toBe(of.length)
    expect(Number(row['projects'])).toBe(new Set(of.map(({ relationships }) => relationships['project'])).size)
    expect(Number(row['quantity'])).toBe(total(of, 'quantity'))
    expect(money(row['hours'])).toBe(money(total(of, 'total-hours')))
  }
})

it('report_resource_hours adds up to the hours and the money of all roles', async () => {
  const [row] = await worker.sql`
    select sum(hours) as hours, sum(revenue) as revenue, sum(cost) as cost from scopestack.report_resource_hours`
  const living = new Set(current().map(({ id }) => id))
  const roles = live('project-resources').filter(({ relationships }) => living.has(String(relationships['project'])))
  const times = (member: string) =>
    sum(roles.map(({ attributes }) => Number(attributes['total-hours'] ?? 0) * Number(attributes[member] ?? 0)))
  expect(money(row!['hours'])).toBe(money(total(roles, 'total-hours')))
  expect(money(row!['revenue'])).toBe(money(times('hourly-rate')))
  expect(money(row!['cost'])).toBe(money(times('hourly-cost')))
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
