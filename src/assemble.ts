/** Puts the parts together for whoever moves data: the one place that knows both the remote and the store. */
import { hostname } from 'node:os'
import pkg from '../package.json' with { type: 'json' }
import { catalog } from './catalog/registry.ts'
import type { Config } from './config/config.ts'
import { stopped } from './errors/commands.ts'
import { embeddedFailed, embeddedGone, statementRejected } from './errors/database.ts'
import { hasCode, reason, type SyncError } from './errors/sync-error.ts'
import { type Account, fetchAccount } from './remote/account.ts'
import type { TokenEndpoint } from './remote/auth/grants.ts'
import { createSeal } from './remote/auth/seal.ts'
import { createTokenSource, redeemCode } from './remote/auth/token-request.ts'
import { createTokens, installToken } from './remote/auth/tokens.ts'
import { createClient, type Client } from './remote/client.ts'
import { createHttp } from './remote/http/http.ts'
import { createRateLimiter } from './remote/http/rate-limit.ts'
import { RETRY, type RetryPolicy } from './remote/http/retry.ts'
import { createRedactor, redacting } from './remote/redact/redact.ts'
import { explainDatabase, openDatabase, type Database } from './store/connection/database.ts'
import { lastFatalMessage } from './store/embedded/cluster.ts'
import { startEmbeddedPostgres } from './store/embedded/embedded.ts'
import { bindAccount } from './store/fleet/account.ts'
import { openLeases } from './store/fleet/leases.ts'
import { openPresence, type Presence } from './store/fleet/presence.ts'
import { openRedisRateLimitStore } from './store/fleet/rate-limit-redis.ts'
import { openRateLimitStore } from './store/fleet/rate-limit.ts'
import { openRefreshStore } from './store/fleet/refresh-tokens.ts'
import { openRedisTokenStore } from './store/fleet/tokens-redis.ts'
import { openTokenStore } from './store/fleet/tokens.ts'
import { isRejectedByDatabase } from './store/mirror/refusals.ts'
import { openOutbox } from './store/outbox/claim.ts'
import { openRedis } from './store/redis/redis.ts'
import { describeCheck } from './store/schema/capture-state.ts'
import { migrate } from './store/schema/migrate.ts'
import { checkSurroundingsIfReachable } from './store/server/surroundings.ts'
import { type PushDeps } from './sync/push/attempt.ts'
import { readRules } from './sync/push/conflict-rules.ts'
import { rebaseOntoResponse } from './sync/push/rebase.ts'
import { connectionsNeeded, poolSize } from './sync/run/connections.ts'
import type { PullDeps } from './sync/run/resource-run.ts'

export const VERSION = pkg.version
type OfStore = Pick<Config, 'databaseUrl' | 'concurrency'>
/** Where the embedded Postgres keeps its data, below the current directory. */
const EMBEDDED_FOLDER = '.scopestack-sync'

export interface Store {
  readonly url: string
  readonly sql: Database
  /** The folder of the embedded Postgres; undefined when DATABASE_URL names a server. */
  readonly embedded: string | undefined
  close(): Promise<void>
}

/**
 * Opens the database of the configuration, or an embedded one. A server that is away is met by whoever asks it first.
 *
 * @throws SyncError SYNC_POOLED; SYNC_CONNECTIONS where data are to be moved.
 */
export async function openStore(config: OfStore, signal: AbortSignal, { moves = false } = {}): Promise<Store> {
  const { databaseUrl, concurrency } = config
  const embedded =
    databaseUrl === undefined
      ? await startEmbeddedPostgres({ folder: EMBEDDED_FOLDER, signal }).catch((error: unknown) => {
          throw signal.aborted ? stopped() : embeddedFailed(error)
        })
      : undefined
  const url = databaseUrl ?? embedded!.url
  if (embedded === undefined) await checkSurroundingsIfReachable(url, moves ? connectionsNeeded(concurrency) : 0)
  const sql = openDatabase(url, { connections: poolSize(concurrency) })
  return {
    url,
    sql,
    embedded: embedded?.folder,
    async close() {
      await sql.end({ timeout: 5 })
      await embedded?.stop()
    },
  }
}

/** The database's failures in our words. An embedded server that went away is nobody's to check but ours: it says why. */
export async function explainStoreError(error: unknown, { url, embedded }: Store): Promise<unknown> {
  const known = explainDatabase(error, url)
  const explained = isRejectedByDatabase(known) ? statementRejected({ said: reason(known) }, known) : known
  const gone = hasCode(explained, 'SYNC_DATABASE_UNREACHABLE')
  return gone && embedded !== undefined
    ? embeddedGone({ folder: embedded, said: await lastFatalMessage(embedded) }, error)
    : explained
}

export interface Worker extends PullDeps {
  readonly account: Account
  readonly client: Client
  readonly presence: Presence
  /** How often, and in what pauses, a request that failed is tried again. */
  readonly policy: RetryPolicy
  /** What is to be said of triggers that did not notice local edits; null: nothing. */
  readonly lostEdits: string | null
  close(): Promise<void>
}

/**
 * Migrates, authenticates, and holds the database to its account.
 *
 * @throws SyncError before anything is written when the credentials, the account or the database are wrong.
 */
export async function openWorker(
  config: Config,
  store: Store,
  signal: AbortSignal,
  onRetry: (error: SyncError) => void,
  policy: RetryPolicy = RETRY,
): Promise<Worker> {
  const lostEdits = describeCheck(await migrate(store.url, { signal, onWait: onRetry }))
  const { http, endpoint, seal, shared, close } = openRemote(config, store.sql)
  const { userAgent } = endpoint
  const { rate, concurrency, apiUrl } = config
  const request = createTokenSource({ endpoint, refresh: shared.refresh, seal })
  const tokens = createTokens({ store: shared.tokens, seal, policy, request })
  const rateLimiter = createRateLimiter({ rate, concurrency, shared: shared.pace, onNotice: onRetry })
  const client = createClient({ http, tokens, rateLimiter, policy, apiUrl, userAgent, onRetry })
  const holder = `${hostname()}, process ${process.pid}`
  try {
    const account = await fetchAccount(client, signal)
    await bindAccount(store.sql, account)
    const presence = openPresence(store.sql)
    const leases = await openLeases(store.sql, holder, presence)
    return {
      sql: store.sql,
      client,
      account,
      slug: account.slug,
      catalog,
      leases,
      presence,
      holder,
      version: VERSION,
      pageSize: config.pageSize,
      concurrency: config.concurrency,
      deleteLimit: config.deleteLimit,
      recheckDays: config.recheckDays,
      policy,
      lostEdits,
      async close() {
        await leases.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

export interface Pusher extends PushDeps {
  close(): Promise<void>
}

/**
 * What sends local edits, beside the worker whose account and client it uses.
 *
 * @throws SyncError SYNC_CONFIG
 */
export function openPusher(worker: Worker, { conflict }: Pick<Config, 'conflict'>): Pusher {
  const rules = readRules(conflict, worker.catalog)
  const outbox = openOutbox(worker.sql, worker.holder, worker.presence)
  const { sql, client, slug, account, catalog: resources, pageSize, concurrency, policy } = worker
  return {
    sql,
    client,
    slug,
    accountId: account.id,
    catalog: resources,
    pageSize,
    concurrency,
    policy,
    outbox,
    rules,
    rebase: rebaseOntoResponse,
    close: () => outbox.close(),
  }
}

export interface SignIn {
  /** Takes our secrets out of a text that came from outside. */
  readonly redact: (text: string) => string
  /**
   * Keeps the session that a code from the browser opens, and its first token.
   *
   * @throws SyncError before anything is kept when the code, the user or the account is wrong.
   */
  redeem(given: Parameters<typeof redeemCode>[1], signal: AbortSignal): Promise<Account>
  close(): Promise<void>
}

export async function openSignIn(config: Config, store: Store): Promise<SignIn> {
  await migrate(store.url)
  const { http, endpoint, redactor, seal, shared, close } = openRemote(config, store.sql)
  return {
    redact: redactor.text,
    async redeem(given, signal) {
      const issued = await redeemCode(endpoint, given, signal)
      const token = { accessToken: issued.accessToken, generation: 0, issuedAt: 0, expiresAt: Infinity }
      const client = createClient({
        http,
        tokens: { get: async () => token, reject: async () => {} },
        rateLimiter: createRateLimiter({ rate: 0, concurrency: 1 }),
        policy: RETRY,
        apiUrl: config.apiUrl,
        userAgent: endpoint.userAgent,
      })
      const account = await fetchAccount(client, signal)
      await bindAccount(store.sql, account)
      await shared.refresh.begin(seal.seal(issued.refreshToken))
      await installToken({ store: shared.tokens, seal }, issued, signal)
      return account
    },
    close,
  }
}

/** The way to ScopeStack, and what the workers of one pair of credentials share: in Redis where there is one. */
function openRemote(config: Config, sql: Database) {
  const http = createHttp({ connections: config.concurrency, proxy: config.proxy })
  const redactor = createRedactor(config)
  const userAgent = `scopestack-sync/${VERSION}`
  // The token address alone is read as it answers: its answers are tokens.
  const endpoint: TokenEndpoint = { http, credentials: config, userAgent, redactor }
  const seal = createSeal(config)
  const redis = config.redisUrl === undefined ? undefined : openRedis(config.redisUrl)
  return {
    http: redacting(http, redactor),
    endpoint,
    redactor,
    seal,
    shared: {
      tokens: redis === undefined ? openTokenStore(sql, seal.keyId) : openRedisTokenStore(redis, seal.keyId),
      pace: redis === undefined ? openRateLimitStore(sql, seal.keyId) : openRedisRateLimitStore(redis, seal.keyId),
      refresh: openRefreshStore(sql, seal.keyId),
    },
    close: async (): Promise<void> => {
      await http.close()
      await redis?.close()
    },
  }
}
