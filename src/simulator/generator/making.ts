import type { Random } from '../records/random.ts'
import type { Content, Rec, Records } from '../records/records.ts'

/** What every part of the generator draws from. One stream of random numbers in one order: same seed, same bytes. */
export interface Making {
  readonly random: Random
  readonly records: Records
  readonly account: { readonly id: number; readonly slug: string }
  readonly projects: number
  /** the next id of a type; ids grow with small gaps, as in a table where rows were deleted */
  reserve(type: string): string
  add(type: string, content: Content, id?: string): Rec
  /** a record made before, or null for one case in `empty` */
  some(type: string, empty?: number): string | null
  must(type: string): Rec
}

/** Far from the time of the run on purpose: data made yesterday and today is the same. */
export const baseTime = Date.UTC(2026, 10, 1)
export const day = 86_400_000

export const instant = (time: number): string => new Date(time).toISOString()
export const date = (time: number): string => instant(time).slice(0, 10)

export function createMaking(deps: Pick<Making, 'random' | 'records' | 'account' | 'projects'>): Making {
  const { random, records } = deps
  const last = new Map<string, number>()
  function reserve(type: string): string {
    const before = last.get(type) ?? 1000 + last.size * 1700
    const next = before + (random.chance(0.08) ? random.between(2, 4) : 1)
    last.set(type, next)
    return String(next)
  }
  function must(type: string): Rec {
    return random.pick(records.table(type)?.ordered ?? [])
  }
  return {
    ...deps,
    reserve,
    must,
    add: (type, content, id) => records.add(type, id ?? reserve(type), content),
    some: (type, empty = 0) => (random.chance(empty) ? null : must(type).id),
  }
}
