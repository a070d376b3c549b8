/**
 * The pace in Redis: a queue kept as the time of its end (GCRA, the "leaky bucket as a meter"). One hash for each pair
 * of credentials, with times in ms of the server's clock:
 *
 *   nextAt taken heldUntil · loweredTo loweredAt
 */
import {
  HALVE_AT_MOST_EVERY_MS,
  LOWEST_SHARE,
  RECOVER_EVERY_MS,
  VOID_BEYOND_MS,
  type PaceStore,
} from '../pace-store.ts'
import { script, type RedisStore } from './redis.ts'

export function openRedisPaceStore(redis: RedisStore, keyId: string): PaceStore {
  const keys = [`scopestack-sync:pace:${keyId}`]
  return {
    async reserve(rate) {
      const [waitMs, taken] = (await redis.run(RESERVE, keys, [rate])) as [string, number]
      return { waitMs: Number(waitMs), taken }
    },
    held: async () => Number(await redis.run(HELD, keys, [])),
    async slowDown(rate, holdMs) {
      await redis.run(SLOW_DOWN, keys, [rate, Math.ceil(holdMs)])
    },
  }
}

/** A pace that nobody has used for an hour has nothing left to say. */
const FORGET_SECONDS = 3_600

const STATE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local rate = tonumber(ARGV[1])
local held = redis.call('HMGET', KEYS[1], 'nextAt', 'loweredTo', 'loweredAt', 'heldUntil')
local allowed = rate
if held[2] then
  allowed = math.min(rate, held[2] + rate / 10 * math.max(0, math.floor((now - held[3]) / ${RECOVER_EVERY_MS})))
end
local function keep(...)
  redis.call('HSET', KEYS[1], ...)
  redis.call('EXPIRE', KEYS[1], ${FORGET_SECONDS})
end`

const RESERVE = script(`
-- KEYS 1 hash
-- ARGV 1 rate
-- returns ms until the place (a string, it has a fraction), places taken so far
${STATE}
local nextAt = tonumber(held[1] or 0)
if nextAt > now + ${VOID_BEYOND_MS} + 1000000 / rate then nextAt = 0 end
local at = math.max(nextAt, now)
keep('nextAt', string.format('%.3f', at + 1000 / allowed))
return { string.format('%.3f', at - now), redis.call('HINCRBY', KEYS[1], 'taken', 1) }`)

const HELD = script(`
-- KEYS 1 hash
-- returns ms until nobody is held back any more, 0 or less when that has passed
local time = redis.call('TIME')
local ms = math.ceil((redis.call('HGET', KEYS[1], 'heldUntil') or 0) - (time[1] * 1000 + time[2] / 1000))
if ms > ${VOID_BEYOND_MS} then return 0 end
return ms`)

const SLOW_DOWN = script(`
-- KEYS 1 hash
-- ARGV 1 rate  2 ms to hold everybody back
-- returns nothing
${STATE}
local heldUntil = tonumber(held[4] or 0)
if heldUntil > now + ${VOID_BEYOND_MS} then heldUntil = 0 end
local untilMs = math.max(heldUntil, now + ARGV[2])
keep('heldUntil', string.format('%.3f', untilMs), 'nextAt', string.format('%.3f', math.max(tonumber(held[1] or 0), untilMs)))
if not held[3] or now - held[3] > ${HALVE_AT_MOST_EVERY_MS} then
  keep('loweredTo', string.format('%.6f', math.max(rate * ${LOWEST_SHARE}, allowed / 2)), 'loweredAt', string.format('%.3f', now))
end`)
