/** Counts exchanges, by what came of each: at the bottom of the client, so that each attempt is one. */
import { errorCodeOf } from '../../errors/sync-error.ts'
import type { Meter } from '../../meter.ts'
import type { Http } from './http.ts'
import type { RateLimit } from './rate-limit.ts'

/** @param target what is asked: the API, or the address that issues tokens. */
export const metered = (http: Http, meter: Meter, target: 'api' | 'token'): Http => ({
  async send(request, signal) {
    const { method } = request
    const begun = performance.now()
    let status = 'other'
    try {
      const response = await http.send(request, signal)
      status = String(response.status)
      return response
    } catch (error) {
      status = errorCodeOf(error) ?? status
      throw error
    } finally {
      meter.add('requests', { target, method, status })
      meter.add('requestSeconds', { target, method }, (performance.now() - begun) / 1000)
    }
  },
  close: () => http.close(),
})

export const meteredRateLimit = (rateLimit: RateLimit, meter: Meter): RateLimit => ({
  ...rateLimit,
  async acquire(signal) {
    const begun = performance.now()
    try {
      return await rateLimit.acquire(signal)
    } finally {
      meter.add('waitSeconds', {}, (performance.now() - begun) / 1000)
    }
  },
})
