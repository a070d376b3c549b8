/**
 * A database that is away is met by everything at once. It is said once when it goes and once when it is back, however many
 * parts of the process meet it, and without stacks: no code here is at fault.
 */
import { causeText } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import { isConnectionLoss } from '../store/connection/database.ts'

export interface Outages {
  /** Says it when it is new. @returns false when it is another kind of failure. */
  note(error: unknown): boolean
  /** It was said, or it is so short ago that what fails is of the same kind, whatever it says. */
  isAway(): boolean
  /** Something that was begun at `since` (by `performance.now()`) had its answer. */
  answered(since: number): void
}

/** Connections of before the restart are found broken one after the other, when each is used: that is no other outage. */
const STALE_MS = 10_000

/** pg, which BullMQ asks Postgres by, gives some of its own no code. */
const isLoss = (error: unknown): boolean =>
  isConnectionLoss(error) ||
  (error instanceof Error && (isConnectionLoss(error.cause) || /connection (terminated|error)/i.test(error.message)))

export function createOutages(log: Logger): Outages {
  let away: number | undefined
  let backAt = -Infinity
  return {
    note(error) {
      if (!isLoss(error)) return false
      const now = performance.now()
      if (away !== undefined || now < backAt + STALE_MS) return true
      away = now
      log.warn(`Postgres is away: ${causeText(error)}. What was begun waits, and goes on by itself when it is back.`)
      return true
    },
    isAway: () => away !== undefined || performance.now() < backAt + STALE_MS,
    answered(since) {
      if (away === undefined || since < away) return
      const seconds = Math.ceil((performance.now() - away) / 1000)
      away = undefined
      backAt = performance.now()
      log.warn(`Postgres is back after ${seconds} s.`)
    },
  }
}
