/**
 * The rate limit in Redis: see `rate-limit-store.ts` for the formula. One hash for each pair of credentials, and one for the
 * queue of each rate; times are in ms of the server's clock:
 *
 *   heldUntil · loweredTo (the share of every rate) loweredAt      nextAt taken
 */
import {
  HALVE_AT_MOST_EVERY_MS,
  LOWEST_SHARE,
  RECOVER_EVERY_MS,
  IMPLAUSIBLE_BEYOND_MS,
  type RateLimitStore,
  type RateState,
} from '../../rate-limit-store.ts'
import { defineScript, type RedisStore } from '../redis/redis.ts'

export function openRedisRateLimitStore(redis: RedisStore, keyId: string): RateLimitStore {
  const all = hashOfAll(keyId)
  return {
    async reserve(rate) {
      const keys = [all, `scopestack-sync:pace:${keyId}:${rate}`]
      const [waitMs, taken] = (await redis.run(RESERVE, keys, [rate])) as [string, number]
      return { waitMs: Number(waitMs), taken }
    },
    backOffLeft: async () => Number(await redis.run(HOLD_LEFT, [all], [])),
    async backOff(holdMs) {
      await redis.run(BACK_OFF, [all], [Math.ceil(holdMs)])
    },
  }
}

const hashOfAll = (keyId: string): string => `scopestack-sync:pace:${keyId}:all`

export async function readRedisRateState(redis: RedisStore, keyId: string): Promise<RateState> {
  const [heldUntil, share] = ((await redis.run(STATE_NOW, [hashOfAll(keyId)], [])) as string[]).map(Number)
  return { heldUntil: heldUntil === 0 ? null : new Date(heldUntil!), share: share! }
}

/** After an hour without a request nothing of the state matters any more. */
const FORGET_SECONDS = 3_600

const STATE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local common = redis.call('HMGET', KEYS[1], 'loweredTo', 'loweredAt', 'heldUntil')
local share = 1
if common[1] then
  share = math.min(1, common[1] + 0.1 * math.max(0, math.floor((now - common[2]) / ${RECOVER_EVERY_MS})))
end
local heldUntil = tonumber(common[3] or 0)
if heldUntil > now + ${IMPLAUSIBLE_BEYOND_MS} then heldUntil = 0 end
local function keep(key, seconds, ...)
  redis.call('HSET', key, ...)
  redis.call('EXPIRE', key, seconds)
end`

const RESERVE = defineScript(`
-- KEYS 1 hash of all  2 hash of the rate
-- ARGV 1 rate
-- returns ms until the place (a string, it has a fraction), places taken so far
${STATE}
local rate = tonumber(ARGV[1])
local nextAt = tonumber(redis.call('HGET', KEYS[2], 'nextAt') or 0)
if nextAt > now + ${IMPLAUSIBLE_BEYOND_MS} + 1000000 / rate then nextAt = 0 end
local at = math.max(nextAt, now, heldUntil)
local apart = 1000 / (rate * share)
keep(KEYS[2], ${FORGET_SECONDS} + math.ceil((at - now + apart) / 1000), 'nextAt', string.format('%.3f', at + apart))
return { string.format('%.3f', at - now), redis.call('HINCRBY', KEYS[2], 'taken', 1) }`)

const STATE_NOW = defineScript(`
-- KEYS 1 hash of all
-- returns when the hold ends, 0 where there is none, and the share of every rate (strings, they have fractions)
${STATE}
if heldUntil <= now then heldUntil = 0 end
return { string.format('%.0f', heldUntil), string.format('%.6f', share) }`)

const HOLD_LEFT = defineScript(`
-- KEYS 1 hash of all
-- returns ms until the end of the hold, 0 or less when it has passed
local time = redis.call('TIME')
local ms = math.ceil((redis.call('HGET', KEYS[1], 'heldUntil') or 0) - (time[1] * 1000 + time[2] / 1000))
if ms > ${IMPLAUSIBLE_BEYOND_MS} then return 0 end
return ms`)

const BACK_OFF = defineScript(`
-- KEYS 1 hash of all
-- ARGV 1 ms to hold all processes back
-- returns nothing
${STATE}
keep(KEYS[1], ${FORGET_SECONDS}, 'heldUntil', string.format('%.3f', math.max(heldUntil, now + ARGV[1])))
if not common[2] or now - common[2] > ${HALVE_AT_MOST_EVERY_MS} then
  keep(KEYS[1], ${FORGET_SECONDS}, 'loweredTo', string.format('%.6f', math.max(${LOWEST_SHARE}, share / 2)), 'loweredAt', string.format('%.3f', now))
end`)
