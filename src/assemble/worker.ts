/** Puts the parts together that move data, to the mirror and back. */
import { hostname } from 'node:os'
import { catalog } from '../catalog/registry.ts'
import type { Config } from '../config/config.ts'
import { errorCodeOf, type SyncError } from '../errors/sync-error.ts'
import { createMeter, type Meter } from '../meter.ts'
import { type Account, fetchAccount } from '../remote/account.ts'
import { createTokenSource } from '../remote/auth/token-request.ts'
import { createTokens } from '../remote/auth/tokens.ts'
import { createClient, type Client } from '../remote/client.ts'
import { createRateLimit } from '../remote/http/rate-limit.ts'
import { RETRY, type RetryPolicy } from '../remote/http/retry.ts'
import { meteredRateLimit } from '../remote/http/with-meter.ts'
import { noted } from '../remote/http/with-request-log.ts'
import { tracedClient } from '../remote/traced.ts'
import { createRequestLog, type RequestLog } from '../request-log.ts'
import { bindAccount } from '../store/fleet/account.ts'
import { openLeases } from '../store/fleet/leases.ts'
import { openPresence, type Presence } from '../store/fleet/presence.ts'
import { describeCheck } from '../store/schema/capture-state.ts'
import { historyTables } from '../store/schema/history.ts'
import { migrate } from '../store/schema/migrate.ts'
import { type PushDeps } from '../sync/push/attempt.ts'
import { readRules } from '../sync/push/conflict-rules.ts'
import type { PullDeps } from '../sync/run/resource-run.ts'
import type { StoredToken } from '../token-store.ts'
import { UNTRACED, type Tracing } from '../tracing.ts'
import { openRemote, VERSION } from './remote.ts'
import type { Store } from './store.ts'

export interface Worker extends PullDeps {
  readonly account: Account
  readonly client: Client
  readonly presence: Presence
  /** How often, and after which delays, a failed request is retried. */
  readonly policy: RetryPolicy
  /** A sentence about triggers that missed local edits; null when none did. */
  readonly lostEdits: string | null
  /** The fleet's token as it is stored. */
  readonly readToken: () => Promise<StoredToken>
  close(): Promise<void>
}

type TokenSource = ReturnType<typeof createTokenSource>

/**
 * Migrates, authenticates, and checks that the database belongs to this account.
 *
 * @throws SyncError before anything is written when the credentials, the account or the database are wrong.
 */
export async function openWorker(
  config: Config,
  store: Store,
  signal: AbortSignal,
  onRetry: (error: SyncError) => void,
  policy: RetryPolicy = RETRY,
  observers: Observers = {},
): Promise<Worker> {
  const lostEdits = describeCheck(
    await migrate(store.url, { signal, onWait: onRetry, history: historyTables(config.history, catalog.values()) }),
  )
  return await openMigratedWorker(config, store, { signal, onRetry, policy, lostEdits }, observers)
}

/** A worker, open for as long as `act` takes. @throws SyncError as `openWorker`. */
export async function withWorker<T>(
  config: Config,
  store: Store,
  { signal, onRetry }: Pick<Opening, 'signal' | 'onRetry'>,
  act: (worker: Worker) => Promise<T>,
): Promise<T> {
  const worker = await openWorker(config, store, signal, onRetry)
  try {
    return await act(worker)
  } finally {
    await worker.close()
  }
}

interface Opening {
  readonly signal: AbortSignal
  readonly onRetry: (error: SyncError) => void
  readonly policy: RetryPolicy
  readonly lostEdits: string | null
}

interface Observers {
  readonly meter?: Meter
  readonly tracing?: Tracing
  readonly requests?: RequestLog
  /** The session of the process, where it has one already. */
  readonly presence?: Presence
}

/** The same on a database that is known to be of this version's schema. */
export async function openMigratedWorker(
  config: Config,
  store: Store,
  { signal, onRetry, policy, lostEdits }: Opening,
  {
    meter = createMeter(),
    tracing = UNTRACED,
    requests = createRequestLog(),
    presence = openPresence(store.sql),
  }: Observers = {},
): Promise<Worker> {
  const { http, endpoint, seal, shared, close } = await openRemote(config, store.sql, meter, tracing)
  const { userAgent } = endpoint
  const { rate, concurrency, apiUrl } = config
  const request = countingTokens(createTokenSource({ endpoint, refresh: shared.refresh, seal }), meter)
  const tokens = createTokens({ store: shared.tokens, seal, policy, request })
  const rateLimit = meteredRateLimit(createRateLimit({ rate, shared: shared.rateLimit, onNotice: onRetry }), meter)
  const counted = (error: SyncError): void => {
    meter.add('retries', { code: error.code })
    onRetry(error)
  }
  const onInFlightLimit = gaugeOf(meter)
  const sending = { http: noted(http, requests), tokens, rateLimit, onRetry: counted }
  const client = tracedClient(
    createClient({ ...sending, concurrency, policy, apiUrl, userAgent, onInFlightLimit }),
    tracing,
  )
  const holder = `${hostname()}, process ${process.pid}`
  try {
    const account = await fetchAccount(client, signal)
    await bindAccount(store.sql, account)
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
      newFields: config.newFields,
      policy,
      lostEdits,
      readToken: () => shared.tokens.read(),
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

/** A meter adds: from the limit before to this one. */
function gaugeOf(meter: Meter): (limit: number) => void {
  let found = 0
  return (limit) => {
    meter.add('inFlightLimit', {}, limit - found)
    found = limit
  }
}

const countingTokens =
  (request: TokenSource, meter: Meter): TokenSource =>
  async (signal) => {
    try {
      const issued = await request(signal)
      meter.add('tokens', { outcome: 'ok' })
      return issued
    } catch (error) {
      meter.add('tokens', { outcome: errorCodeOf(error) ?? 'other' })
      throw error
    }
  }

/**
 * Sends local edits, with the account, the client and the leases of the worker.
 *
 * @throws SyncError SYNC_CONFIG
 */
export function openPusher(worker: Worker, { conflict }: Pick<Config, 'conflict'>): PushDeps {
  const rules = readRules(conflict, worker.catalog)
  const { sql, client, slug, account, catalog: resources, leases, pageSize, concurrency, policy } = worker
  return { sql, client, slug, accountId: account.id, catalog: resources, leases, pageSize, concurrency, policy, rules }
}
