/** The connection to Redis, and what its failures mean. */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisRejected, redisUnreachable, redisUnwritable } from '../../errors/redis.ts'
import { SyncError } from '../../errors/sync-error.ts'

export interface RedisStore {
  /** Runs a Lua script, by its digest once the server knows it. @throws SyncError in our words. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}

export interface Script {
  readonly text: string
  readonly digest: string
}

/** Every value changes by one script, so that two workers never see or make a half of it. */
export const defineScript = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') })

/** A caller that waits holds up a page; what is not answered by then is tried again with the page's own backoff. */
const CONNECT_MS = 5_000
const COMMAND_MS = 5_000

/**
 * Ten seconds of silence until the first probe; ten probes, a second apart, come then (libuv). They find a peer that is gone
 * while nothing is asked of it; what was asked and is not answered is found by `socketTimeout`, which ends the connection.
 * `commandTimeout` alone would go on asking a peer that is not there.
 */
export const KEEP_ALIVE_MS = 10_000

/**
 * What a server says that is on its way to another role, or back to its work: a primary that was made a replica (READONLY;
 * UNBLOCKED to who waits at it), a replica that lost its primary or loads its data, a script that runs too long, too few
 * replicas. Its address may lead to another server by now, so the connection is made anew. Before version 7 a script's
 * error stands in the middle.
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
    // A command that may have been carried out is not sent again behind our back.
    autoResendUnfulfilledCommands: false,
    connectionName: 'scopestack-sync',
    retryStrategy: (times) => Math.min(2_000, 50 * 2 ** times),
  })
  /** Says more than the "max retries" that the command then fails with. */
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

/** `host:port/0`, the part of an address that may be shown. */
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
