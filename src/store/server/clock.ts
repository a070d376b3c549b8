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

export const readClock = async (sql: Database): Promise<ClockReading> =>
  await timed(async () => {
    const [row] = await sql<[{ now: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`
    return row.now
  })

/** @param read one statement. */
export async function timed(read: () => Promise<number>): Promise<ClockReading> {
  const sentAt = performance.now()
  const now = await read()
  const respondedAt = performance.now()
  return { now, at: (sentAt + respondedAt) / 2, withinMs: (respondedAt - sentAt) / 2 }
}
