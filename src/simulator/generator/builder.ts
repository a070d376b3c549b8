/** What every part of the generator builds with. One stream of random numbers in one order: the same seed gives the same bytes. */
import type { Random } from '../records/random.ts'
import type { Content, Rec, Records } from '../records/records.ts'

export interface Builder {
  readonly random: Random
  readonly records: Records
  readonly account: { readonly id: number; readonly slug: string }
  readonly projects: number
  /** the next id of a type; ids grow with small gaps, as in a table where rows were deleted */
  reserveId(type: string): string
  add(type: string, content: Content, id?: string): Rec
  /** a record that was added before */
  pick(type: string): Rec
  /** its id, or null with the probability `empty` */
  pickId(type: string, empty?: number): string | null
}

/** Far from the time of the run on purpose: an account generated yesterday and one generated today are the same. */
export const baseTime = Date.UTC(2026, 10, 1)
export const day = 86_400_000

export const instant = (time: number): string => new Date(time).toISOString()
export const date = (time: number): string => instant(time).slice(0, 10)

export function createBuilder(deps: Pick<Builder, 'random' | 'records' | 'account' | 'projects'>): Builder {
  const { random, records } = deps
  const last = new Map<string, number>()
  function reserveId(type: string): string {
    const before = last.get(type) ?? 1000 + last.size * 1700
    const next = before + (random.chance(0.08) ? random.between(2, 4) : 1)
    last.set(type, next)
    return String(next)
  }
  function pick(type: string): Rec {
    return random.pick(records.table(type)?.ordered ?? [])
  }
  return {
    ...deps,
    reserveId,
    pick,
    add: (type, content, id) => records.add(type, id ?? reserveId(type), content),
    pickId: (type, empty = 0) => (random.chance(empty) ? null : pick(type).id),
  }
}
