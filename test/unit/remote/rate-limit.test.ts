import { describe, expect, it } from 'vitest'
import { createLocalRateLimitStore } from '../../../src/remote/http/rate-limit-local.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { withRateLimit } from '../../../src/remote/http/with-rate-limit.ts'
import { layerOverHttp } from '../../support/network/in-turn.ts'

const signal = new AbortController().signal

describe('the rate limit', () => {
  it('starts at most so many in any second', async () => {
    const rateLimit = createRateLimit({ rate: 20 })
    const starts: number[] = []
    const start = () => rateLimit.acquire(signal).then(() => starts.push(performance.now()))
    await Promise.all(Array.from({ length: 45 }, start))
    // A window of fixed seconds lets two bursts meet at its edge; over any three windows the rate holds.
    expect(starts.filter((at) => at < starts[0]! + 900).length).toBeLessThanOrEqual(40)
    expect(starts).toHaveLength(45)
  })

  it('tells how long a request was held back, of which the exchange with the store is no part', async () => {
    const store = createLocalRateLimitStore()
    const exchange = Promise.withResolvers<void>()
    const shared = { ...store, reserve: (rate: number) => exchange.promise.then(() => store.reserve(rate)) }
    const rateLimit = createRateLimit({ rate: 10, shared })
    const first = rateLimit.acquire(signal)
    setTimeout(exchange.resolve, 30)
    expect(await first).toBe(0)
    expect(await rateLimit.acquire(signal)).toBeGreaterThan(0)
  })

  it('holds the fleet back for two minutes at most, however long one response demands', async () => {
    const holds: number[] = []
    const shared = { ...createLocalRateLimitStore(), backOff: async (ms: number) => void holds.push(ms) }
    const rateLimit = createRateLimit({ rate: 5, shared })
    for (const ms of [3_000, 120_000, 2.3e12, Infinity]) await rateLimit.backOff(ms)
    expect(holds).toEqual([3_000, 120_000, 120_000, 120_000])
  })
})

describe('the layer alone', () => {
  it.each([5, 0])(
    'sends nothing while the fleet is held back, and ends the wait when the signal fires: rate %i',
    async (rate) => {
      const rateLimit = createRateLimit({ rate })
      await using layer = await layerOverHttp(withRateLimit(rateLimit), [[200]])
      expect(await layer.send()).toBe(200)
      await rateLimit.backOff(3_600_000)
      const stop = new AbortController()
      const waiting = layer.send({}, stop.signal)
      stop.abort()
      await expect(waiting).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
      expect(layer.requests).toHaveLength(1)
    },
  )
})
