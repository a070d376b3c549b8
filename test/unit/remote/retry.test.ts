import { describe, expect, it } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import { bodyUnreadable, rateLimited, remoteFailed } from '../../../src/errors/requests.ts'
import { createRetrySchedule, sleep } from '../../../src/remote/http/retry.ts'

const policy = { attempts: 7, baseMs: 250, capMs: 8_000 }
const url = 'u'
const limited = (seconds: number) => rateLimited({ url, seconds })
const failed = () => remoteFailed({ url, status: 500, requestId: undefined })
/** Until it is given up. */
const pauses = (errors: Iterable<Error>, options = {}) => {
  const schedule = createRetrySchedule(policy, options)
  const all: number[] = []
  for (const error of errors) {
    const ms = schedule.delayAfter(error)
    if (ms === null) break
    all.push(ms)
  }
  return all
}
function* always(error: () => Error) {
  for (;;) yield error()
}
const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0)

describe('the retries of one request', () => {
  it('wait longer each time after a 429 without a time, or with 0', () => {
    expect(
      pauses(
        always(() => limited(0)),
        { random: () => 0 },
      ),
    ).toEqual([500, 1_000, 2_000, 4_000, 8_000, ...Array(6).fill(16_000)])
    expect(
      pauses(
        always(() => limited(0)),
        { random: () => 1 },
      ),
    ).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000])
  })

  it('wait for as long as Retry-After says, at least', () => {
    expect(createRetrySchedule(policy, { random: () => 0 }).delayAfter(limited(30))).toBe(30_000)
  })

  it('have one ceiling for all waits, of both kinds', () => {
    expect(sum(pauses(always(() => limited(0))))).toBeLessThanOrEqual(120_000)
    expect(pauses(always(() => limited(50)))).toEqual([50_000, 50_000])
    const both = pauses([limited(100), failed(), failed(), failed(), limited(15), limited(10)], { random: () => 0.99 })
    expect(both).toHaveLength(5)
    expect(sum(both)).toBeLessThanOrEqual(120_000)
    expect(createRetrySchedule(policy).delayAfter(limited(3_600))).toBeNull()
  })

  it('spend attempts on failures alone', () => {
    const waits = Array.from({ length: 5 }, () => limited(0))
    expect(pauses([...waits, ...always(failed).take(20)], { random: () => 0 })).toHaveLength(5 + 6)
  })

  it('end at once where the same would come again, and where a person is needed', () => {
    expect(createRetrySchedule(policy).delayAfter(bodyUnreadable({ url, problem: '', encoding: true }))).toBeNull()
    expect(createRetrySchedule(policy).delayAfter(bodyUnreadable({ url, problem: '', tooLarge: true }))).toBeNull()
    expect(createRetrySchedule(policy).delayAfter(bodyUnreadable({ url, problem: '' }))).not.toBeNull()
    expect(createRetrySchedule(policy).delayAfter(stopped())).toBeNull()
  })
})

it.each([2 ** 31, 2.3e12, Infinity])('a sleep of %d ms does not end at once', async (ms) => {
  const stop = new AbortController()
  let over = false
  const sleeping = sleep(ms, stop.signal).finally(() => (over = true))
  sleeping.catch(() => {})
  await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 5)))
  expect(over).toBe(false)
  stop.abort()
  await expect(sleeping).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
})
