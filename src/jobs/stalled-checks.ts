/**
 * BullMQ looks every few seconds for jobs whose worker is gone, and writes down each time that it did, so that others need not: in
 * an idle hour 1,400 statements and most of the WAL. Where the queue holds no job there is nothing to look for. That it may hold one is
 * known from the notification that every job makes when it comes, and again when it is postponed.
 */
import type { Presence } from '../store/fleet/presence.ts'
import { holdsJobs } from '../store/fleet/queue-depths.ts'
import type { BullWorker } from './queues.ts'

/** For what no notification said. */
const LOOK_AGAIN_MS = 60_000

export function checkWhereJobsAre(worker: BullWorker, presence: Pick<Presence, 'session' | 'listen'>): void {
  const check = worker['moveStalledJobsToWait'].bind(worker)
  let mayHold = true
  let lookedAt = -Infinity
  void presence.listen('bullmq_jobs', (queue = worker.name) => {
    if (queue === worker.name) mayHold = true
  })
  worker['moveStalledJobsToWait'] = async () => {
    if (!mayHold && performance.now() - lookedAt < LOOK_AGAIN_MS) return
    // Before the look: what is notified meanwhile counts.
    mayHold = false
    try {
      lookedAt = performance.now()
      if (!(await holdsJobs(presence.session, worker.name))) return
      mayHold = true
      await check()
    } catch (error) {
      mayHold = true
      throw error
    }
  }
}
