/** Reads the database's clock, which all hosts use. */
import type { Database } from '../connection/database.ts'

export interface ClockReading {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `performance.now()` at that moment. */
  readonly at: number
  /** The possible error: half the round trip. */
  readonly withinMs: number
}

export async function readClock(sql: Database): Promise<ClockReading> {
  const sentAt = performance.now()
  const [row] = await sql<[{ now: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`
  const respondedAt = performance.now()
  return { now: row.now, at: (sentAt + respondedAt) / 2, withinMs: (respondedAt - sentAt) / 2 }
}
