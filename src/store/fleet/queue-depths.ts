/**
 * How many jobs each queue of BullMQ holds, in Postgres. Those that ended well are left out: they are kept for a person to look at.
 *
 * By its tables and not by its classes, whose loading is 0.35 s of CPU: `status` would take twice as long. A test holds both to the
 * same figures.
 */
import type { Database } from '../connection/database.ts'

export interface QueueDepth {
  readonly queue: string
  readonly state: string
  readonly jobs: number
}

export const DEPTH_STATES = ['waiting', 'active', 'delayed', 'waiting-children', 'failed'] as const

/** @returns none where there is no queue yet. */
export async function readQueueDepths(sql: Database, queues: readonly string[]): Promise<QueueDepth[]> {
  const [found] = await sql<{ exists: boolean }[]>`select to_regclass('bullmq.job') is not null as exists`
  if (!found!.exists) return []
  // Each by an index of its own, which has these jobs alone: literals are what such an index is chosen by.
  const counts = DEPTH_STATES.map(
    (state) => `(select count(*)::int from bullmq.job where queue = q and state = '${state}')`,
  )
  const rows = await sql.unsafe<{ queue: string; jobs: number[] }[]>(
    `select q as queue, jsonb_build_array(${counts.join(', ')}) as jobs from unnest($1::text[]) with ordinality as of (q, n) order by n`,
    [`{${queues.join(',')}}`],
  )
  return rows.flatMap(({ queue, jobs }) => DEPTH_STATES.map((state, at) => ({ queue, state, jobs: jobs[at]! })))
}

/** Whether the queue has a job that has not ended. */
export async function holdsJobs(sql: Database, queue: string): Promise<boolean> {
  const exists = DEPTH_STATES.filter((state) => state !== 'failed').map(
    (state) => `exists (select from bullmq.job where queue = $1 and state = '${state}')`,
  )
  const [row] = await sql.unsafe<{ holds: boolean }[]>(`select ${exists.join(' or ')} as holds`, [queue], {
    prepare: true,
  })
  return row!.holds
}
