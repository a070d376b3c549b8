/** How many jobs each queue of BullMQ holds, in Redis: see `queue-depths.ts`. */
import { defineScript, type RedisStore } from '../redis/redis.ts'
import { DEPTH_STATES, type QueueDepth } from './queue-depths.ts'

/** @param prefix what BullMQ's keys of this installation begin with. */
export async function readRedisQueueDepths(
  redis: RedisStore,
  prefix: string,
  queues: readonly string[],
): Promise<QueueDepth[]> {
  const jobs = (await redis.run(
    COUNT,
    queues.map((queue) => `${prefix}:${queue}`),
    [],
  )) as number[]
  return queues.flatMap((queue, at) =>
    DEPTH_STATES.map((state, index) => ({ queue, state, jobs: jobs[at * DEPTH_STATES.length + index]! })),
  )
}

const COUNT = defineScript(`
-- KEYS the prefix of each queue
-- returns its jobs that wait, are at work, are delayed, wait for others, and have failed
local counts = {}
for _, queue in ipairs(KEYS) do
  for _, list in ipairs({ 'wait', 'active' }) do table.insert(counts, redis.call('LLEN', queue .. ':' .. list)) end
  for _, set in ipairs({ 'delayed', 'waiting-children', 'failed' }) do table.insert(counts, redis.call('ZCARD', queue .. ':' .. set)) end
end
return counts`)
