/** The token in Postgres: see `token-store.ts` for the protocol. One row a pair of credentials; times are the database's. */
import { randomUUID } from 'node:crypto'
import type { TokenStore } from '../../token-store.ts'
import type { Database } from '../connection/database.ts'

interface TokenRow {
  readonly now: number
  readonly generation: number
  readonly sealed: string | null
  readonly issued_at: Date | null
  readonly expires_at: Date | null
  readonly cool_down_until: Date | null
  readonly cool_down_reason: string | null
  readonly cool_down_refused: boolean
}

/** @param keyId the row: one for each pair of credentials. */
export function openTokenStore(sql: Database, keyId: string): TokenStore {
  return {
    async read() {
      const [row] = await sql<[TokenRow]>`
        select (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
          coalesce(generation, 0)::float8 as generation, sealed, issued_at, expires_at,
          cool_down_until, cool_down_reason, cool_down_refused
        from (select) as always left join sync.tokens on key_id = ${keyId}`
      return {
        now: row.now,
        generation: row.generation,
        sealed: row.sealed,
        issuedAt: row.issued_at?.getTime() ?? 0,
        expiresAt: row.expires_at?.getTime() ?? 0,
        coolDown: row.cool_down_until
          ? {
              until: row.cool_down_until.getTime(),
              reason: row.cool_down_reason ?? '',
              refused: row.cool_down_refused,
            }
          : null,
      }
    },

    async claim(leaseMs, generation, claim = randomUUID()) {
      const { count } = await sql`
        insert into sync.tokens as t (key_id, claim, claim_until)
        values (${keyId}, ${claim}, now() + make_interval(secs => ${leaseMs / 1000}))
        on conflict (key_id) do update set claim = excluded.claim, claim_until = excluded.claim_until
        where t.generation = ${generation}
          -- A claim that ends later than any claim can comes from a clock that was set back since.
          and (t.claim is null or t.claim = ${claim} or t.claim_until < now() or t.claim_until > now() + make_interval(secs => ${(2 * leaseMs) / 1000}))`
      return count === 1 ? claim : null
    },

    async publish(claim, { sealed, issuedAt, expiresAt, aboveGeneration }) {
      const [row] = await sql<{ generation: number }[]>`
        update sync.tokens set
          generation = greatest(generation, ${aboveGeneration}) + 1, sealed = ${sealed}, issued_at = ${new Date(issuedAt)},
          expires_at = ${new Date(expiresAt)}, claim = null, claim_until = null, cool_down_until = null
        where key_id = ${keyId} and claim = ${claim}
        returning generation::float8 as generation`
      return row?.generation ?? null
    },

    async fail(claim, { until, reason, refused }) {
      await sql`
        update sync.tokens set
          claim = null, claim_until = null, cool_down_until = ${new Date(until)}, cool_down_reason = ${reason},
          cool_down_refused = ${refused}
        where key_id = ${keyId} and claim = ${claim}`
    },

    async reject(generation) {
      await sql`update sync.tokens set sealed = null where key_id = ${keyId} and generation = ${generation}`
    },
  }
}
