/** What jobs are called and carry. Ids only: whatever a worker needs it reads from Postgres. */

/** A run's resource is pulled, others help with its list where that is long, and when all are through, the run is closed. */
export type JobName = 'pull' | 'help' | 'close'

export interface JobData {
  readonly runId: number
  /** For `pull` and `help`. */
  readonly resource?: string
}

export const QUEUE = 'sync'

/**
 * A queue of its own, so that an edit does not wait for the lists that are being read. Releases up to migration 0015 have the
 * queue `push`, whose jobs they would take and could not do.
 */
export const PUSH_QUEUE = 'pushes'

/** Ids are made from the run's, so that adding a job twice adds it once. BullMQ takes no `:` in them, nor bare numbers. */
export const pullJobId = (runId: number, resource: string): string => `run-${runId}-${resource}`
export const helpJobId = (runId: number, resource: string, nth: number): string => `help-${runId}-${resource}-${nth}`
export const closeJobId = (runId: number): string => `run-${runId}`

/** What the keys of a queue in Redis begin with: several databases may share one. */
export const redisPrefix = (installation: string): string => `scopestack-sync-${installation}`
