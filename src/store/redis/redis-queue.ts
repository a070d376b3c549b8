/** The queue's connections to Redis, which survive network failures and switch-overs. */
import { Redis } from 'ioredis'
import { isTransientRedisError, KEEP_ALIVE_MS } from './redis.ts'

/** The first delay before a reconnect; it grows to the longest. */
const RECONNECT_MS = 1_000
const LONGEST_RECONNECT_MS = 3_000
const CONNECT_MS = 5_000
/**
 * A connection without a response for this long is dead, and is replaced. A worker's blocking wait for a job ends within ten
 * seconds; a client that adds a job waits for ten at most.
 */
const WORKER_SILENCE_MS = 15_000
const CALLER_SILENCE_MS = 8_000
/** Values of ioredis' `reconnectOnError`: do nothing, reconnect, or reconnect and resend the command. */
const [NOTHING, RECONNECT, RESEND] = [false, 1, 2] as const

const common = {
  connectTimeout: CONNECT_MS,
  keepAlive: KEEP_ALIVE_MS,
  retryStrategy: (times: number) => Math.min(LONGEST_RECONNECT_MS, RECONNECT_MS * times),
}

/**
 * Options for BullMQ's workers. A worker waits for its server without a limit and resends commands after transient errors:
 * otherwise a job that is done and could not be recorded would count as failed.
 */
export const workerConnection = (url: string) => ({
  ...common,
  url,
  maxRetriesPerRequest: null,
  socketTimeout: WORKER_SILENCE_MS,
  reconnectOnError: (error: Error) => (isTransientRedisError(error) ? RESEND : NOTHING),
})

/** One connection for adding jobs and reading their state. When the server is away, a command fails with an error. */
export interface QueueClient {
  /** For BullMQ. */
  readonly connection: unknown
  /** After a transient error the server may not be the primary any more: reconnects. */
  refused(error: unknown): void
  /** @throws when the server does not accept writes: a replica serves reads, too. */
  write(key: string): Promise<void>
  close(): void
}

export function openQueueClient(url: string, onError: (error: Error) => void): QueueClient {
  const redis = new Redis(url, {
    ...common,
    maxRetriesPerRequest: 1,
    socketTimeout: CALLER_SILENCE_MS,
    reconnectOnError: (error) => (isTransientRedisError(error) ? RECONNECT : NOTHING),
  })
  redis.on('error', onError)
  return {
    connection: redis,
    refused(error) {
      // ioredis does not see an error within the response of a transaction.
      if (isTransientRedisError(error) && redis.status === 'ready') redis.disconnect(true)
    },
    async write(key) {
      await redis.set(key, '1', 'EX', 60)
    },
    close() {
      redis.disconnect()
    },
  }
}
