/** What jobs are called and carry. Ids only: whatever a worker needs it reads from Postgres. */

/** A run's resource is pulled, and when all are through, the run is closed. */
export type JobName = 'pull' | 'close'

export interface JobData {
  readonly runId: number
  /** For `pull`. */
  readonly resource?: string
}

export const QUEUE = 'sync'

/** A queue of its own, so that an edit does not wait for the lists that are being read. */
export const PUSH_QUEUE = 'push'

/** Ids are made from the run's, so that adding a job twice adds it once. BullMQ takes no `:` in them, nor bare numbers. */
export const pullJobId = (runId: number, resource: string): string => `run-${runId}-${resource}`
export const closeJobId = (runId: number): string => `run-${runId}`
