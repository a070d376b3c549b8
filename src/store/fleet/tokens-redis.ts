/**
 * The token in Redis, where every process finds it. One hash for each pair of credentials:
 *
 *   generation sealed issuedAt expiresAt · claim claimUntil · coolUntil coolReason coolRefused
 *
 * All times are by the server's clock. A Redis that lost its data must not begin again at generation 1: processes would
 * take the new token for an older one than the revoked one they remember. A missing generation therefore counts as the
 * milliseconds of the server's clock, which no counter of token requests catches up with.
 */
import { randomUUID } from 'node:crypto'
import type { StoredToken, TokenStore } from '../../token-store.ts'
import { defineScript, type RedisStore } from '../redis/redis.ts'

/** @param keyId the hash: one for each pair of credentials. */
export function openRedisTokenStore(redis: RedisStore, keyId: string): TokenStore {
  const keys = [`scopestack-sync:token:${keyId}`]
  return {
    async read() {
      return parse((await redis.run(READ, keys, [])) as (string | null)[])
    },
    async claim(leaseMs, generation, claim = randomUUID()) {
      return (await redis.run(CLAIM, keys, [claim, leaseMs, generation])) === 1 ? claim : null
    },
    async publish(claim, { sealed, issuedAt, expiresAt, aboveGeneration }) {
      const generation = await redis.run(PUBLISH, keys, [claim, sealed, issuedAt, expiresAt, aboveGeneration])
      return generation === null ? null : Number(generation)
    },
    async fail(claim, { until, reason, refused }) {
      await redis.run(FAIL, keys, [claim, until, reason, refused ? 1 : 0])
    },
    async reject(generation) {
      await redis.run(REJECT, keys, [generation])
    },
  }
}

function parse([now, generation, sealed, issuedAt, expiresAt, until, reason, refused]: (string | null)[]): StoredToken {
  return {
    now: Number(now),
    generation: Number(generation ?? 0),
    sealed: sealed ?? null,
    issuedAt: Number(issuedAt ?? 0),
    expiresAt: Number(expiresAt ?? 0),
    coolDown:
      until === null || until === undefined
        ? null
        : { until: Number(until), reason: reason ?? '', refused: refused === '1' },
  }
}

/** The server's clock in milliseconds. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

const READ = defineScript(`
-- KEYS 1 hash
-- returns the server's time in ms, generation, sealed, issuedAt, expiresAt, coolUntil, coolReason, coolRefused; each a
-- string, or false
${NOW}
local held = redis.call('HMGET', KEYS[1], 'generation', 'sealed', 'issuedAt', 'expiresAt', 'coolUntil', 'coolReason', 'coolRefused')
return { string.format('%.0f', now), unpack(held, 1, 7) }`)

const CLAIM = defineScript(`
-- KEYS 1 hash
-- ARGV 1 claim  2 lease in ms  3 generation that the caller has read
-- returns 1, or 0 while another holds the claim or when there is a newer generation
${NOW}
local held = redis.call('HMGET', KEYS[1], 'generation', 'claim', 'claimUntil')
if tonumber(held[1] or 0) ~= tonumber(ARGV[3]) then return 0 end
-- One that ends later than any claim can is of a clock that was set back since.
local untilMs = tonumber(held[3] or 0)
if held[2] and held[2] ~= ARGV[1] and untilMs >= now and untilMs <= now + 2 * ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'claim', ARGV[1], 'claimUntil', string.format('%.0f', now + ARGV[2]))
return 1`)

const PUBLISH = defineScript(`
-- KEYS 1 hash
-- ARGV 1 claim  2 sealed  3 issuedAt  4 expiresAt  5 generation to be above
-- returns the new generation as a string, or false when the claim is lost
${NOW}
local held = redis.call('HMGET', KEYS[1], 'generation', 'claim')
if held[2] ~= ARGV[1] then return false end
local generation = string.format('%.0f', math.max(tonumber(held[1] or now), tonumber(ARGV[5])) + 1)
redis.call('HSET', KEYS[1], 'generation', generation, 'sealed', ARGV[2], 'issuedAt', ARGV[3], 'expiresAt', ARGV[4])
redis.call('HDEL', KEYS[1], 'claim', 'claimUntil', 'coolUntil', 'coolReason', 'coolRefused')
return generation`)

const FAIL = defineScript(`
-- KEYS 1 hash
-- ARGV 1 claim  2 coolUntil  3 reason  4 1 when the credentials were refused
-- returns 1, or 0 when the claim is lost: a newer holder's state is not touched
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'claim', 'claimUntil')
redis.call('HSET', KEYS[1], 'coolUntil', ARGV[2], 'coolReason', ARGV[3], 'coolRefused', ARGV[4])
return 1`)

const REJECT = defineScript(`
-- KEYS 1 hash
-- ARGV 1 generation
-- returns 1, or 0 when it has been replaced
if tonumber(redis.call('HGET', KEYS[1], 'generation') or 0) ~= tonumber(ARGV[1]) then return 0 end
return redis.call('HDEL', KEYS[1], 'sealed')`)
