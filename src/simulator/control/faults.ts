import type { Random } from '../records/random.ts'

const statusKinds = [
  ...(['302', '401', '403', '404', '405', '408', '409', '421', '425', '429'] as const),
  ...(['500', '502', '503', '504'] as const),
] as const
const connectionKinds = ['reset', 'truncate', 'html', 'lost-answer', 'slow', 'stall', 'trickle'] as const
/** the real answer with something in it that no reader is glad of */
const bodyKinds = ['bad-utf8', 'many-nodes', 'long-number'] as const
const otherKinds = [...connectionKinds, ...bodyKinds] as const
export const faultKinds = [...statusKinds, ...otherKinds] as const
export type FaultKind = (typeof faultKinds)[number]

/** what a status carries in place of its own body: a page or a line of a firewall in front, JSON of a gateway, nothing */
export const faultBodies = ['html', 'text', 'json', 'empty'] as const
type FaultBody = (typeof faultBodies)[number]

export interface Match {
  readonly method?: string
  readonly path?: string
  readonly type?: string
  readonly page?: number
}

export interface Fault {
  readonly id: string
  readonly kind: FaultKind
  readonly match: Match
  /** how many more requests it meets */
  count: number | 'always'
  /** share of the matching requests it meets */
  readonly rate: number
  readonly retryAfter: number | string | null
  /** of a status: whose body it carries (null: what the server itself sends with it) */
  readonly body: FaultBody | null
  /** truncate: how much of the body is sent; many-nodes: bytes of empty objects; long-number: its digits */
  readonly afterBytes: number | null
  /**
   * slow: wait before the answer; trickle: wait before each byte; stall: how long nothing comes before the connection is
   * cut (null: for ever)
   */
  readonly ms: number | null
  met: number
}

export type FaultInput = { readonly kind: FaultKind } & Partial<
  Pick<Fault, 'match' | 'count' | 'rate' | 'retryAfter' | 'body' | 'afterBytes' | 'ms'>
>
export interface FaultTarget {
  readonly method: string
  readonly path: string
  readonly type: string | null
  readonly page: number | null
}

export interface Faults {
  add(input: FaultInput): Fault
  list(): Fault[]
  /** without an id: all of them */
  remove(id?: string): boolean
  /** the first fault that meets this request, counted down */
  take(asked: FaultTarget): Fault | null
}

export function createFaults(random: Random): Faults {
  const faults = new Map<string, Fault>()
  let last = 0
  return {
    add(input) {
      last += 1
      const fault: Fault = {
        id: String(last),
        kind: input.kind,
        match: input.match ?? {},
        count: input.count ?? 1,
        rate: input.rate ?? 1,
        retryAfter: input.retryAfter ?? null,
        body: input.body ?? null,
        afterBytes: input.afterBytes ?? null,
        ms: input.ms ?? null,
        met: 0,
      }
      faults.set(fault.id, fault)
      return { ...fault }
    },
    list: () => [...faults.values()].map((fault) => ({ ...fault })),
    remove(id) {
      if (id !== undefined) return faults.delete(id)
      faults.clear()
      return true
    },
    take(asked) {
      for (const fault of faults.values()) {
        if (fault.count === 0 || !matches(fault.match, asked) || (fault.rate < 1 && !random.chance(fault.rate)))
          continue
        if (fault.count !== 'always') fault.count -= 1
        fault.met += 1
        return fault
      }
      return null
    },
  }
}

function matches(match: Match, asked: FaultTarget): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== asked.method) return false
  if (match.type !== undefined && match.type !== asked.type) return false
  if (match.page !== undefined && match.page !== asked.page) return false
  return match.path === undefined || pathTest(match.path)(asked.path)
}

/** `/…/` between slashes with a regular expression's signs is one; anything else is a part of the path. */
export function pathTest(text: string): (path: string) => boolean {
  const pattern = /^\/(.*[\\^$.*+?()[\]{}|].*)\/$/.exec(text)?.[1]
  if (pattern === undefined) return (path) => path.includes(text)
  const regex = new RegExp(pattern)
  return (path) => regex.test(path)
}

export const statusOf = (kind: FaultKind): number | null =>
  (statusKinds as readonly string[]).includes(kind) ? Number(kind) : null
