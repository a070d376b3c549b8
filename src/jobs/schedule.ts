/** When something is due: cron patterns in a named time zone, read by croner, which knows about daylight saving. */
import { Cron } from 'croner'
import { configInvalid } from '../errors/commands.ts'
import { reason } from '../errors/sync-error.ts'

export interface Schedule {
  readonly name: 'full' | 'incremental'
  /** The newest time up to `now` at which it was due; null when it never was. */
  dueBy(now: Date): Date | null
  /** Null when it never will be again. */
  nextAfter(now: Date): Date | null
}

interface Settings {
  readonly schedule: string
  readonly incrementalSchedule: string
  readonly timezone: string
}

/** @throws SyncError SYNC_CONFIG with every mistake. */
export function readSchedules({ schedule, incrementalSchedule, timezone }: Settings): Schedule[] {
  const mistakes: string[] = []
  const read = (variable: string, name: Schedule['name'], pattern: string): Schedule[] => {
    if (pattern === 'off') return []
    try {
      return [readSchedule(name, pattern, timezone)]
    } catch (error) {
      mistakes.push(
        `${variable} is no cron pattern such as "0 2 * * *", nor off: ${reason(error).replace(/^CronPattern: |\.$/g, '')}.`,
      )
      return []
    }
  }
  const schedules = [
    ...read('SYNC_SCHEDULE', 'full', schedule),
    ...read('SYNC_INCREMENTAL_SCHEDULE', 'incremental', incrementalSchedule),
  ]
  if (mistakes.length > 0) throw configInvalid(mistakes)
  return schedules
}

export function readSchedule(name: Schedule['name'], pattern: string, timezone: string): Schedule {
  // Without a time zone's rules, whose formatter is 10 ms of CPU in each command.
  const cron = new Cron(pattern, { paused: true, ...(timezone === 'UTC' ? { utcOffset: 0 } : { timezone }) })
  // croner accepts the 31st of February and then never fires.
  if (cron.nextRun() === null && cron.previousRuns(1).length === 0) throw new Error('it is never due')
  return {
    name,
    dueBy(now) {
      // Strictly before what it is given.
      const [newest] = cron.previousRuns(1, new Date(now.getTime() + 1))
      return newest ?? null
    },
    nextAfter: (now) => cron.nextRun(now),
  }
}

/** Seconds from one tick to the next about now, of which the last is between the next two; none where it is not due twice more. */
export function intervalsAbout(schedule: Schedule, now: Date): number[] {
  const next = schedule.nextAfter(now)
  const second = next === null ? null : schedule.nextAfter(next)
  if (next === null || second === null) return []
  const last = schedule.dueBy(now)
  const before = last === null ? null : schedule.dueBy(new Date(last.getTime() - 1))
  const ticks = [before, last, next, second].flatMap((at) => (at === null ? [] : [at.getTime()]))
  return ticks.slice(1).map((at, index) => (at - ticks[index]!) / 1000)
}
