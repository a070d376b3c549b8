/**
 * Faults on request: what goes wrong, for which requests, how many times. A fault changes the response alone, or prevents the
 * request.
 */
import type { Random } from '../records/random.ts'

const statusKinds = [
  ...(['302', '401', '403', '404', '405', '408', '409', '421', '425', '429'] as const),
  ...(['500', '502', '503', '504'] as const),
] as const
const connectionKinds = [
  'reset',
  'truncate',
  'html',
  'lost-answer',
  'slow',
  'stall',
  'trickle',
  'hold',
  'hold-answer',
] as const
/** the regular response with a body that is hard to read */
const bodyKinds = ['bad-utf8', 'many-nodes', 'long-number', 'gzip-bomb'] as const
const otherKinds = [...connectionKinds, ...bodyKinds] as const
export const faultKinds = [...statusKinds, ...otherKinds] as const
export type FaultKind = (typeof faultKinds)[number]

/** the body of a status in place of the server's: a page or a line of a firewall in front, JSON of a gateway, none */
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
  /** how many more requests it applies to */
  count: number | 'always'
  /** share of the matching requests it applies to */
  readonly rate: number
  readonly retryAfter: number | string | null
  /** of a status: whose body it carries (null: the server's own) */
  readonly body: FaultBody | null
  /** truncate: how much of the body is sent; many-nodes: bytes of empty objects; long-number: its digits; gzip-bomb: bytes it becomes */
  readonly afterBytes: number | null
  /**
   * slow: wait before the response; trickle: wait before each byte; stall: time without a byte until the connection is closed
   * (null: for ever); hold waits before the request is done, and hold-answer behind that, until the fault is removed
   */
  readonly ms: number | null
  /** how many requests it was applied to */
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
  /** the first fault that matches the request, counted down */
  take(target: FaultTarget): Fault | null
  /** resolves once the fault is removed */
  removed(id: string): Promise<void>
}

export function createFaults(random: Random): Faults {
  const faults = new Map<string, Fault>()
  const waiting = new Map<string, (() => void)[]>()
  const release = (id: string): void => {
    for (const resolve of waiting.get(id) ?? []) resolve()
    waiting.delete(id)
  }
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
      if (id !== undefined) {
        release(id)
        return faults.delete(id)
      }
      faults.clear()
      for (const held of waiting.keys()) release(held)
      return true
    },
    removed: (id) =>
      faults.has(id)
        ? new Promise((resolve) => void waiting.set(id, [...(waiting.get(id) ?? []), resolve]))
        : Promise.resolve(),
    take(target) {
      for (const fault of faults.values()) {
        if (fault.count === 0 || !matches(fault.match, target) || (fault.rate < 1 && !random.chance(fault.rate)))
          continue
        if (fault.count !== 'always') fault.count -= 1
        fault.met += 1
        return fault
      }
      return null
    },
  }
}

function matches(match: Match, target: FaultTarget): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== target.method) return false
  if (match.type !== undefined && match.type !== target.type) return false
  if (match.page !== undefined && match.page !== target.page) return false
  return match.path === undefined || pathTest(match.path)(target.path)
}

/** Text between slashes that has a regular expression's signs is one; any other text is a part of the path. */
export function pathTest(text: string): (path: string) => boolean {
  const pattern = /^\/(.*[\\^$.*+?()[\]{}|].*)\/$/.exec(text)?.[1]
  if (pattern === undefined) return (path) => path.includes(text)
  const regex = new RegExp(pattern)
  return (path) => regex.test(path)
}

export const statusOf = (kind: FaultKind): number | null =>
  (statusKinds as readonly string[]).includes(kind) ? Number(kind) : null
