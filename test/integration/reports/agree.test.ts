/**
 * Reports add up to the same totals, whatever they are about: client, month, line of business, resource, phase, service, location. On
 * random accounts, with archived projects and lines, deleted rows, several currencies or none, and missing values.
 */
import { expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { trySeeds } from '../../support/run/seeds.ts'
import {
  cents,
  countedLines,
  countedProjects,
  sum,
  type CountedLine,
  type CountedProject,
} from '../../support/scopestack/figures.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

/** Rows are sums of projects. */
const OF_PROJECTS = [
  'report_pipeline_by_month',
  'report_revenue_by_month',
  'report_revenue_by_client',
  'report_revenue_by_sales_executive',
  'report_revenue_by_presales_engineer',
  'report_revenue_by_business_unit',
]
/** Rows are sums of lines, and one is what is in no line. */
const OF_LINES = [
  'report_revenue_by_line_of_business',
  'report_hours_by_resource',
  'report_hours_by_phase',
  'report_hours_by_service',
  'report_hours_by_location',
]

it('reports add up to the totals of the projects, by outcome and currency', { timeout: 240_000 }, async () => {
  await trySeeds(story, { first: 1, long: 40, least: 2 })
})

async function story(seed: number): Promise<void> {
  const sim = await startSimulator({ projects: 14, seed })
  try {
    sim.setSwitches({ currencies: (['one', 'several', 'none'] as const)[seed % 3]! })
    disturb(sim, seed)
    await using database = await createDatabase()
    await using worker = await startWorker(sim, database.url)
    await worker.run()
    const deleted = new Set(
      sim.records
        .list('projects')
        .filter((_, at) => (at + seed) % 9 === 0)
        .map(({ id }) => id),
    )
    await worker.sql.begin(async (tx) => {
      await disableCapture(tx)
      await tx`update scopestack.projects set sync_deleted_at = now() where id in ${tx([...deleted])}`
    })
    const projects = countedProjects(sim, deleted)
    await expectAgreement(worker, projects, countedLines(sim, projects), seed)
  } finally {
    await sim.close()
  }
}

/** What a generated account has too little of. */
function disturb(sim: Simulator, seed: number): void {
  const some = (type: string, every: number) => sim.records.list(type).filter((_, at) => (at + seed) % every === 0)
  for (const { id } of some('projects', 4)) sim.records.update('projects', id, { attributes: { active: false } })
  for (const { id } of some('projects', 5))
    sim.records.update('projects', id, { relationships: { 'rate-table': null, client: null, 'sales-executive': null } })
  for (const { id } of some('projects', 7))
    sim.records.update('projects', id, { attributes: { status: 'on_hold', 'approved-at': null } })
  for (const { id } of some('project-services', 6))
    sim.records.update('project-services', id, {
      attributes: { active: false },
      relationships: { lob: null, 'project-phase': null, 'project-location': null },
    })
  for (const { id } of some('project-subservices', 8))
    sim.records.update('project-subservices', id, {
      attributes: { 'calculated-pricing': { service_revenue: 12.5, service_cost: 'unknown', material_revenue: '1e1' } },
      relationships: { resource: null },
    })
}

/** `won US Dollar` and so on, with the sums of what belongs to it. */
type Totals = Map<string, readonly (number | null)[]>

const keyOf = ({ outcome, currency }: { outcome: string; currency: string }): string => `${outcome} ${currency}`

function totalsOf<T>(rows: readonly T[], key: (row: T) => string, sums: (rows: readonly T[]) => number[]): Totals {
  return new Map([...Map.groupBy(rows, key)].map(([of, those]) => [of, sums(those).map(cents)]))
}

async function expectAgreement(
  { sql }: TestWorker,
  projects: readonly CountedProject[],
  lines: readonly CountedLine[],
  seed: number,
): Promise<void> {
  const totals = async (view: string, columns: string): Promise<Totals> => {
    const rows = await sql.unsafe(
      `select outcome || ' ' || currency as key, ${columns} from scopestack.${view} group by 1`,
    )
    return new Map(rows.map(({ key, ...sums }) => [String(key), Object.values(sums).map(cents)]))
  }
  const sorted = (of: Totals) => [...of].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const ofProjects = totalsOf(projects, keyOf, (those) => [
    those.length,
    sum(those.map(({ revenue }) => revenue)),
    sum(those.map(({ cost }) => cost)),
  ])
  for (const view of OF_PROJECTS) {
    const found = await totals(view, 'sum(projects) as projects, sum(revenue) as revenue, sum(cost) as cost')
    expect(sorted(found), `${view}, seed ${seed}`).toEqual(sorted(ofProjects))
  }
  const pipeline = await totals(
    'report_project_pipeline',
    'sum(projects) as projects, sum(contract_revenue) as revenue, sum(contract_cost) as cost',
  )
  expect(sorted(pipeline), `report_project_pipeline, seed ${seed}`).toEqual(sorted(ofProjects))
  const amounts: Totals = new Map([...ofProjects].map(([key, [, ...rest]]) => [key, rest]))
  const inLines = totalsOf(projects, keyOf, (those) => {
    const ids = new Set(those.map(({ id }) => id))
    const of = lines.filter(({ project }) => ids.has(project.id))
    return (['hours', 'revenue', 'cost'] as const).map((what) => sum(of.map((line) => line[what])))
  })
  for (const view of OF_LINES) {
    const found = await totals(view, 'sum(revenue) as revenue, sum(cost) as cost')
    expect(sorted(found), `${view}, seed ${seed}`).toEqual(sorted(amounts))
    const itemized = (what: string) => `coalesce(sum(${what}) filter (where hours is not null), 0) as ${what}`
    const lined = await totals(view, ['hours', 'revenue', 'cost'].map(itemized).join(', '))
    expect(sorted(lined), `lines of ${view}, seed ${seed}`).toEqual(sorted(inLines))
  }
  const differences = await totals(
    'report_contract_differences',
    'sum(lines_revenue) + sum(difference) as revenue, sum(lines_cost) + sum(cost_difference) as cost',
  )
  expect(sorted(differences), `report_contract_differences, seed ${seed}`).toEqual(sorted(amounts))
  const converted = projects.filter(({ toDefault }) => toDefault !== null)
  const [row] = await sql`select sum(revenue_in_default_currency) as all from scopestack.report_revenue_by_client`
  expect(cents(row!['all'] ?? 0), `default currency, seed ${seed}`).toBe(
    cents(sum(converted.map(({ revenue, toDefault }) => revenue * toDefault!))),
  )
}
