/** How many connections to Postgres it takes to move data. docs/deployment.md, "Connections", has the table. */

/** Each holds a connection while it writes; more lists at once would only queue behind the rate limit. */
export const RESOURCES_AT_ONCE = 4

/**
 * Of the pool: one for each resource that is read at once, more than which wait for pages, and one for all else. A statement
 * waits there for its turn, so that fewer would do; nothing that holds one waits for a second.
 */
export const poolSize = (concurrency: number): number => Math.min(RESOURCES_AT_ONCE, concurrency) + 1

/** The session by which others see that the process lives, and the visit that tells whether a silent connection is dead. */
const BESIDE = 2

/** Of a command that moves data. */
export const connectionsNeeded = (concurrency: number): number => poolSize(concurrency) + BESIDE
