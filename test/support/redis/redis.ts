/** A logical database of its own on the run's server, empty. For `await using`, in a test or per file. */
import { Redis } from 'ioredis'
import { inject } from 'vitest'

export type TestRedis = AsyncDisposable & { url: string; redis: Redis }

export async function createRedis(): Promise<TestRedis> {
  const server = inject('redisUrl')
  const shelf = new Redis(server)
  const [, count] = (await shelf.config('GET', 'databases')) as [string, string]
  // Database 0 records which run uses which database; files and runs that share a server never use the same.
  const number = await firstFree(shelf, Number(count))
  const redis = new Redis(server, { db: number })
  await redis.flushdb()
  return {
    url: `${server.replace(/\/$/, '')}/${number}`,
    redis,
    async [Symbol.asyncDispose]() {
      await redis.flushdb()
      await shelf.del(`scopestack-sync-test:${number}`)
      redis.disconnect()
      shelf.disconnect()
    },
  }
}

// --- internal ---

async function firstFree(shelf: Redis, count: number): Promise<number> {
  for (let number = 1; number < count; number++) {
    if (await shelf.set(`scopestack-sync-test:${number}`, process.pid, 'EX', 3_600, 'NX')) return number
  }
  throw new Error(`All ${count} databases of the Redis for tests are taken.`)
}
