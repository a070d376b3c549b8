/**
 * The rate limit in Postgres: see `rate-limit-store.ts` for the formula. Table sync.pace has a row for the hold and the share
 * of one pair of credentials, and one for the queue of each rate.
 */
import {
  HALVE_AT_MOST_EVERY_MS,
  LOWEST_SHARE,
  RECOVER_EVERY_MS,
  IMPLAUSIBLE_BEYOND_MS,
  type RateLimitStore,
  type RateState,
} from '../../rate-limit-store.ts'
import type { Database } from '../connection/database.ts'

export function openRateLimitStore(sql: Database, keyId: string): RateLimitStore {
  const all = keyId + OF_ALL
  const queueOf = (rate: number): string => `${keyId} ${rate}/s`
  const [plausible, share] = [plausibleIn(sql), shareIn(sql)]

  return {
    async reserve(rate) {
      const ends = sql`clock_timestamp() + make_interval(secs => ${IMPLAUSIBLE_BEYOND_MS / 1000 + 1000 / rate}::float8)`
      const [place] = await sql<{ waitMs: number; taken: number }[]>`
        with common as (
          select max(case when held_until < ${plausible} then held_until end) as held,
            make_interval(secs => 1 / (${rate}::float8 * coalesce(min(${share}), 1))) as apart
          from sync.pace where key_id = ${all}),
        place as (
          insert into sync.pace as p (key_id, next_at, taken)
          select ${queueOf(rate)}, greatest(clock_timestamp(), held) + apart, 1 from common
          on conflict (key_id) do update set
            next_at = greatest(
              case when p.next_at < ${ends} then p.next_at end, clock_timestamp(), (select held from common)
            ) + (select apart from common),
            taken = p.taken + 1
          returning next_at, taken)
        select greatest(0, extract(epoch from next_at - apart - clock_timestamp())::float8 * 1000) as "waitMs",
          taken::float8 as taken
        from place, common`
      return place!
    },

    async backOffLeft() {
      const [row] = await sql<{ ms: number | null }[]>`
        select extract(epoch from held_until - clock_timestamp())::float8 * 1000 as ms from sync.pace where key_id = ${all}`
      const ms = row?.ms ?? 0
      return ms > IMPLAUSIBLE_BEYOND_MS ? 0 : ms
    },

    async backOff(holdMs) {
      const before = sql`(select ${share} from (select p.lowered_to, p.lowered_at) as before)`
      const until = sql`clock_timestamp() + make_interval(secs => ${holdMs / 1000})`
      const fresh = sql`p.lowered_at > clock_timestamp() - make_interval(secs => ${HALVE_AT_MOST_EVERY_MS / 1000})`
      await sql`
        insert into sync.pace as p (key_id, next_at, held_until, lowered_to, lowered_at)
        values (${all}, clock_timestamp(), ${until}, 0.5, clock_timestamp())
        on conflict (key_id) do update set
          held_until = greatest(case when p.held_until < ${plausible} then p.held_until end, excluded.held_until),
          lowered_to = case when ${fresh} then p.lowered_to else greatest(${LOWEST_SHARE}::float8, ${before} / 2) end,
          lowered_at = case when ${fresh} then p.lowered_at else clock_timestamp() end`
    },
  }
}

/** Behind the id of the credentials: what holds for each of their rates. */
const OF_ALL = ' all'

const plausibleIn = (sql: Database) => sql`clock_timestamp() + make_interval(secs => ${IMPLAUSIBLE_BEYOND_MS / 1000})`

// clock_timestamp: now() stands still while a statement waits for the row.
const shareIn = (sql: Database) => sql`
  least(1, coalesce(lowered_to + 0.1 * greatest(0, floor(
    extract(epoch from clock_timestamp() - lowered_at)::float8 * 1000 / ${RECOVER_EVERY_MS})), 1))`

/** Of whatever credentials use this database: mostly they are those of one account. */
export async function readRateState(sql: Database): Promise<RateState> {
  const [row] = await sql<RateState[]>`
    select max(held_until) filter (where held_until > clock_timestamp() and held_until < ${plausibleIn(sql)}) as "heldUntil",
      coalesce(min(${shareIn(sql)}), 1)::float8 as share
    from sync.pace where key_id like ${`%${OF_ALL}`}`
  return row!
}
