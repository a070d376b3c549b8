/** What ScopeStack computes after a write: hours, prices, and the project's totals. */
import { decimal, margin, pricing } from '../records/numbers.ts'
import { idOf, type Fields, type Rec, type Records } from '../records/records.ts'

const amount = (value: unknown): number =>
  value === null || value === undefined ? 0 : Number.parseFloat(String(value)) || 0

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined

/** Own hours: quantity times the override, or the standard's suggestion. */
function ownHours(records: Records, rec: Rec): number {
  const link = rec.type === 'project-services' ? 'service' : 'subservice'
  const standard = records.get(link === 'service' ? 'services' : 'subservices', idOf(rec.toOne[link]) ?? '')
  const each = rec.attributes['override-hours'] ?? standard?.attributes['suggested-hours']
  return amount(each) * amount(rec.attributes['quantity'])
}

function priced(records: Records, rec: Rec): Fields {
  const hours = ownHours(records, rec)
  const resource =
    records.get('project-resources', idOf(rec.toOne['project-resource']) ?? '') ??
    records.get('resources', idOf(rec.toOne['resource']) ?? '')
  const rate = amount(resource?.attributes['hourly-rate'])
  const cost = amount(resource?.attributes['hourly-cost'])
  return { 'extended-hours': decimal(hours), 'calculated-pricing': pricing(hours, rate, cost) }
}

export function recompute(records: Records, rec: Rec): void {
  const effort = rec.type === 'project-services' || rec.type === 'project-subservices'
  if (effort) records.update(rec, { attributes: priced(records, rec) })
  const service =
    rec.type === 'project-services' ? rec : records.get('project-services', idOf(rec.toOne['project-service']) ?? '')
  if (effort && service !== undefined)
    records.update(service, { attributes: { 'total-hours': decimal(totalHours(records, service)) } })
  const project = records.get('projects', idOf(rec.toOne['project']) ?? '')
  if (effort && project !== undefined) records.update(project, { attributes: totals(records, project.id) })
}

export function totalHours(records: Records, service: Rec): number {
  const below = records.referring('project-subservices', 'project-service', service.id)
  return below.reduce(
    (sum, { attributes }) => sum + amount(attributes['extended-hours']),
    amount(service.attributes['extended-hours']),
  )
}

export function totals(records: Records, projectId: string): Fields {
  let revenue = 0
  let cost = 0
  for (const type of ['project-services', 'project-subservices']) {
    for (const { attributes } of records.referring(type, 'project', projectId)) {
      revenue += amount(member(attributes['calculated-pricing'], 'service_revenue'))
      cost += amount(member(attributes['calculated-pricing'], 'service_cost'))
    }
  }
  for (const rec of records.referring('project-governances', 'project', projectId)) {
    const resource = records.get('project-resources', idOf(rec.toOne['project-resource']) ?? '')
    revenue += amount(rec.attributes['hours']) * amount(resource?.attributes['hourly-rate'])
    cost += amount(rec.attributes['hours']) * amount(resource?.attributes['hourly-cost'])
  }
  return {
    'contract-revenue': decimal(revenue),
    'contract-cost': decimal(cost),
    'contract-margin': margin(revenue, cost),
  }
}
