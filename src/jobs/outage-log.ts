/**
 * A database that is away fails every part of the process at once. It is reported once when it goes and once when it is back,
 * whichever part meets it, and without stacks: no code here is at fault.
 */
import { causeText } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import { isConnectionLoss } from '../store/connection/database.ts'

export interface Outages {
  /** Reports it when it is new. @returns false when it is another kind of failure. */
  note(error: unknown): boolean
  /** True when it was reported, or so short ago that what fails now has the same cause. */
  isAway(): boolean
  /** What was begun at `since` (by `performance.now()`) has succeeded. */
  end(since: number): void
}

/** Connections of before the restart are found broken one after the other, when each is used: that is no other outage. */
const STALE_MS = 10_000

/** pg, BullMQ's driver of Postgres, gives some of its errors no code. */
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
    end(since) {
      if (away === undefined || since < away) return
      const seconds = Math.ceil((performance.now() - away) / 1000)
      away = undefined
      backAt = performance.now()
      log.warn(`Postgres is back after ${seconds} s.`)
    },
  }
}
