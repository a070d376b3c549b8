/** The connection to Redis, and the classes of its errors. */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisRejected, redisUnreachable, redisUnwritable } from '../../errors/redis.ts'
import { SyncError } from '../../errors/sync-error.ts'

export interface RedisStore {
  /** Runs a Lua script, by its digest once the server has it. @throws SyncError */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}

export interface Script {
  readonly text: string
  readonly digest: string
}

/** Every change of state is one script, and so atomic. */
export const defineScript = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') })

/** A waiting caller delays a page; a command without a response is retried with the page's own backoff. */
const CONNECT_MS = 5_000
const COMMAND_MS = 5_000

/**
 * Ten seconds without traffic until the first keep-alive probe; then ten probes, a second apart (libuv). They find a dead peer of
 * an idle connection. `socketTimeout` finds it when a command has no response, and ends the connection; `commandTimeout`
 * alone would go on sending to a dead peer.
 */
export const KEEP_ALIVE_MS = 10_000

/**
 * Errors of a server that changes its role or is busy for a while: a primary that became a replica (READONLY; UNBLOCKED for a
 * blocked client), a replica that lost its primary or loads its data, a script that runs too long, too few replicas. The
 * address may lead to another server by now, so the connection is replaced. Before version 7 the error of a script stands in
 * the middle of the message.
 */
export const isTransientRedisError = (error: unknown): boolean =>
  /(?:^|\W)(?:READONLY|UNBLOCKED|MASTERDOWN|LOADING|BUSY|NOREPLICAS|TRYAGAIN|CLUSTERDOWN) /.test(messageOf(error))

/** @param url `redis://…`; connects at the first command, and again after each loss. */
export function openRedis(url: string): RedisStore {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    socketTimeout: COMMAND_MS,
    keepAlive: KEEP_ALIVE_MS,
    reconnectOnError: (error) => isTransientRedisError(error),
    maxRetriesPerRequest: 1,
    // A command that may have been executed must not be resent by the driver.
    autoResendUnfulfilledCommands: false,
    connectionName: 'scopestack-sync',
    retryStrategy: (times) => Math.min(2_000, 50 * 2 ** times),
  })
  /** More specific than the "max retries" error of the command. */
  let lastFault: unknown
  redis.on('error', (error: unknown) => (lastFault = error))
  redis.on('ready', () => (lastFault = undefined))

  return {
    async run({ text, digest }, keys, args) {
      try {
        return await redis.evalsha(digest, keys.length, ...keys, ...args).catch((error: unknown) => {
          if (!messageOf(error).startsWith('NOSCRIPT')) throw error
          return redis.eval(text, keys.length, ...keys, ...args)
        })
      } catch (error) {
        throw explainRedis(error, lastFault, url)
      }
    },
    async close() {
      redis.disconnect()
    },
  }
}

/** `host:port/0`, the part of the URL without secrets. */
export function redisAddress(url: string): string {
  if (!URL.canParse(url)) return 'REDIS_URL'
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|OOM|ERR invalid password|ERR DB index)/

export function explainRedis(error: unknown, lastFault: unknown, url: string): SyncError {
  if (error instanceof SyncError) return error
  const where = redisAddress(url)
  const cause = [error, lastFault].find((fault) => REFUSED.test(messageOf(fault)))
  if (cause !== undefined) return redisRejected({ where }, cause)
  const passing = [error, lastFault].find((fault) => isTransientRedisError(fault))
  if (passing !== undefined) return redisUnwritable({ where }, passing)
  const given = /max retries per request|Connection is closed/i.test(messageOf(error))
  return redisUnreachable({ where }, given ? (lastFault ?? error) : error)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
