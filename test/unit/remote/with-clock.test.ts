import { describe, expect, it } from 'vitest'
import { createRemoteClock, withClock } from '../../../src/remote/http/with-clock.ts'
import { layerOverHttp } from '../../support/network/in-turn.ts'

const NOON = 'Thu, 01 Jan 2026 12:00:00 GMT'

describe('the layer alone', () => {
  it('notes the date of each response, also of one that is refused, and counts on from there', async () => {
    let elapsed = 0
    const clock = createRemoteClock(() => elapsed)
    await using layer = await layerOverHttp(withClock(clock), [
      [401, '', { date: NOON }],
      [200, '{}', { date: NOON, age: '30' }],
    ])
    expect(clock.now()).toBeNull()
    expect(await layer.send()).toBe(401)
    elapsed += 1_000
    expect(new Date(clock.now()!).toISOString()).toBe('2026-01-01T12:00:01.000Z')
    expect(await layer.send()).toBe(200)
    expect(new Date(clock.now()!).toISOString(), 'a cached response').toBe('2026-01-01T12:00:30.000Z')
  })
})
