/** Services, subservices, resources and governances of one project. All are planned before any is written, so that each sum
 *  is right: hours × rate = revenue, and the project's revenue is the sum of all. Returns the value of the contract. */
import { decimal, pricing } from '../records/numbers.ts'
import { idOf, type Linkage, type Rec } from '../records/records.ts'
import type { Builder } from './builder.ts'
import { variables } from './companies.ts'
import { planRoles, planService, type ContractValue, type Effort, type Role, type ServicePlan } from './effort-plan.ts'
import type { Draft } from './projects.ts'
import { languages, maybe, paragraph, task } from './texts.ts'

export function makeEffort(
  builder: Builder,
  draft: Draft,
  phases: readonly string[],
  locations: readonly string[],
): ContractValue {
  const { random } = builder
  const roles = planRoles(builder)
  const plans = Array.from({ length: random.between(3, 5) }, () => planService(builder, roles))
  const value: ContractValue = { revenue: 0, cost: 0 }
  for (const service of plans) {
    for (const { role, hours } of [service, ...service.subservices]) addHours(value, role, hours)
  }
  plans.forEach((service, at) => {
    const phase = random.chance(0.1) ? null : random.pick(phases.length > 0 ? phases : [null])
    const location = random.chance(0.2) ? null : random.pick(locations)
    addService(builder, service, { project: draft.id, position: at + 1, phase, location })
  })
  const effort = roles.reduce((sum, { hours }) => sum + hours, 0)
  makeGovernances(builder, draft.id, roles, effort, phases, value)
  for (const role of roles) addRole(builder, draft.id, role)
  return value
}

function addHours(value: ContractValue, role: Role, hours: number): void {
  role.hours += hours
  value.revenue += hours * role.rate
  value.cost += hours * role.cost
}

/** Where a service stands in its project. */
interface Position {
  readonly project: string
  readonly position: number
  readonly phase: string | null
  readonly location: string | null
}

function addService(builder: Builder, plan: ServicePlan, { project, position, phase, location }: Position): void {
  const { random } = builder
  const { standard, role, override } = plan
  const lob = standard && idOf(standard.toOne['lob'])
  const category = standard && idOf(standard.toOne['service-category'])
  const total = plan.hours + plan.subservices.reduce((sum, { hours }) => sum + hours, 0)
  // the standard's values are copied when it is added (API notes §8); texts are shared here, for memory
  const copied = (name: string, otherwise: () => unknown): unknown => standard?.attributes[name] ?? otherwise()
  const service = builder.add('project-services', {
    attributes: {
      active: !random.chance(0.08),
      name: copied('name', () => task(random)),
      quantity: plan.quantity,
      'override-hours': override === null ? null : decimal(override),
      'actual-hours': random.chance(0.2) ? decimal(Math.round(total * 4) / 4) : null,
      position,
      'service-type': copied('service-type', () => 'professional_services'),
      'lob-id': lob === null ? null : Number(lob),
      'payment-frequency': copied('payment-frequency', () => 'one_time'),
      'task-source': standard === null ? 'custom' : 'standard',
      languages: copied('languages', () => languages(random)),
      'variable-rates': copied('variable-rates', () => ({})),
      'calculated-pricing': pricing(plan.hours, role.rate, role.cost),
      'extended-hours': decimal(plan.hours),
      'total-hours': decimal(total),
      'external-resource-name': random.pick([null, null, '', 'Partner Engineer']),
      sku: copied('sku', () => null),
      'service-description': copied('service-description', () => maybe(random, () => paragraph(random))),
      'target-margin': random.pick([null, '0.35']),
      'payment-method': random.pick(['payment_term_schedule', null]),
      'resource-rate-id': null,
      'custom-hours?': override === null ? random.pick([null, false]) : true,
      notes: random.pick<unknown>([[], [], null]),
    },
    toOne: {
      project,
      'project-location': location,
      'project-phase': phase,
      'project-resource': role.id,
      resource: role.standard.id,
      service: standard && standard.id,
      lob,
      'service-category': category,
    },
  })
  plan.subservices.forEach((subservice, at) => {
    addSubservice(builder, service, subservice, at + 1)
  })
}

function addSubservice(
  builder: Builder,
  service: Rec,
  { standard, role, quantity, hours, override }: Effort,
  position: number,
): void {
  const { random } = builder
  const inherited = (name: string): Linkage => service.toOne[name] ?? null
  builder.add('project-subservices', {
    attributes: {
      active: !random.chance(0.06),
      name: standard?.attributes['name'] ?? task(random),
      quantity,
      'extended-hours': decimal(hours),
      'override-hours': override === null ? null : decimal(override),
      'actual-hours': random.chance(0.1) ? decimal(hours) : null,
      position,
      'service-type': service.attributes['service-type'],
      'payment-frequency': service.attributes['payment-frequency'],
      'task-source': standard === null ? 'custom' : 'standard',
      languages: standard?.attributes['languages'] ?? service.attributes['languages'],
      'variable-rates': random.pick<unknown>([{}, { hours: [] }]),
      'calculated-pricing': pricing(hours, role.rate, role.cost),
      'external-resource-name': random.pick([null, '']),
      sku: random.pick([null, 'SUB-1']),
      'service-description': standard?.attributes['service-description'] ?? null,
      'payment-method': random.pick(['payment_term_schedule', null]),
      'resource-rate-id': null,
      'custom-hours?': override === null ? null : true,
    },
    toOne: {
      project: inherited('project'),
      'project-service': service.id,
      'project-location': inherited('project-location'),
      lob: inherited('lob'),
      phase: random.chance(0.3) ? null : builder.pick('phases').id,
      'project-resource': role.id,
      resource: role.standard.id,
      'service-category': inherited('service-category'),
      subservice: standard && standard.id,
    },
  })
}

function makeGovernances(
  builder: Builder,
  project: string,
  roles: readonly Role[],
  effort: number,
  phases: readonly string[],
  value: ContractValue,
): void {
  const { random } = builder
  const standards = (builder.records.table('governances')?.ordered ?? []).slice(0, 4)
  const from = random.between(0, 3)
  for (let at = 0; at < random.between(1, 3); at += 1) {
    const standard = standards[(from + at) % standards.length] ?? builder.pick('governances')
    const { attributes } = standard
    const percent = attributes['calculation-type'] === 'percent_of_total'
    const hours = percent
      ? Math.round(effort * Number(attributes['rate']) * 10) / 10
      : Number(attributes['fixed-hours'])
    const role = random.chance(0.1) ? null : random.pick(roles)
    if (role !== null) addHours(value, role, hours)
    builder.add('project-governances', {
      attributes: {
        active: !random.chance(0.08),
        description: attributes['name'],
        rate: attributes['rate'],
        'fixed-hours': attributes['fixed-hours'],
        'calculation-type': attributes['calculation-type'],
        'allocation-method': attributes['allocation-method'],
        hours: decimal(hours),
        'assign-effort-to-service': attributes['assign-effort-to-service'],
        'filter-type': attributes['filter-type'],
        'filter-id': attributes['filter-id'],
        position: at + 1,
        'project-variables': variables(builder, 'governance'),
      },
      toOne: {
        project,
        'project-phase': random.chance(0.2) || phases.length === 0 ? null : random.pick(phases),
        governance: standard.id,
        'project-resource': role?.id ?? null,
        resource: role?.standard.id ?? null,
        'resource-rate': null,
        'service-category': idOf(standard.toOne['service-category']),
      },
    })
  }
}

function addRole(builder: Builder, project: string, { id, standard, hours, rate, cost }: Role): void {
  const { random } = builder
  const { attributes } = standard
  builder.add(
    'project-resources',
    {
      attributes: {
        active: !random.chance(0.08),
        name: attributes['name'],
        'external-name': attributes['external-name'],
        'extended-name': attributes['name'],
        description: attributes['description'],
        'total-hours': decimal(hours),
        'hourly-rate': decimal(rate),
        'hourly-cost': decimal(cost),
        'expense-rate': random.pick(['0.0', '100.0', null]),
        code: random.pick([null, 'ENG', '']),
        // a raw snake_case row with numeric ids (API notes §2)
        resource: random.chance(0.05)
          ? null
          : {
              resource_type: 'resources',
              resource_id: Number(standard.id),
              name: attributes['name'],
              hourly_rate: attributes['hourly-rate'],
              account_id: builder.account.id,
              hourly_cost: attributes['hourly-cost'],
              status: 0,
              deleted_at: null,
              external_name: attributes['external-name'],
              description: attributes['description'],
              default: false,
            },
      },
      toOne: { project, resource: standard.id, 'line-of-business': builder.pickId('lines-of-business', 0.4) },
    },
    id,
  )
}
