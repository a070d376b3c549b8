/**
 * Days that pass in seconds: whatever is kept for a number of days becomes a day older. What a run goes on from (watermarks, checkpoints,
 * the newest run of each kind) stays as it is; the processes have the real time.
 */
import { OPEN, PARKED } from '../../../src/store/changes/states.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { arrayLiteral } from '../../../src/store/connection/literals.ts'

export interface Days {
  pass(): Promise<void>
  passed(): number
}

const DAY = '1 day'

export function createDays(sql: Database): Days {
  let passed = 0
  return {
    passed: () => passed,
    async pass() {
      await sql.begin(async (tx) => {
        await tx`
          with newest as (select max(id) as id from sync.runs group by kind),
          older as (
            update sync.runs set started_at = started_at - ${DAY}::interval, finished_at = finished_at - ${DAY}::interval
            where finished_at < now() - interval '30 seconds' and id not in (select id from newest) returning id)
          update sync.run_outcomes set started_at = started_at - ${DAY}::interval, finished_at = finished_at - ${DAY}::interval
          where run_id in (select id from older)`
        await tx`update sync.ticks set decided_at = decided_at - ${DAY}::interval`
        await tx`update sync.outbox set settled_at = settled_at - ${DAY}::interval where settled_at is not null`
        await tx`update sync.local_ids set made_at = made_at - ${DAY}::interval`
        await tx`update sync.alerts set raised_at = raised_at - ${DAY}::interval where raised_at < now() - interval '30 seconds'`
        await tx`update sync.parked set settled_at = settled_at - ${DAY}::interval where settled_at is not null`
        await tx`
          update scopestack_history.past_versions set valid_from = valid_from - ${DAY}::interval, valid_to = valid_to - ${DAY}::interval`
      })
      passed++
    },
  }
}

export async function hasRunOk(sql: Database, since = '-infinity'): Promise<boolean> {
  const [row] = await sql`
    select from sync.runs where kind = 'full' and outcome = 'ok' and started_at > ${since}::text::timestamptz limit 1`
  return row !== undefined
}

export async function countUnsent(sql: Database): Promise<number> {
  const [row] = await sql<{ open: number }[]>`
    select count(*)::int as open from sync.outbox where state = any(${arrayLiteral(OPEN)}::text[])`
  return row!.open
}

/** Without those of records that are deleted there: these are a person's to decide. */
export const readParked = (sql: Database) => sql<{ resource: string; code: string }[]>`
  select resource, code from sync.outbox where state = any(${arrayLiteral(PARKED)}::text[]) and code <> 'SYNC_PUSH_GONE'`
