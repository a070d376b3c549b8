/** The HTTP client of ScopeStack, and what the workers of one pair of credentials share: in Redis where it is configured. */
import pkg from '../../package.json' with { type: 'json' }
import type { Config } from '../config/config.ts'
import { createMeter, type Meter } from '../meter.ts'
import type { TokenEndpoint } from '../remote/auth/grants.ts'
import { createLocalRefreshStore, createLocalTokenStore } from '../remote/auth/local-tokens.ts'
import { createSeal } from '../remote/auth/seal.ts'
import { createHttp } from '../remote/http/http.ts'
import { createLocalRateLimitStore } from '../remote/http/rate-limit-local.ts'
import { metered } from '../remote/http/with-meter.ts'
import { createRedactor, redacting } from '../remote/redact/redact.ts'
import { tracedHttp } from '../remote/traced.ts'
import type { Database } from '../store/connection/database.ts'
import { openRateLimitStore } from '../store/fleet/rate-limit.ts'
import { openRefreshStore } from '../store/fleet/refresh-tokens.ts'
import { openTokenStore } from '../store/fleet/tokens.ts'
import { UNTRACED, type Tracing } from '../tracing.ts'

export const VERSION = pkg.version

export const openRemote = (config: Config, sql: Database, meter = createMeter(), tracing = UNTRACED) =>
  openRemoteWith(config, (keyId) => openShared(config, sql, keyId), meter, tracing)

/** The same without anything shared: for one that only asks, while the database or Redis is away. */
export const openRemoteAlone = (config: Config) =>
  openRemoteWith(
    config,
    async () => ({
      shared: {
        tokens: createLocalTokenStore(),
        rateLimit: createLocalRateLimitStore(),
        refresh: createLocalRefreshStore(),
      },
      close: async (): Promise<void> => {},
    }),
    createMeter(),
    UNTRACED,
  )

async function openRemoteWith(
  config: Config,
  open: (keyId: string) => ReturnType<typeof openShared>,
  meter: Meter,
  tracing: Tracing,
) {
  const http = createHttp({ connections: config.concurrency, proxy: config.proxy })
  const redactor = createRedactor(config)
  const userAgent = `scopestack-sync/${VERSION}`
  // Responses of the token address are not redacted: they are the tokens.
  const endpoint: TokenEndpoint = {
    http: metered(tracedHttp(http, tracing), meter, 'token'),
    credentials: config,
    userAgent,
    redactor,
  }
  const seal = createSeal(config)
  const { shared, close } = await open(seal.keyId)
  return {
    http: redacting(metered(tracedHttp(http, tracing), meter, 'api'), redactor),
    endpoint,
    redactor,
    seal,
    shared,
    close: async (): Promise<void> => {
      await http.close()
      await close()
    },
  }
}

async function openShared({ redisUrl }: Config, sql: Database, keyId: string) {
  const refresh = openRefreshStore(sql, keyId)
  if (redisUrl === undefined) {
    const shared = { tokens: openTokenStore(sql, keyId), rateLimit: openRateLimitStore(sql, keyId), refresh }
    return { shared, close: async (): Promise<void> => {} }
  }
  // Only here: the driver of Redis costs a tenth of a second of CPU.
  const [{ openRedis }, { openRedisTokenStore }, { openRedisRateLimitStore }] = await Promise.all([
    import('../store/redis/redis.ts'),
    import('../store/fleet/tokens-redis.ts'),
    import('../store/fleet/rate-limit-redis.ts'),
  ])
  const redis = openRedis(redisUrl)
  const shared = {
    tokens: openRedisTokenStore(redis, keyId),
    rateLimit: openRedisRateLimitStore(redis, keyId),
    refresh,
  }
  return { shared, close: () => redis.close() }
}
