/** What tests know of the tables that processes share: sync.leases, tokens, refresh_tokens and account, and the rate limit (`sync.pace`). */
import { readerOf, type Sql } from './table-reader.ts'

export interface HeldLease {
  readonly resource: string
  readonly term: number
  readonly isHeld: boolean
  readonly whole: Readonly<Record<string, unknown>>
}

export const readLeases = readerOf<HeldLease>(
  'sync.leases',
  { resource: 'resource', term: 'term::int', isHeld: 'expires_at > now()', whole: 'to_jsonb(leases)' },
  'resource',
)

/** Another process has taken the lease of this resource meanwhile. */
export const takeLease = (sql: Sql, resource: string): Promise<unknown> => sql`
  update sync.leases set term = term + 1 where resource = ${resource}`

export const setTerm = (sql: Sql, term: number): Promise<unknown> => sql`update sync.leases set term = ${term}`

export const insertLease = (sql: Sql, resource: string, term: number, expires: string): Promise<unknown> => sql`
  insert into sync.leases (resource, term, holder, expires_at) values (${resource}, ${term}, 'another', ${expires}::text::timestamptz)`

/** The time of every lease is over: its holder may still renew it, until another process takes it. */
export const expireLeases = (sql: Sql): Promise<unknown> => sql`
  update sync.leases set expires_at = now() - interval '1 second'`

/** Every lease was given back. */
export const releaseLeases = (sql: Sql): Promise<unknown> => sql`update sync.leases set expires_at = '-infinity'`

/** Leases end by the end of their holder's session alone. */
export const keepLeases = (sql: Sql): Promise<unknown> => sql`update sync.leases set expires_at = 'infinity'`

/** Leases end a minute from now, or with their holder's session. */
export const keepLeasesForAMinute = (sql: Sql): Promise<unknown> => sql`
  update sync.leases set expires_at = now() + interval '1 minute'`

/** No session shows whether the holder lives, and the time does not end. */
export const holdLeasesWithoutSession = (sql: Sql): Promise<unknown> => sql`
  update sync.leases set expires_at = 'infinity', backend_pid = null`

/** Their pids belong to other sessions now, which began later. */
export const reusePids = (sql: Sql): Promise<unknown> => sql`
  update sync.leases set backend_start = backend_start - interval '1 second'`

export const killLeaseholders = (sql: Sql): Promise<unknown> => sql`
  select pg_terminate_backend(backend_pid) from sync.leases`

export const lockLeases = (sql: Sql): Promise<unknown> => sql`select from sync.leases for update`

/** The worker that pushes is gone, or its time is over. */
export const expirePush = (sql: Sql): Promise<unknown> => sql`
  update sync.leases set expires_at = '-infinity' where resource = 'push'`

/** Another process pushes. */
export const holdPush = (sql: Sql): Promise<unknown> => sql`
  insert into sync.leases as l (resource, term, holder, expires_at)
  values ('push', 1, 'the other process', now() + interval '10 minutes')
  on conflict (resource) do update set term = l.term + 1, holder = excluded.holder, backend_pid = null,
    expires_at = excluded.expires_at`

export interface SharedToken {
  /** Unreadable without the client secret; null where there is none. */
  readonly sealed: string | null
  /** Seconds until a token may be requested after a failure; null where none failed. */
  readonly coolDown: number | null
  /** All of the row, as text. */
  readonly text: string
}

export const readTokens = readerOf<SharedToken>(
  'sync.tokens',
  { sealed: 'sealed', coolDown: 'extract(epoch from cool_down_until - now())::float8', text: 'tokens::text' },
  'key_id',
)

export const deleteTokens = (sql: Sql): Promise<unknown> => sql`delete from sync.tokens`

/** The time of a claim is over. */
export const expireClaims = (sql: Sql): Promise<unknown> => sql`
  update sync.tokens set claim_until = '-infinity' where claim is not null`

export const sealTokensAs = (sql: Sql, sealed: string): Promise<unknown> =>
  sql`update sync.tokens set sealed = ${sealed}`

export const endCoolDown = (sql: Sql): Promise<unknown> => sql`update sync.tokens set cool_down_until = null`

export const readRefreshTokens = readerOf<{ readonly sealed: string | null }>(
  'sync.refresh_tokens',
  { sealed: 'sealed' },
  'key_id',
)

/** The account that the database is bound to. */
export const readBoundAccount = readerOf<{ readonly accountId: string; readonly accountSlug: string }>(
  'sync.account',
  { accountId: 'account_id', accountSlug: 'account_slug' },
  'account_id',
)

export const bindAccount = (sql: Sql, accountId: string, slug: string): Promise<unknown> => sql`
  update sync.account set account_id = ${accountId}, account_slug = ${slug}`

/** As if every time of the rate limit were so much earlier. */
export const ageRateLimit = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.pace set next_at = next_at - ${by}::interval, held_until = held_until - ${by}::interval,
    lowered_at = lowered_at - ${by}::interval`
