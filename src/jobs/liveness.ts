/** Whether a part that never ends still does its work: a loop has turns, a worker of BullMQ polls its queue. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WaitSeconds } from './backends.ts'
import type { BullWorker } from './queues.ts'

/** @returns what it did last, for a person. @throws when that is too long ago, with how long. */
export type LivenessCheck = () => string

/** The result of the first, where all are alive. */
export const allAlive =
  (livenessChecks: readonly LivenessCheck[]): LivenessCheck =>
  () =>
    livenessChecks.map((liveness) => liveness())[0] ?? 'ok'

/** A loop whose turn takes this long beyond its own pause hangs. */
const GRACE_MS = 60_000

/** @param last by `performance.now()`. @param pauseMs how long it rests at most. */
export function checkTurn(last: number, pauseMs: number): string {
  const silent = performance.now() - last
  const seconds = Math.round(silent / 1000)
  if (silent > pauseMs + GRACE_MS) throw new Error(`has had no turn for ${seconds} s`)
  return `last turn ${seconds} s ago`
}

/** A queue that fails at once would be polled as fast as the machine can. */
const AFTER_FAILURE_MS = 1_000

/**
 * BullMQ does not report when a worker last polled. To be called before it runs.
 *
 * @param atWork how many jobs it has.
 * @param waitSeconds for so long it waits for one at most.
 */
export function watchPolling(
  worker: BullWorker,
  atWork: () => number,
  { drained, delayed }: WaitSeconds,
): LivenessCheck {
  const overdueMs = Math.max(drained, delayed) * 1000 + GRACE_MS
  let polled = performance.now()
  const take = worker['moveToActive'].bind(worker)
  const wait = worker['waitForJob'].bind(worker)
  worker['moveToActive'] = async (token, name) => {
    try {
      const job = await take(token, name)
      polled = performance.now()
      return job
    } catch (error) {
      await sleep(AFTER_FAILURE_MS)
      throw error
    }
  }
  worker['waitForJob'] = async (until: number) => {
    const due = await wait(until)
    // That stands for a failure, too.
    if (due !== Infinity) polled = performance.now()
    return due
  }
  Object.defineProperty(worker, 'maximumBlockTimeout', { value: delayed })
  return () => {
    const jobs = atWork()
    const silent = performance.now() - polled
    const seconds = Math.round(silent / 1000)
    const busy = jobs === 1 ? 'at 1 job' : `at ${jobs} jobs`
    // With all its places taken it does not poll.
    if (jobs >= worker.concurrency) return busy
    if (silent > overdueMs) throw new Error(`has not reached its queue for ${seconds} s`)
    return `${jobs === 0 ? '' : `${busy}, `}last poll ${seconds} s ago`
  }
}
