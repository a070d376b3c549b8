import { decimal, pricing } from '../records/numbers.ts'
import { idOf, type Rec } from '../records/records.ts'
import type { Builder } from './builder.ts'
import { variables } from './companies.ts'
import {
  planService,
  planRoles,
  type ContractValue,
  type ServicePlan,
  type Role,
  type SubservicePlan,
} from './effort-plan.ts'
import type { Draft } from './projects.ts'
import { languages, maybe, paragraph, task } from './texts.ts'

/** Services, subservices, resources and governances of one project, planned first and written then, so that each sum holds:
 *  hours × rate = revenue, and the project's revenue is the sum of all. Returns what the contract is worth. */
export function makeEffort(
  builder: Builder,
  draft: Draft,
  phases: readonly string[],
  locations: readonly string[],
): ContractValue {
  const { random } = builder
  const roles = planRoles(builder)
  const plans = Array.from({ length: random.between(3, 5) }, () => planService(builder, roles))
  const money: ContractValue = { revenue: 0, cost: 0 }
  for (const { role, hours, subs } of plans) {
    for (const part of [{ role, hours }, ...subs]) {
      part.role.hours += part.hours
      money.revenue += part.hours * part.role.rate
      money.cost += part.hours * part.role.cost
    }
  }
  plans.forEach((of, at) => {
    addService(
      builder,
      draft.id,
      of,
      at + 1,
      random.chance(0.1) ? null : random.pick(phases.length > 0 ? phases : ['']),
      random.chance(0.2) ? null : random.pick(locations),
    )
  })
  const effort = roles.reduce((sum, { hours }) => sum + hours, 0)
  makeGovernances(builder, draft.id, roles, effort, phases, money)
  for (const role of roles) addRole(builder, draft.id, role)
  return money
}

function addService(
  builder: Builder,
  project: string,
  of: ServicePlan,
  position: number,
  phase: string | null,
  location: string | null,
): void {
  const { random } = builder
  const { standard, role } = of
  const lob = standard === null ? null : idOf(standard.toOne['lob'])
  const total = of.hours + of.subs.reduce((sum, { hours }) => sum + hours, 0)
  const ownPhase = phase === '' ? null : phase
  const category = standard === null ? null : idOf(standard.toOne['service-category'])
  const own = builder.add('project-services', {
    attributes: {
      active: !random.chance(0.08),
      name: standard?.attributes['name'] ?? task(random),
      quantity: of.quantity,
      'override-hours': of.override === null ? null : decimal(of.override),
      'actual-hours': random.chance(0.2) ? decimal(Math.round(total * 4) / 4) : null,
      position,
      'service-type': standard?.attributes['service-type'] ?? 'professional_services',
      'lob-id': lob === null ? null : Number(lob),
      'payment-frequency': standard?.attributes['payment-frequency'] ?? 'one_time',
      'task-source': standard === null ? 'custom' : 'standard',
      // the standard's text is copied when it is added (API notes §8); shared here, for memory
      languages: standard?.attributes['languages'] ?? languages(random),
      'variable-rates': standard?.attributes['variable-rates'] ?? {},
      'calculated-pricing': pricing(of.hours, role.rate, role.cost),
      'extended-hours': decimal(of.hours),
      'total-hours': decimal(total),
      'external-resource-name': random.pick([null, null, '', 'Partner Engineer']),
      sku: standard?.attributes['sku'] ?? null,
      'service-description': standard?.attributes['service-description'] ?? maybe(random, () => paragraph(random)),
      'target-margin': random.pick([null, '0.35']),
      'payment-method': random.pick(['payment_term_schedule', null]),
      'resource-rate-id': null,
      'custom-hours?': of.override === null ? random.pick([null, false]) : true,
      notes: random.pick<unknown>([[], [], null]),
    },
    toOne: {
      project,
      'project-location': location,
      'project-phase': ownPhase,
      'project-resource': role.id,
      resource: role.standard.id,
      service: standard?.id ?? null,
      lob,
      'service-category': category,
    },
  })
  of.subs.forEach((sub, at) => {
    addSubservice(builder, project, own, sub, at + 1, lob, category)
  })
}

function addSubservice(
  builder: Builder,
  project: string,
  service: Rec,
  sub: SubservicePlan,
  position: number,
  lob: string | null,
  category: string | null,
): void {
  const { random } = builder
  const { standard, role } = sub
  builder.add('project-subservices', {
    attributes: {
      active: !random.chance(0.06),
      name: standard?.attributes['name'] ?? task(random),
      quantity: sub.quantity,
      'extended-hours': decimal(sub.hours),
      'override-hours': sub.override === null ? null : decimal(sub.override),
      'actual-hours': random.chance(0.1) ? decimal(sub.hours) : null,
      position,
      'service-type': service.attributes['service-type'],
      'payment-frequency': service.attributes['payment-frequency'],
      'task-source': standard === null ? 'custom' : 'standard',
      languages: standard?.attributes['languages'] ?? service.attributes['languages'],
      'variable-rates': random.pick<unknown>([{}, { hours: [] }]),
      'calculated-pricing': pricing(sub.hours, role.rate, role.cost),
      'external-resource-name': random.pick([null, '']),
      sku: random.pick([null, 'SUB-1']),
      'service-description': standard?.attributes['service-description'] ?? null,
      'payment-method': random.pick(['payment_term_schedule', null]),
      'resource-rate-id': null,
      'custom-hours?': sub.override === null ? null : true,
    },
    toOne: {
      project,
      'project-service': service.id,
      'project-location': service.toOne['project-location'] ?? null,
      lob,
      phase: random.chance(0.3) ? null : builder.pick('phases').id,
      'project-resource': role.id,
      resource: role.standard.id,
      'service-category': category,
      subservice: standard?.id ?? null,
    },
  })
}

function makeGovernances(
  builder: Builder,
  project: string,
  roles: readonly Role[],
  effort: number,
  phases: readonly string[],
  money: ContractValue,
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
    if (role !== null) {
      role.hours += hours
      money.revenue += hours * role.rate
      money.cost += hours * role.cost
    }
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
