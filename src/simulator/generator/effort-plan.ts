import type { Rec } from '../records/records.ts'
import type { Making } from './making.ts'

export interface Money {
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
export interface Plan {
  readonly role: Role
  readonly standard: Rec | null
  readonly override: number | null
  readonly hours: number
  readonly quantity: number
  readonly subs: readonly SubPlan[]
}
export interface SubPlan {
  readonly role: Role
  readonly standard: Rec | null
  readonly override: number | null
  readonly hours: number
  readonly quantity: number
}

export function planRoles(making: Making): Role[] {
  const standards = (making.records.table('resources')?.ordered ?? []).slice(0, 8)
  const from = making.random.between(0, 4)
  const count = making.random.between(3, 5)
  return Array.from({ length: count }, (_, at) => {
    const standard = standards[(from + at) % standards.length] ?? making.must('resources')
    return {
      id: making.reserve('project-resources'),
      standard,
      rate: Number(standard.attributes['hourly-rate']),
      cost: Number(standard.attributes['hourly-cost']),
      hours: 0,
    }
  })
}

export function plan(making: Making, roles: readonly Role[]): Plan {
  const { random } = making
  // a task of their own has no standard behind it, and its hours are always said
  const standard = random.chance(0.15) ? null : making.must('services')
  const override = standard === null || random.chance(0.5) ? random.between(1, 40) / 2 : null
  const quantity = random.pick([1, 1, 1, 2, 3])
  const below = standard === null ? [] : making.records.referring('subservices', 'service', standard.id)
  const subs = Array.from({ length: random.between(2, 4) }, (_, at): SubPlan => {
    const sub = below[at] ?? null
    const own = sub === null || random.chance(0.4) ? random.between(1, 16) / 4 : null
    const times = random.pick([1, 1, 2, 4])
    return {
      role: random.pick(roles),
      standard: sub,
      override: own,
      quantity: times,
      hours: (own ?? Number(sub?.attributes['suggested-hours'])) * times,
    }
  })
  return {
    role: random.pick(roles),
    standard,
    override,
    quantity,
    hours: (override ?? Number(standard?.attributes['suggested-hours'])) * quantity,
    subs,
  }
}
