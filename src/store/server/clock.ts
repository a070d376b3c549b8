/** What time it is: by the database, whatever the clocks of the hosts say. */
import type { Database } from '../connection/database.ts'

export interface ClockReading {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What `performance.now()` showed then. */
  readonly at: number
  /** It may be off by so much: half the time that the answer took. */
  readonly withinMs: number
}

export async function readClock(sql: Database): Promise<ClockReading> {
  const asked = performance.now()
  const [row] = await sql<[{ now: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`
  const answered = performance.now()
  return { now: row.now, at: (asked + answered) / 2, withinMs: (answered - asked) / 2 }
}
