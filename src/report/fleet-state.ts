/**
 * What processes share beside the tables of schema sync: the queue, and the rate limit. In Postgres, or in Redis where that is set; its
 * driver is loaded for that alone.
 */
import { PUSH_QUEUE, QUEUE, redisPrefix } from '../jobs/job-names.ts'
import type { RateState } from '../rate-limit-store.ts'
import type { Database } from '../store/connection/database.ts'
import { installationName } from '../store/fleet/account.ts'
import { readQueueDepths, type QueueDepth } from '../store/fleet/queue-depths.ts'
import { readRateState } from '../store/fleet/rate-limit.ts'

export interface FleetState {
  readonly kind: 'postgres' | 'redis'
  depths(): Promise<QueueDepth[]>
  rateState(): Promise<RateState>
  close(): Promise<void>
}

interface Settings {
  /** Undefined: in Postgres. */
  readonly redisUrl: string | undefined
  /** Of the credentials, by which Redis has the state of the rate. */
  readonly keyId: () => string
}

const QUEUES = [QUEUE, PUSH_QUEUE]

export function openFleetState(sql: Database, { redisUrl, keyId }: Settings): FleetState {
  if (redisUrl === undefined) {
    return {
      kind: 'postgres',
      depths: () => readQueueDepths(sql, QUEUES),
      rateState: () => readRateState(sql),
      close: async () => {},
    }
  }
  const open = async () => {
    const [{ openRedis }, { readRedisQueueDepths }, { readRedisRateState }] = await Promise.all([
      import('../store/redis/redis.ts'),
      import('../store/fleet/queue-depths-redis.ts'),
      import('../store/fleet/rate-limit-redis.ts'),
    ])
    return { redis: openRedis(redisUrl), readRedisQueueDepths, readRedisRateState }
  }
  let opened: ReturnType<typeof open> | undefined
  const inRedis = () => (opened ??= open())
  return {
    kind: 'redis',
    async depths() {
      const { redis, readRedisQueueDepths } = await inRedis()
      return await readRedisQueueDepths(redis, redisPrefix(await installationName(sql)), QUEUES)
    },
    async rateState() {
      const { redis, readRedisRateState } = await inRedis()
      return await readRedisRateState(redis, keyId())
    },
    close: async () => await (await opened)?.redis.close(),
  }
}
