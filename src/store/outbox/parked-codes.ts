/** Why local edits are parked, in numbers. */
import { isIn } from '../changes/read.ts'
import { PARKED } from '../changes/states.ts'
import type { Database } from '../connection/database.ts'

export interface ParkedCode {
  readonly resource: string
  readonly code: string | null
  readonly count: number
}

export async function countParkedByCode(sql: Database): Promise<ParkedCode[]> {
  return await sql<ParkedCode[]>`
    select resource, code, count(*)::int as count from sync.outbox o where ${isIn(sql, PARKED)} group by 1, 2 order by 1, 2`
}
