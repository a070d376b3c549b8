/** A client of ScopeStack that only asks: it takes no lease, and binds the database to nothing. */
import type { Config } from '../config/config.ts'
import { type Account, fetchAccount } from '../remote/account.ts'
import { createTokenSource } from '../remote/auth/token-request.ts'
import { createTokens } from '../remote/auth/tokens.ts'
import { createClient, type Client } from '../remote/client.ts'
import type { Http } from '../remote/http/http.ts'
import { createRateLimit } from '../remote/http/rate-limit.ts'
import { createRemoteClock, type RemoteClock } from '../remote/http/with-clock.ts'
import type { Database } from '../store/connection/database.ts'
import type { Token, TokenStore } from '../token-store.ts'
import { openRemote, openRemoteAlone } from './remote.ts'

export interface Probe {
  readonly client: Client
  /** Token and rate limit are those of the fleet. */
  readonly shared: boolean
  token(signal: AbortSignal): Promise<Token>
  account(signal: AbortSignal): Promise<Account>
  /** ScopeStack's clock by any of its responses, those to token requests as well; null before the first. */
  time(): number | null
  close(): Promise<void>
}

/** A person waits for the result. */
const PATIENCE = { attempts: 2, baseMs: 250, capMs: 1_000 }

/** Few at once, since workers use the same rate limit. */
const AT_ONCE = 2

/** Without the fleet's queue this leaves room for its workers. */
const RATE_ALONE = 1

export interface Fleet {
  /** Holds what its processes share; null where that cannot be used. */
  readonly sql: Database | null
  /** There may be other processes. */
  readonly others: boolean
}

export async function openProbe(config: Config, { sql, others }: Fleet): Promise<Probe> {
  const remote = sql === null ? await openRemoteAlone(config) : await openRemote(config, sql)
  const { endpoint, seal, shared } = remote
  const clock = createRemoteClock()
  const http = noting(remote.http, clock)
  const request = createTokenSource({
    endpoint: { ...endpoint, http: noting(endpoint.http, clock) },
    refresh: shared.refresh,
    seal,
  })
  const tokens = createTokens({ store: withoutCoolDown(shared.tokens), seal, policy: PATIENCE, request })
  const rate = sql === null && others && config.rate > 0 ? Math.min(RATE_ALONE, config.rate) : config.rate
  const concurrency = Math.min(AT_ONCE, config.concurrency)
  const rateLimit = createRateLimit({ rate, shared: shared.rateLimit })
  const { apiUrl } = config
  const { userAgent } = endpoint
  const client = createClient({ http, tokens, concurrency, rateLimit, policy: PATIENCE, apiUrl, userAgent })
  return {
    client,
    shared: sql !== null,
    token: (signal) => tokens.get(signal),
    account: (signal) => fetchAccount(client, signal),
    time: () => clock.now(),
    close: () => remote.close(),
  }
}

/** A token that this process could not obtain, from wherever it runs, must not hold up the fleet. */
const withoutCoolDown = (store: TokenStore): TokenStore => ({
  ...store,
  fail: (claim, coolDown) => store.fail(claim, { ...coolDown, until: 0 }),
})

const noting = (http: Http, clock: RemoteClock): Http => ({
  async send(request, signal) {
    const response = await http.send(request, signal)
    clock.note(response)
    return response
  },
  close: () => http.close(),
})
