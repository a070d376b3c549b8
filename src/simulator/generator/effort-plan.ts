/** Plans the services of a project with hours, rates and costs before any record is written, so that all sums agree. */
import type { Rec } from '../records/records.ts'
import type { Builder } from './builder.ts'

export interface ContractValue {
  revenue: number
  cost: number
}

export interface Role {
  readonly id: string
  readonly standard: Rec
  readonly rate: number
  readonly cost: number
  hours: number
}

/** A service or a subservice of a project, before it is written. */
export interface Effort {
  readonly role: Role
  readonly standard: Rec | null
  readonly override: number | null
  readonly hours: number
  readonly quantity: number
}

export interface ServicePlan extends Effort {
  readonly subservices: readonly Effort[]
}

export function planRoles(builder: Builder): Role[] {
  const standards = (builder.records.table('resources')?.ordered ?? []).slice(0, 8)
  const from = builder.random.between(0, 4)
  const count = builder.random.between(3, 5)
  return Array.from({ length: count }, (_, at) => {
    const standard = standards[(from + at) % standards.length] ?? builder.pick('resources')
    return {
      id: builder.reserveId('project-resources'),
      standard,
      rate: Number(standard.attributes['hourly-rate']),
      cost: Number(standard.attributes['hourly-cost']),
      hours: 0,
    }
  })
}

export function planService(builder: Builder, roles: readonly Role[]): ServicePlan {
  const { random } = builder
  // a custom service has no standard, and always has hours of its own
  const standard = random.chance(0.15) ? null : builder.pick('services')
  const override = standard === null || random.chance(0.5) ? random.between(1, 40) / 2 : null
  const quantity = random.pick([1, 1, 1, 2, 3])
  const standards = standard === null ? [] : builder.records.referring('subservices', 'service', standard.id)
  const subservices = Array.from({ length: random.between(2, 4) }, (_, at): Effort => {
    const sub = standards[at] ?? null
    const hours = sub === null || random.chance(0.4) ? random.between(1, 16) / 4 : null
    const times = random.pick([1, 1, 2, 4])
    return {
      role: random.pick(roles),
      standard: sub,
      override: hours,
      quantity: times,
      hours: (hours ?? Number(sub?.attributes['suggested-hours'])) * times,
    }
  })
  return {
    role: random.pick(roles),
    standard,
    override,
    quantity,
    hours: (override ?? Number(standard?.attributes['suggested-hours'])) * quantity,
    subservices,
  }
}
