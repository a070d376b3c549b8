import { describe, expect, it } from 'vitest'
import { createLocalRateLimitStore } from '../../../src/remote/http/rate-limit-local.ts'
import { createRateLimiter } from '../../../src/remote/http/rate-limit.ts'

const signal = new AbortController().signal

describe('the pace', () => {
  it('keeps at most so many requests in flight, and serves them in order', async () => {
    const pace = createRateLimiter({ rate: 0, concurrency: 3 })
    const order: number[] = []
    let inFlight = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        pace.run(async () => {
          order.push(number)
          most = Math.max(most, ++inFlight)
          for (let turn = 0; turn < 5; turn++) await Promise.resolve()
          inFlight--
        }, signal),
      ),
    )
    expect(most).toBe(3)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })

  it('starts at most so many in any second', async () => {
    const pace = createRateLimiter({ rate: 20, concurrency: 50 })
    const starts: number[] = []
    await Promise.all(
      Array.from({ length: 45 }, () => pace.run(async () => void starts.push(performance.now()), signal)),
    )
    // A window of fixed seconds lets two bursts meet at its edge; over any three windows the rate holds.
    expect(starts.filter((at) => at < starts[0]! + 900).length).toBeLessThanOrEqual(40)
    expect(starts).toHaveLength(45)
  })

  it('lets go of who waits in line and is asked to stop, and keeps its place for the next', async () => {
    const pace = createRateLimiter({ rate: 0, concurrency: 1 })
    const stop = new AbortController()
    let finish = (): void => {}
    const first = pace.run(() => new Promise<void>((resolve) => (finish = resolve)), signal)
    const second = pace.run(async () => 'second', stop.signal)
    const third = pace.run(async () => 'third', signal)
    stop.abort()
    await expect(second).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    finish()
    await first
    await expect(third).resolves.toBe('third')
    await expect(pace.run(async () => 'sent', stop.signal)).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  })

  it('goes on after one that failed', async () => {
    const pace = createRateLimiter({ rate: 0, concurrency: 1 })
    await expect(pace.run(async () => Promise.reject(new Error('boom')), signal)).rejects.toThrow('boom')
    await expect(pace.run(async () => 'next', signal)).resolves.toBe('next')
  })

  it('holds the fleet back for two minutes at most, whatever one answer asks for', async () => {
    const holds: number[] = []
    const shared = { ...createLocalRateLimitStore(), backOff: async (ms: number) => void holds.push(ms) }
    const pace = createRateLimiter({ rate: 5, concurrency: 2, shared })
    for (const ms of [3_000, 120_000, 2.3e12, Infinity]) await pace.backOff(ms)
    expect(holds).toEqual([3_000, 120_000, 120_000, 120_000])
  })

  it('holds everybody back after a 429, and lets go of who is asked to stop', async () => {
    const pace = createRateLimiter({ rate: 5, concurrency: 2 })
    const stop = new AbortController()
    await pace.backOff(3_600_000)
    let sent = 0
    const waiting = pace.run(async () => void sent++, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(sent).toBe(0)
  })
})
