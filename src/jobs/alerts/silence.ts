/** That no run of the schedule of full runs has ended well for too long: often it is the scheduler that is missing. */
import { withCode } from '../../errors/sync-error.ts'
import type { Database } from '../../store/connection/database.ts'
import { lastSuccess } from '../../store/runs/alerts.ts'
import type { Schedule } from '../schedule.ts'
import { raiseFindings } from './standing.ts'

/**
 * Silence is reported once for each success that it follows.
 *
 * @returns when it is silence, unless a run ends well until then; null where it is already, or never.
 */
export async function raiseSilenceAlerts(
  sql: Database,
  schedules: readonly Schedule[],
  now: Date,
): Promise<Date | null> {
  let next: Date | null = null
  for (const schedule of schedules.filter(({ name }) => name === 'full')) {
    const since = await readSilence(sql, schedule, now)
    if (!since.silent) {
      next = since.limit
      continue
    }
    const last = since.ever ? `the last one ended ${since.at.toISOString()}` : 'there never was one'
    const sentence = `scopestack-sync: no ${schedule.name} run has ended well for two intervals; ${last}. Look at "status" and at the logs.`
    const text = withCode(sentence, 'SYNC_OVERDUE')
    const body = { text, event: 'silence', kind: schedule.name, since: since.at.toISOString() }
    await raiseFindings(sql, [{ subject: 'silence', kind: 'silence', fingerprint: since.at.toISOString(), body }])
  }
  return next
}

export interface Silence {
  /** When the last run of the schedule ended well; the time of installation if there is none. */
  readonly at: Date
  readonly ever: boolean
  /** None has for two intervals. */
  readonly silent: boolean
  /** When none will have; null where the schedule is not due twice more. */
  readonly limit: Date | null
}

export async function readSilence(sql: Database, schedule: Schedule, now: Date): Promise<Silence> {
  const since = await lastSuccess(sql, schedule.name)
  const limit = twoIntervalsAfter(schedule, since.at)
  return { ...since, limit, silent: limit !== null && now >= limit }
}

/** When the second tick's run should have ended too, had it taken as long as this one. */
function twoIntervalsAfter(schedule: Schedule, success: Date): Date | null {
  const first = schedule.nextAfter(success)
  const second = first === null ? null : schedule.nextAfter(first)
  if (second === null) return null
  const took = success.getTime() - (schedule.dueBy(success) ?? success).getTime()
  return new Date(second.getTime() + took)
}
