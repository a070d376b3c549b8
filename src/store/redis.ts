/** The connection to Redis, and what its failures mean. */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisRefused, redisUnreachable } from '../errors/fleet.ts'
import { SyncError } from '../sync-error.ts'

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
export const script = (text: string): Script => ({ text, digest: createHash('sha1').update(text).digest('hex') })

/** A caller that waits holds up a page; what is not answered by then is tried again with the page's own backoff. */
const CONNECT_MS = 5_000
const COMMAND_MS = 5_000

/** @param url `redis://…`; connects at the first command, and again after each loss. */
export function openRedis(url: string): RedisStore {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
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

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|READONLY|OOM|ERR invalid password|ERR DB index)/

export function explainRedis(error: unknown, lastFault: unknown, url: string): SyncError {
  if (error instanceof SyncError) return error
  const where = redisAddress(url)
  const cause = [error, lastFault].find((fault) => REFUSED.test(messageOf(fault)))
  if (cause !== undefined) return redisRefused({ where }, cause)
  const given = /max retries per request|Connection is closed/i.test(messageOf(error))
  return redisUnreachable({ where }, given ? (lastFault ?? error) : error)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
