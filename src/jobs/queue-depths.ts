/** How many jobs each queue holds. Those that ended well are left out: they are kept for a person to look at. */
import type { IQueueBackend, Queue } from 'bullmq'

export interface QueueDepth {
  readonly queue: string
  readonly state: string
  readonly jobs: number
}

type Counted = Pick<Queue<never, never, string, never, never, string, IQueueBackend>, 'name' | 'getJobCounts'>

export async function depthsOf(queues: readonly Counted[]): Promise<QueueDepth[]> {
  const counts = await Promise.all(
    queues.map((queue) => queue.getJobCounts('waiting', 'active', 'delayed', 'waiting-children', 'failed')),
  )
  return queues.flatMap(({ name }, index) =>
    Object.entries(counts[index]!).map(([state, jobs]) => ({ queue: name, state, jobs })),
  )
}
