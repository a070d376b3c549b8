/** What a worker of BullMQ does not tell by itself: when it last asked its queue. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LivenessCheck } from './liveness.ts'
import type { BullWorker } from './queues.ts'

/**
 * So long it waits for a job at most, in seconds, before it asks again. BullMQ's own for Postgres is an hour, where a job
 * is due later: until then a connection that is dead on one side only would not be missed.
 */
const LONGEST_WAIT_SECONDS = 10
/** A queue that fails at once would be asked as fast as the machine can. */
const AFTER_FAILURE_MS = 1_000
const OVERDUE_MS = LONGEST_WAIT_SECONDS * 1000 + 60_000

/** To be called before it runs. @param atWork how many jobs it has in hand. */
export function watchPolling(worker: BullWorker, atWork: () => number): LivenessCheck {
  let asked = performance.now()
  const take = worker['moveToActive'].bind(worker)
  const wait = worker['waitForJob'].bind(worker)
  worker['moveToActive'] = async (token, name) => {
    try {
      const job = await take(token, name)
      asked = performance.now()
      return job
    } catch (error) {
      await sleep(AFTER_FAILURE_MS)
      throw error
    }
  }
  worker['waitForJob'] = async (until: number) => {
    const due = await wait(until)
    // That stands for a failure, too.
    if (due !== Infinity) asked = performance.now()
    return due
  }
  Object.defineProperty(worker, 'maximumBlockTimeout', { value: LONGEST_WAIT_SECONDS })
  return () => {
    const jobs = atWork()
    const silent = performance.now() - asked
    const seconds = Math.round(silent / 1000)
    const hands = jobs === 1 ? 'at 1 job' : `at ${jobs} jobs`
    // With its hands full it has nothing to ask for.
    if (jobs >= worker.concurrency) return hands
    if (silent > OVERDUE_MS) throw new Error(`has not reached its queue for ${seconds} s`)
    return `${jobs === 0 ? '' : `${hands}, `}last asked ${seconds} s ago`
  }
}
