/** How many connections to Postgres it takes to move data. docs/deployment.md, "Connections", has the table. */

/** Jobs of a process; and of a run, at least. Each holds a connection while it writes. */
export const RESOURCES_AT_ONCE = 4

/**
 * Of one run. Most lists of an account have one page: as many as may be in flight are opened at once, and each waits for its turn at
 * a connection.
 */
export const resourcesAtOnce = (concurrency: number): number => Math.max(RESOURCES_AT_ONCE, concurrency)

/**
 * Of the pool: for four writers, beside whom the other resources wait for pages, and one for all else. A statement waits there for
 * its turn, so that fewer would do; nothing that holds one waits for a second.
 */
export const poolSize = (concurrency: number): number => Math.min(RESOURCES_AT_ONCE, concurrency) + 1

/** The session by which others see that the process lives, and the visit that tells whether a silent connection is dead. */
const BESIDE = 2

/** Of a command that moves data. */
export const connectionsNeeded = (concurrency: number): number => poolSize(concurrency) + BESIDE
