/** Why local edits are parked, in numbers. */
import type { Database } from '../connection/database.ts'

export interface ParkedCode {
  readonly resource: string
  readonly code: string | null
  readonly count: number
}

export async function countParkedByCode(sql: Database): Promise<ParkedCode[]> {
  return await sql<ParkedCode[]>`
    select resource, code, count(*)::int as count from sync.outbox where state = 'parked' group by 1, 2 order by 1, 2`
}
