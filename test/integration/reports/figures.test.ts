/** Each report against figures that are calculated here from the simulator's records, of an account with four currencies. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
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
let projects: CountedProject[]
let lines: CountedLine[]
let unsold: string

beforeAll(async () => {
  sim = await startSimulator({ projects: 60, seed: 3 })
  sim.setSwitches({ currencies: 'several' })
  prepare()
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run()
  projects = countedProjects(sim)
  lines = countedLines(sim, projects)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** What the generated account does not have: levels in another order, an odd status, rounds, an unused service. */
function prepare(): void {
  const all = sim.records.list('projects')
  sim.records.update('projects', all[0]!.id, { attributes: { status: 'on_hold', active: true } })
  sim.records.update('projects', all[1]!.id, { attributes: { status: 'technical_approval', active: true } })
  for (const { id, attributes } of sim.records.list('project-approvals')) {
    const at = attributes['completed-at']
    if (typeof at !== 'string') continue
    // Sales is asked first here, then the technical level.
    const days = { sales: 1, technical: 2, business: 3 }[String(attributes['role'])] ?? 4
    const moved = new Date(Date.parse(at) + days * 3_600_000).toISOString()
    sim.records.update('project-approvals', id, { attributes: { 'completed-at': moved } })
  }
  unsold = sim.records.create('services', { attributes: { name: 'Never sold', active: true } }).id
  sim.records.list('resources').forEach(({ id, attributes }, at) => {
    const rate = Number(attributes['hourly-rate']) + (at % 2 === 0 ? 10 : 0)
    sim.records.update('resources', id, { attributes: { 'hourly-rate': rate.toFixed(1) } })
  })
  const [first] = sim.records.list('crm-opportunities')
  sim.records.update('crm-opportunities', first!.id, { attributes: { probability: 60, 'is-closed': false } })
  const open = all.find(({ attributes }) => attributes['status'] === 'building' && attributes['active'] !== false)!
  sim.records.update('projects', open.id, { relationships: { 'crm-opportunity': first!.id } })
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))
const nameOf = (type: string, id: unknown): string | null => {
  const name = typeof id === 'string' ? sim.records.read(type, id)?.attributes['name'] : null
  return typeof name === 'string' ? name : null
}
const rowsOf = (view: string) => worker.sql.unsafe(`select * from scopestack.${view}`)

/** Sums by some key, to the cent: `[key, hours, revenue]`, sorted. */
function summed<T>(of: readonly T[], key: (one: T) => unknown, ...values: ((one: T) => number)[]): unknown[][] {
  return [...Map.groupBy(of, (one) => String(key(one)))]
    .map(([group, those]) => [group, ...values.map((value) => cents(sum(those.map(value))))])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}
const fieldOf = (name: string) => (row: Record<string, unknown>) => number(row[name])

it.each([
  ['client', 'clients'],
  ['sales-executive', 'sales-executives'],
  ['presales-engineer', 'presales-engineers'],
  ['business-unit', 'business-units'],
])('revenue, cost and number by %s, outcome, month and currency', async (key, type) => {
  const view = `report_revenue_by_${key.replace('-', '_')}`
  const rows = await rowsOf(view)
  const parts = (row: Record<string, unknown>) =>
    [
      row[`${key.replace('-', '_')}_name`],
      row['outcome'],
      (row['month'] as Date).toISOString().slice(0, 10),
      row['currency'],
    ].join('|')
  const title = key.replace('-', ' ')
  // A generated business unit has no name.
  const nameOfKey = (id: unknown) => (id === null ? `no ${title}` : (nameOf(type, id) ?? `${title} ${text(id)}`))
  const found = summed(rows, parts, fieldOf('projects'), fieldOf('revenue'), fieldOf('cost'))
  const wanted = summed(
    projects,
    ({ source, outcome, month, currency }) =>
      [nameOfKey(source.relationships[key]), outcome, month, currency].join('|'),
    () => 1,
    ({ revenue }) => revenue,
    ({ cost }) => cost,
  )
  expect(found).toEqual(wanted)
  // Never over two currencies: nor are they converted without a rate.
  const yen = rows.filter((row) => row['currency'] === 'Yen')
  expect(yen.length).toBeGreaterThan(0)
  expect(yen.every((row) => row['revenue_in_default_currency'] === null)).toBe(true)
  const euro = rows.find((row) => row['currency'] === 'Euro')!
  expect(Number(euro['revenue_in_default_currency'])).toBeCloseTo(Number(euro['revenue']) / 0.92, 4)
})

const ofLine: Record<string, (line: CountedLine) => unknown> = {
  report_revenue_by_line_of_business: ({ kind, source, service }) =>
    kind === 'governance'
      ? 'governance'
      : (nameOf('lines-of-business', source.relationships['lob'] ?? service!.relationships['lob']) ??
        'no line of business'),
  report_hours_by_resource: ({ source }) => nameOf('resources', source.relationships['resource']) ?? 'no resource',
  report_hours_by_phase: ({ source, service }) => {
    const own = nameOf('phases', source.relationships['phase'])
    const phase = sim.records.read(
      'project-phases',
      String((service ?? source).relationships['project-phase']),
    ) as Source | null
    return own ?? nameOf('phases', phase?.relationships['phase']) ?? phase?.attributes['name'] ?? 'no phase'
  },
  report_hours_by_service: ({ kind, service }) =>
    kind === 'governance'
      ? 'governance'
      : (nameOf('services', service!.relationships['service']) ?? service!.attributes['name']),
  report_hours_by_location: ({ source, service }) =>
    nameOf(
      'project-locations',
      source.relationships['project-location'] ?? service?.relationships['project-location'],
    ) ?? 'no location',
}

it.each(Object.keys(ofLine))('%s has the hours and amounts of its lines, and what is in none', async (view) => {
  const rows = await rowsOf(view)
  const name = Object.keys(rows[0]!).find((column) => column.endsWith('_name'))!
  const parts = (row: Record<string, unknown>) => [row[name], row['outcome'], row['currency']].join('|')
  const [rest, lined] = [
    rows.filter((row) => row[name] === 'not itemized'),
    rows.filter((row) => row[name] !== 'not itemized'),
  ]
  const found = summed(lined, parts, fieldOf('hours'), fieldOf('revenue'), fieldOf('cost'))
  const wanted = summed(
    lines,
    (line) => [ofLine[view]!(line), line.project.outcome, line.project.currency].join('|'),
    ({ hours }) => hours,
    ({ revenue }) => revenue,
    ({ cost }) => cost,
  )
  expect(found).toEqual(wanted)
  expect(cents(sum(rest.map(fieldOf('revenue'))))).toBe(
    cents(sum(projects.map(({ revenue }) => revenue)) - sum(lines.map(({ revenue }) => revenue))),
  )
})

it('the pipeline has the stages in the order of the account, and a line for a status that is not known', async () => {
  const rows =
    await worker.sql`select status, stage from scopestack.report_project_pipeline group by 1, 2 order by 2, 1`
  const order = rows.map((row) => [row['stage'] as number, row['status'] as string])
  const known = [
    'building',
    'sales_approval',
    'technical_approval',
    'business_approval',
    'approved',
    'won',
    'lost',
    'canceled',
  ]
  const present = new Set(projects.map(({ status }) => status))
  const places = new Map(known.map((status, at) => [status, at + 1]))
  expect(order).toEqual(
    [...present]
      .map((status) => [places.get(status) ?? (status === 'archived' ? 98 : 99), status] as const)
      .toSorted(([a], [b]) => a - b),
  )
  expect(order).toContainEqual([99, 'on_hold'])
  expect(order).toContainEqual([3, 'technical_approval'])
})

it('report_win_rate counts what was decided by month, and what it is dated by', async () => {
  const rows = await rowsOf('report_win_rate')
  const decided = projects.filter(({ outcome }) => ['won', 'lost', 'canceled'].includes(outcome))
  const by = (outcome: string) => (project: CountedProject) => Number(project.outcome === outcome)
  expect(
    summed(
      rows,
      (row) => (row['month'] as Date).toISOString().slice(0, 10),
      fieldOf('won_projects'),
      fieldOf('lost_projects'),
      fieldOf('canceled_projects'),
      fieldOf('dated_by_approval'),
    ),
  ).toEqual(
    summed(
      decided,
      ({ month }) => month,
      by('won'),
      by('lost'),
      by('canceled'),
      (project) => Number(project.outcome === 'won' && project.source.attributes['approved-at'] !== null),
    ),
  )
  for (const row of rows) {
    const [won, lost] = [number(row['won_projects']), number(row['lost_projects'])]
    expect(row['win_rate'] === null ? null : cents(row['win_rate'])).toBe(
      won + lost === 0 ? null : cents(won / (won + lost)),
    )
  }
})

it('report_forecast has every open project, with the probability of the CRM or of projects that came as far', async () => {
  const rows = await rowsOf('report_forecast')
  const open = projects.filter(({ outcome }) => outcome === 'open')
  const decided = projects.filter(({ outcome }) => outcome === 'won' || outcome === 'lost')
  const rate = (of: readonly CountedProject[]) => of.filter(({ outcome }) => outcome === 'won').length / of.length
  const reached = (member: string) => (project: CountedProject) => project.source.attributes[member] !== null
  expect(rows).toHaveLength(open.length)
  const byId = new Map(rows.map((row) => [row['project_id'] as string, row]))
  for (const { id, source, revenue } of open) {
    const crm = sim.records.read('crm-opportunities', String(source.relationships['crm-opportunity']))
    const given = crm?.attributes['probability']
    const stage = ['approved-at', 'submitted-at'].find((member) => source.attributes[member] !== null)
    const wanted =
      given === undefined ? rate(stage === undefined ? decided : decided.filter(reached(stage))) : Number(given) / 100
    const row = byId.get(id)!
    expect(Number(row['probability'])).toBeCloseTo(wanted, 6)
    expect(row['probability_source'] === 'crm').toBe(given !== undefined)
    expect(Number(row['weighted_revenue'])).toBeCloseTo(revenue * wanted, 2)
    expect((row['expected_month'] as Date).getTime()).toBeGreaterThan(Date.now() - 32 * 86_400_000)
  }
  expect(rows.some((row) => row['probability_source'] === 'crm')).toBe(true)
})

it('report_approvals says what waits; report_approval_times adds up the days by level and round', async () => {
  const rows = await rowsOf('report_approvals')
  const byProject = new Map(projects.map((project) => [project.id, project]))
  const approvals = sourcesOf(sim, 'project-approvals')
  expect(rows).toHaveLength(approvals.length)
  const waiting = approvals.filter(({ attributes, relationships }) => {
    const { status, outcome } = byProject.get(String(relationships['project']))!
    const stands =
      attributes['role'] === null ? status.endsWith('_approval') : status === `${text(attributes['role'])}_approval`
    return attributes['completed-at'] === null && outcome === 'open' && stands
  })
  expect(waiting.length).toBeGreaterThan(0)
  const found = rows.filter((row) => row['is_waiting']).map((row) => row['approval_id'] as string)
  expect(found.toSorted()).toEqual(waiting.map(({ id }) => id).toSorted())
  const answered = rows.filter((row) => row['completed_at'] !== null)
  for (const row of answered) {
    const { source } = byProject.get(row['project_id'] as string)!
    const others = approvals.filter(({ relationships }) => relationships['project'] === source.id)
    const own = (row['completed_at'] as Date).getTime()
    const times = others
      .map(({ attributes }) => Date.parse(String(attributes['completed-at'])))
      .filter((at) => at < own)
    const submitted = Date.parse(String(source.attributes['submitted-at']))
    const since = Math.max(...(submitted <= own ? [submitted] : []), ...times)
    expect(Number(row['days'])).toBeCloseTo((own - since) / 86_400_000, 6)
    const sentBack = others.filter(
      ({ id, attributes }) =>
        id !== row['approval_id'] &&
        ['declined', 'rescope'].includes(String(attributes['status'])) &&
        Date.parse(String(attributes['completed-at'])) < own,
    )
    expect(Number(row['round'])).toBe(1 + sentBack.length)
  }
  expect(
    summed(
      await rowsOf('report_approval_times'),
      (row) => `${row['level']}|${row['round']}`,
      fieldOf('approvals'),
      fieldOf('total_days'),
    ),
  ).toEqual(
    summed(
      answered,
      (row) => `${row['level']}|${row['round']}`,
      () => 1,
      fieldOf('days'),
    ),
  )
})

it('report_catalog_use has every service of the catalog, those never sold, and custom ones by name', async () => {
  const rows = await rowsOf('report_catalog_use')
  const services = lines.filter(({ kind }) => kind === 'service')
  const nameOfLine = ({ source }: CountedLine) =>
    nameOf('services', source.relationships['service']) ?? source.attributes['name']
  const used = rows.filter((row) => !row['never_used'])
  const won = ({ project }: CountedLine) => Number(project.outcome === 'won')
  expect(summed(used, (row) => row['service_name'], fieldOf('times_used'), fieldOf('times_won'))).toEqual(
    summed(services, nameOfLine, () => 1, won),
  )
  const custom = new Set(services.filter(({ source }) => source.relationships['service'] === null).map(nameOfLine))
  expect(new Set(rows.filter((row) => row['is_custom']).map((row) => row['service_name'] as unknown))).toEqual(custom)
  expect(rows.find((row) => row['service_id'] === unsold)).toMatchObject({
    service_name: 'Never sold',
    never_used: true,
    never_sold: true,
    times_used: '0',
  })
  expect(new Set(rows.map((row) => row['service_id'] as unknown).filter((id) => id !== null))).toEqual(
    new Set(sourcesOf(sim, 'services').map(({ id }) => id)),
  )
})

it('report_managed_services has the recurring revenue and the value of the term', async () => {
  const rows = await rowsOf('report_managed_services')
  const managed = lines.filter(({ service }) => service?.attributes['service-type'] === 'managed_services')
  const wanted = summed(
    managed,
    ({ service }) => service!.id,
    ({ revenue }) => revenue,
  )
  expect(wanted.length).toBeGreaterThan(0)
  expect(summed(rows, (row) => row['project_service_id'], fieldOf('revenue_per_period'))).toEqual(wanted)
  for (const row of rows) {
    const terms = sim.records.read('projects', String(row['project_id']))!.attributes['mrr-terms']
    const months = { monthly: 1, quarterly: 3, annually: 12 }[String(row['payment_frequency'])]
    if (months === undefined) continue
    const mrr = Number(row['revenue_per_period']) / months
    expect(Number(row['monthly_recurring_revenue'])).toBeCloseTo(mrr, 4)
    expect(row['total_contract_value'] === null ? null : cents(row['total_contract_value'])).toBe(
      terms === null ? null : cents(mrr * Number(terms)),
    )
  }
})

it('report_governance, report_products and report_rates_sold add up their records', async () => {
  const governance = lines.filter(({ kind }) => kind === 'governance')
  expect(
    summed(await rowsOf('report_governance'), (row) => row['governance_name'], fieldOf('hours'), fieldOf('revenue')),
  ).toEqual(
    summed(
      governance,
      ({ source }) => source.attributes['description'],
      ({ hours }) => hours,
      ({ revenue }) => revenue,
    ),
  )
  const products = sourcesOf(sim, 'project-products').filter(({ attributes }) => attributes['active'] !== false)
  expect(summed(await rowsOf('report_products'), (row) => row['project_product_id'], fieldOf('revenue'))).toEqual(
    summed(
      products,
      ({ id }) => id,
      ({ attributes }) => number(attributes['quantity']) * number(attributes['unit-price']),
    ),
  )
  const byProject = new Map(projects.map((project) => [project.id, project]))
  const roles = sourcesOf(sim, 'project-resources').filter(({ attributes }) => attributes['active'] !== false)
  const rates = new Map((await rowsOf('report_rates_sold')).map((row) => [row['project_resource_id'] as string, row]))
  expect(rates.size).toBe(roles.length)
  for (const { id, attributes, relationships } of roles) {
    const { toDefault } = byProject.get(String(relationships['project']))!
    const standard = number(sim.records.read('resources', String(relationships['resource']))!.attributes['hourly-rate'])
    const row = rates.get(id)!
    expect(row['standard_rate'] === null ? null : cents(row['standard_rate'])).toBe(
      toDefault === null ? null : cents(standard / toDefault),
    )
    if (toDefault !== null)
      expect(row['below_standard']).toBe(number(attributes['hourly-rate']) < Number(row['standard_rate']))
  }
})

it('stale projects, failed documents, hand-over gaps and versions are those of the records', async () => {
  const ids = async (view: string, id = 'project_id') => (await rowsOf(view)).map((row) => row[id] as string).toSorted()
  const month = Date.now() - 30 * 86_400_000
  const stale = projects.filter(
    ({ outcome, source }) => outcome === 'open' && Date.parse(String(source.attributes['updated-at'])) <= month,
  )
  expect(await ids('report_stale_projects')).toEqual(stale.map(({ id }) => id).toSorted())
  const gaps = projects.filter(
    ({ outcome, source }) => outcome === 'won' && source.relationships['psa-project'] === null,
  )
  expect(gaps.length).toBeGreaterThan(0)
  expect(await ids('report_handover_gaps')).toEqual(gaps.map(({ id }) => id).toSorted())
  const failed = sourcesOf(sim, 'project-documents').filter(({ attributes }) => attributes['status'] === 'error')
  expect(await ids('report_failed_documents', 'project_document_id')).toEqual(failed.map(({ id }) => id).toSorted())
  const versions = await rowsOf('report_project_versions')
  const approvals = sourcesOf(sim, 'project-approvals')
  const sent = (status: string) => approvals.filter(({ attributes }) => attributes['status'] === status).length
  expect(sum(versions.map(fieldOf('versions')))).toBe(sourcesOf(sim, 'project-versions').length)
  expect(sum(versions.map(fieldOf('rescopes')))).toBe(sent('rescope'))
  expect(sum(versions.map(fieldOf('declines')))).toBe(sent('declined'))
  expect(
    versions.filter((row) => Number(row['versions']) > 0).every((row) => row['last_version_at'] instanceof Date),
  ).toBe(true)
})

it('every report has its grain in its comment, and a comment on every column', async () => {
  const views = await worker.sql<{ name: string; comment: string | null; silent: string[] | null }[]>`
    select c.relname as name, obj_description(c.oid, 'pg_class') as comment,
      json_agg(a.attname) filter (where col_description(c.oid, a.attnum) is null) as silent
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'scopestack'::regnamespace and c.relkind = 'v' and c.relname like 'report\\_%' group by c.oid, c.relname`
  expect(views.length).toBeGreaterThan(30)
  const own = views.filter(({ name }) => !name.includes('history'))
  expect(own.filter(({ silent }) => silent !== null)).toEqual([])
  expect(own.filter(({ comment }) => !/One row per /.test(comment ?? ''))).toEqual([])
})
