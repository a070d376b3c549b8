/** How the queue is connected to Redis, so that it goes on after whatever a network or a switch-over does. */
import { Redis } from 'ioredis'
import { isTransientRedisError, KEEP_ALIVE_MS } from './redis.ts'

/** A server that is away is asked again after this, and then less often. */
const RECONNECT_MS = 1_000
const LONGEST_RECONNECT_MS = 3_000
const CONNECT_MS = 5_000
/**
 * A connection that was asked something and hears nothing for so long is dead, and another is made. A worker's question for
 * a job is answered within ten seconds; whoever adds one waits for ten at most.
 */
const WORKER_SILENCE_MS = 15_000
const CALLER_SILENCE_MS = 8_000
/** Of what ioredis may do about an error: nothing, connect anew, or connect anew and ask the same again. */
const [NOTHING, RECONNECT, ASK_AGAIN] = [false, 1, 2] as const

const common = {
  connectTimeout: CONNECT_MS,
  keepAlive: KEEP_ALIVE_MS,
  retryStrategy: (times: number) => Math.min(LONGEST_RECONNECT_MS, RECONNECT_MS * times),
}

/**
 * For BullMQ to connect with. A worker waits for its server as long as it takes, and asks again what was refused for a
 * passing reason: a job that is done and could not be noted would count as failed.
 */
export const workerConnection = (url: string) => ({
  ...common,
  url,
  maxRetriesPerRequest: null,
  socketTimeout: WORKER_SILENCE_MS,
  reconnectOnError: (error: Error) => (isTransientRedisError(error) ? ASK_AGAIN : NOTHING),
})

/** One connection for all who add jobs and ask after them. A command that finds the server gone fails, and says so. */
export interface QueueClient {
  /** For BullMQ. */
  readonly connection: unknown
  /** What refused may be a server that is not the one any more: another connection is made. */
  refused(error: unknown): void
  /** @throws when the server does not take what is written: a replica answers questions, too. */
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
      // Of a transaction, whose answer holds the error in a list, ioredis does not see it.
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
