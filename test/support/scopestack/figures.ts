/**
 * The figures of reports, calculated from the simulator's records and from nothing of the database: which projects count and
 * as what, their lines, their currency.
 */
import type { Simulator } from '../../../src/simulator/server.ts'

export interface Source {
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly relationships: Readonly<Record<string, unknown>>
}

export interface CountedProject {
  readonly id: string
  readonly source: Source
  readonly status: string
  readonly outcome: 'open' | 'won' | 'lost' | 'canceled' | 'archived'
  /** The day `YYYY-MM-01` of its month. */
  readonly month: string
  readonly currency: string
  /** What its amounts are multiplied with for the default currency; null: no rate is known. */
  readonly toDefault: number | null
  readonly revenue: number
  readonly cost: number
}

export interface CountedLine {
  readonly kind: 'service' | 'subservice' | 'governance'
  readonly project: CountedProject
  readonly service: Source | null
  readonly source: Source
  readonly hours: number
  readonly revenue: number
  readonly cost: number
}

const DECIDED = ['won', 'lost', 'canceled']

export const number = (value: unknown): number => Number(value ?? 0)
/** What is no number counts as nothing. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
export const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0)
/** To the cent, half a cent up: the figures here are added up as binary fractions. */
export const cents = (value: unknown): number | null =>
  value === null || value === undefined ? null : Math.round(Number(value) * 100 + 1e-5) / 100 + 0

export const sourcesOf = (sim: Simulator, type: string): Source[] => sim.records.list(type)

/** Not archived. */
const isOn = ({ attributes }: Source): boolean => attributes['active'] !== false

/** @param deleted ids of projects that are marked deleted in the database. */
export function countedProjects(sim: Simulator, deleted: ReadonlySet<string> = new Set()): CountedProject[] {
  const tables = new Map(sourcesOf(sim, 'rate-tables').map((table) => [table.id, table]))
  const currencies = new Map(sourcesOf(sim, 'currencies').map((currency) => [currency.id, currency]))
  const main = [...currencies.values()].find(({ attributes }) => attributes['default'] === true)
  return sourcesOf(sim, 'projects')
    .filter(({ id }) => !deleted.has(id))
    .map((source) => {
      const { attributes, relationships } = source
      const status = String(attributes['status'])
      const outcome = DECIDED.includes(status) ? status : isOn(source) ? 'open' : 'archived'
      const table = tables.get(String(relationships['rate-table']))
      const currency = currencies.get(String(table?.relationships['currency'])) ?? main
      const rate = currency?.attributes['conversion-rate']
      const [first, second] = status === 'won' ? ['approved-at', 'updated-at'] : ['updated-at', 'created-at']
      const dated = DECIDED.includes(status) ? (attributes[first] ?? attributes[second]) : attributes['created-at']
      return {
        id: source.id,
        source,
        status: outcome === 'archived' ? 'archived' : status,
        outcome: outcome as CountedProject['outcome'],
        month: `${String(dated).slice(0, 7)}-01`,
        currency: currency === undefined ? 'account default' : String(currency.attributes['name']),
        toDefault: currency === undefined || currency === main ? 1 : rate === null ? null : 1 / Number(rate),
        revenue: number(attributes['contract-revenue']),
        cost: number(attributes['contract-cost']),
      }
    })
}

export function countedLines(sim: Simulator, projects: readonly CountedProject[]): CountedLine[] {
  const byId = new Map(projects.map((project) => [project.id, project]))
  const roles = new Map(sourcesOf(sim, 'project-resources').map((role) => [role.id, role]))
  const services = new Map(sourcesOf(sim, 'project-services').map((service) => [service.id, service]))
  const projectOf = ({ relationships }: Source) => byId.get(String(relationships['project']))
  const priced = ({ attributes }: Source) => {
    const pricing = (attributes['calculated-pricing'] ?? {}) as Record<string, unknown>
    return {
      hours: number(attributes['extended-hours']),
      revenue: finite(number(pricing['service_revenue']) + number(pricing['material_revenue'])),
      cost: finite(number(pricing['service_cost']) + number(pricing['material_cost'])),
    }
  }
  const lines: CountedLine[] = []
  for (const source of services.values()) {
    const project = projectOf(source)
    if (project !== undefined && isOn(source))
      lines.push({ kind: 'service', project, service: source, source, ...priced(source) })
  }
  for (const source of sourcesOf(sim, 'project-subservices')) {
    const service = services.get(String(source.relationships['project-service']))
    const project = service && projectOf(service)
    if (service !== undefined && project !== undefined && isOn(service) && isOn(source))
      lines.push({ kind: 'subservice', project, service, source, ...priced(source) })
  }
  for (const source of sourcesOf(sim, 'project-governances')) {
    const project = projectOf(source)
    if (project === undefined || !isOn(source)) continue
    const role = roles.get(String(source.relationships['project-resource']))?.attributes ?? {}
    const hours = number(source.attributes['hours'])
    const [revenue, cost] = [hours * number(role['hourly-rate']), hours * number(role['hourly-cost'])]
    lines.push({ kind: 'governance', project, service: null, source, hours, revenue, cost })
  }
  return lines
}
