/** The pace in Postgres: a queue kept as the time of its end, by the clock of the database; see `pace-redis.ts`. */
import {
  HALVE_AT_MOST_EVERY_MS,
  LOWEST_SHARE,
  RECOVER_EVERY_MS,
  VOID_BEYOND_MS,
  type PaceStore,
} from '../pace-store.ts'
import type { Database } from './database.ts'

export function openPaceStore(sql: Database, keyId: string): PaceStore {
  // clock_timestamp, since now() stands still while a statement waits for the row.
  const allowed = (rate: number) => sql`
    least(${rate}::float8, coalesce(p.lowered_to + ${rate}::float8 / 10
      * greatest(0, floor(extract(epoch from clock_timestamp() - p.lowered_at)::float8 * 1000 / ${RECOVER_EVERY_MS})),
      ${rate}::float8))`

  return {
    async reserve(rate) {
      const believable = sql`clock_timestamp() + make_interval(secs => ${VOID_BEYOND_MS / 1000 + 1000 / rate}::float8)`
      const [place] = await sql<{ waitMs: number; taken: number }[]>`
        with place as (
          insert into sync.pace as p (key_id, next_at, taken)
          values (${keyId}, clock_timestamp() + make_interval(secs => 1 / ${rate}::float8), 1)
          on conflict (key_id) do update set
            next_at = greatest(case when p.next_at < ${believable} then p.next_at end, clock_timestamp()) + make_interval(secs => 1 / ${allowed(rate)}),
            taken = p.taken + 1
          returning next_at - make_interval(secs => 1 / ${allowed(rate)}) as at, taken)
        select greatest(0, extract(epoch from at - clock_timestamp())::float8 * 1000) as "waitMs", taken::float8 as taken
        from place`
      return place!
    },

    async held() {
      const [row] = await sql<{ ms: number | null }[]>`
        select extract(epoch from held_until - clock_timestamp())::float8 * 1000 as ms from sync.pace where key_id = ${keyId}`
      const ms = row?.ms ?? 0
      return ms > VOID_BEYOND_MS ? 0 : ms
    },

    async slowDown(rate, holdMs) {
      const believable = sql`clock_timestamp() + make_interval(secs => ${VOID_BEYOND_MS / 1000})`
      const until = sql`clock_timestamp() + make_interval(secs => ${holdMs / 1000})`
      const fresh = sql`p.lowered_at > clock_timestamp() - make_interval(secs => ${HALVE_AT_MOST_EVERY_MS / 1000})`
      await sql`
        insert into sync.pace as p (key_id, next_at, held_until, lowered_to, lowered_at)
        values (${keyId}, ${until}, ${until}, ${Math.max(rate * LOWEST_SHARE, rate / 2)}, clock_timestamp())
        on conflict (key_id) do update set
          next_at = greatest(p.next_at, excluded.next_at),
          held_until = greatest(case when p.held_until < ${believable} then p.held_until end, excluded.held_until),
          lowered_to = case when ${fresh} then p.lowered_to else greatest(${rate * LOWEST_SHARE}, ${allowed(rate)} / 2) end,
          lowered_at = case when ${fresh} then p.lowered_at else clock_timestamp() end`
    },
  }
}
