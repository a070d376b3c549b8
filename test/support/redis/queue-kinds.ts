/** A queue as a test looks at it, the same over Redis and over Postgres. */
import type postgres from 'postgres'
import { createRedis } from './redis.ts'

/** What tests read from a queue and do to it, in Redis or in Postgres. */
export interface TestQueue extends AsyncDisposable {
  /** Settings for the environment of the program. */
  readonly env: Record<string, string>
  /** Deletes everything, like a server that comes back without its data. */
  wipe(): Promise<void>
  job(id: string): Promise<JobFacts | undefined>
}

export interface JobFacts {
  /** Started by a worker. */
  readonly started: number
  readonly attempts: number
  readonly stalled: number
}

export const QUEUE_KINDS: Readonly<Record<'postgres' | 'redis', (sql: postgres.Sql) => Promise<TestQueue>>> = {
  async postgres(sql) {
    return {
      env: {},
      async wipe() {
        await sql`delete from bullmq.job`
        await sql`delete from bullmq.job_dependency`
      },
      async job(id) {
        const [row] = await sql<JobFacts[]>`
          select attempts_started::int as started, attempts_made::int as attempts, stalled_count::int as stalled
          from bullmq.job where id = ${id}`
        return row
      },
      async [Symbol.asyncDispose]() {},
    }
  },

  async redis() {
    const { url, redis, [Symbol.asyncDispose]: dispose } = await createRedis()
    return {
      env: { REDIS_URL: url },
      async wipe() {
        await redis.flushdb()
      },
      async job(id) {
        const [key] = await redis.keys(`*:sync:${id}`)
        if (key === undefined) return undefined
        const [started, attempts, stalled] = (await redis.hmget(key, 'ats', 'atm', 'stc')).map(Number)
        return { started: started!, attempts: attempts!, stalled: stalled! }
      },
      [Symbol.asyncDispose]: dispose,
    }
  },
}
