import { describe, expect, it } from 'vitest'
import { createInFlightLimit, type InFlightLimit, type Observed } from '../../../../src/remote/http/in-flight-limit.ts'

interface Server {
  /** What comes of a request that arrives as one of so many, and after how long. */
  (inFlight: number, kind: string): { readonly ms: number; readonly came?: Observed['came'] }
}

interface Given {
  readonly ceiling?: number
  /** So many requests wait for a place at any time. */
  readonly wanted?: number
  readonly memory?: () => number
  /** Of the n-th request. */
  readonly kind?: (n: number) => string
}

/** Requests one after another, as many in flight as the limit allows, by a clock that goes from response to response. */
function run(server: Server, { ceiling = 64, wanted = 1000, memory = () => 0, kind = () => 'list' }: Given = {}) {
  let time = 0
  let sent = 0
  const limits: number[] = []
  const inFlight: { readonly end: number; readonly observed: Observed }[] = []
  const limit: InFlightLimit = createInFlightLimit({
    ceiling,
    now: () => time,
    memory,
    onChange: (next) => limits.push(next),
  })
  function fill(): void {
    while (inFlight.length < Math.min(limit.current(), wanted)) {
      const of = kind(sent++)
      const { ms, came = 'response' } = server(inFlight.length + 1, of)
      inFlight.push({ end: time + ms, observed: { kind: of, ms, came, at: time } })
    }
    if (wanted > limit.current()) limit.noteWanted()
  }
  return {
    limit,
    limits,
    time: () => time,
    /** Until so many more responses have come. @returns how many a second. */
    respond: (count: number): number => {
      const begun = time
      for (let left = count; left > 0; left--) {
        fill()
        inFlight.sort((a, b) => a.end - b.end)
        const { end, observed } = inFlight.shift()!
        time = end
        limit.note(observed)
      }
      return count / ((time - begun) / 1000)
    },
    wait: (ms: number) => void (time += ms),
  }
}

/** Works on so many at once; the others wait for their turn. */
const queues =
  (most: number, ms = 100): Server =>
  (inFlight) => ({ ms: ms * Math.max(1, inFlight / most) })

/** A clock that is the same for every seed, and latencies that are never twice the same. */
function jittered(server: Server): Server {
  let state = 1
  return (inFlight, kind) => {
    state = (state * 48_271) % 2_147_483_647
    const { ms, ...rest } = server(inFlight, kind)
    return { ...rest, ms: ms * (0.8 + (0.4 * state) / 2_147_483_647) }
  }
}

describe('a limit of requests in flight', () => {
  it('doubles from round to round up to its ceiling, where the latency stays as it is', () => {
    const { respond, limit, limits } = run(() => ({ ms: 100 }), { ceiling: 24 })
    expect(limit.current()).toBe(4)
    respond(60)
    expect(limits).toEqual([8, 16, 24])
  })

  it.each([6, 8, 12, 20, 40])('finds that the server works on %i at once, and keeps its throughput', (most) => {
    const { respond, limit } = run(jittered(queues(most)))
    respond(3_000)
    expect(limit.current()).toBeGreaterThanOrEqual(most * 0.8)
    expect(limit.current()).toBeLessThanOrEqual(most * 2)
    expect(respond(3_000)).toBeGreaterThan(0.9 * most * 10)
  })

  it('grows when the server works on more at once than before, and shrinks when on less', () => {
    let most = 8
    const { respond, limit } = run(jittered((inFlight, kind) => queues(most)(inFlight, kind)))
    respond(3_000)
    expect(limit.current()).toBeLessThanOrEqual(16)
    most = 32
    respond(10_000)
    expect(limit.current()).toBeGreaterThanOrEqual(24)
    most = 8
    respond(10_000)
    expect(limit.current()).toBeLessThanOrEqual(16)
  })

  it('takes a slow list for no slow server, and a server that has become slow for one that is asked too much, for ten minutes', () => {
    const slow = run(
      jittered((_, kind) => ({ ms: kind === 'wide' ? 900 : 60 })),
      {
        kind: (n) => (n % 3 === 0 || n > 400 ? 'wide' : 'narrow'),
        ceiling: 16,
      },
    )
    slow.respond(1_000)
    expect(slow.limit.current()).toBeGreaterThanOrEqual(13)
    let ms = 100
    const today = run(() => ({ ms }), { ceiling: 16 })
    today.respond(300)
    ms = 800
    today.respond(1_000)
    expect(today.limit.current()).toBe(4)
    today.respond(6_000)
    expect(today.limit.current()).toBe(16)
  })

  it('is halved by a refusal, once for all that were in flight, and stays below what was refused for half a minute, then for longer', () => {
    const refuses: Server = (inFlight) => ({ ms: 100, came: inFlight > 10 ? 'refusal' : 'response' })
    const { respond, limit, limits, wait, time } = run(refuses)
    respond(40)
    expect(limits.slice(0, 3)).toEqual([8, 16, 8])
    const before = limits.length
    respond(200)
    // It finds where it is refused, by ever fewer steps.
    expect(limits.slice(before).filter((next, at) => next < (limits[before + at - 1] ?? 0)).length).toBeLessThan(8)
    const refused = (ms: number): number => {
      const from = limits.length
      const until = time() + ms
      while (time() < until) respond(10)
      return limits.slice(from).filter((next) => next > 10).length
    }
    const [first, later] = [refused(300_000), refused(300_000)]
    expect(first).toBeLessThanOrEqual(6)
    expect(later).toBeLessThanOrEqual(first)
    wait(1)
    expect(limit.current()).toBeGreaterThanOrEqual(4)
  })

  it('goes down to one while everything fails, and comes back by itself', () => {
    let came: Observed['came'] = 'response'
    const { respond, limit } = run(() => ({ ms: 100, came }), { ceiling: 16 })
    respond(100)
    came = 'failure'
    respond(100)
    expect(limit.current()).toBe(1)
    came = 'response'
    respond(600)
    expect(limit.current()).toBe(16)
  })

  it('comes back to four although requests wait for the rate limit, or the server has become slow', () => {
    let [came, ms]: [Observed['came'], number] = ['response', 100]
    const { respond, limit } = run(() => ({ ms, came }), { ceiling: 16 })
    respond(100)
    came = 'failure'
    respond(100)
    expect(limit.current()).toBe(1)
    for (let waits = 0; waits < 20; waits++) limit.noteRateWait(5_000)
    ;[came, ms] = ['response', 2_000]
    respond(20)
    expect(limit.isRateLimited()).toBe(true)
    expect(limit.current()).toBe(4)
  })

  it('comes back to four in a minute when a storm of refusals is over, however long it was', () => {
    let came: Observed['came'] = 'response'
    const { respond, limit, time } = run(() => ({ ms: 1_000, came }), { ceiling: 16 })
    respond(100)
    came = 'refusal'
    respond(1_000)
    expect(limit.current()).toBe(1)
    came = 'response'
    const over = time()
    while (limit.current() < 4 && time() < over + 3_600_000) respond(1)
    expect(time() - over).toBeLessThan(70_000)
  })

  it('does not grow where none waits for a place, where requests wait for the rate limit, and where memory is short', () => {
    const few = run(() => ({ ms: 100 }), { wanted: 3 })
    few.respond(500)
    expect(few.limits).toEqual([])
    const rated = run(() => ({ ms: 100 }))
    for (let waits = 0; waits < 5; waits++) rated.limit.noteRateWait(200)
    expect(rated.limit.isRateLimited()).toBe(true)
    rated.respond(500)
    expect(rated.limits).toEqual([])
    let used = 0.75
    const full = run(() => ({ ms: 100 }), { memory: () => used })
    full.respond(500)
    expect(full.limits).toEqual([])
    used = 0.9
    full.respond(500)
    expect(full.limit.current()).toBe(1)
    used = 0.3
    full.respond(2_000)
    expect(full.limit.current()).toBe(64)
  })

  it.each([1, 2, 3])('never goes above a ceiling of %i', (ceiling) => {
    const { respond, limit, limits } = run(() => ({ ms: 100 }), { ceiling })
    respond(500)
    expect(limit.current()).toBe(ceiling)
    expect(Math.max(ceiling, ...limits)).toBe(ceiling)
  })

  it('is found by several processes of one account together, each with its part', () => {
    let inFlight = 0
    let time = 0
    const limits = Array.from({ length: 4 }, () =>
      createInFlightLimit({ ceiling: 16, now: () => time, memory: () => 0 }),
    )
    const open: { end: number; of: number; observed: Observed }[] = []
    let random = 7
    for (let responses = 0; responses < 15_000; responses++) {
      for (const [of, limit] of limits.entries()) {
        while (open.filter((one) => one.of === of).length < limit.current()) {
          random = (random * 48_271) % 2_147_483_647
          const ms = 100 * Math.max(1, ++inFlight / 24) * (0.8 + (0.4 * random) / 2_147_483_647)
          open.push({ end: time + ms, of, observed: { kind: 'list', ms, came: 'response', at: time } })
        }
        limit.noteWanted()
      }
      open.sort((a, b) => a.end - b.end)
      const { end, of, observed } = open.shift()!
      inFlight--
      time = end
      limits[of]!.note(observed)
    }
    const found = limits.map((limit) => limit.current())
    const sum = found.reduce((a, b) => a + b, 0)
    expect(sum).toBeGreaterThanOrEqual(20)
    expect(sum).toBeLessThanOrEqual(56)
  })
})
