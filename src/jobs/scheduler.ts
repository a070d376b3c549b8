/**
 * Decides ticks, and keeps runs going. The whole behaviour is `tickOnce` and `reconcile`; the loops only decide when.
 *
 *   due tick ──► sync.ticks (one row, the first scheduler) ──► sync.runs ──► a flow of jobs
 *
 * A tick is due until it is decided. So one that passed while nothing ran, or while the database was away, is caught up by
 * the same rule; and of several that were missed only the newest is. The time is the database's, since hosts differ.
 */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { decideTick, lastTicks } from '../store/runs/scheduled-runs.ts'
import type { Tracing } from '../tracing.ts'
import { beginRun } from './begin-run.ts'
import type { Queues } from './queues.ts'
import type { Schedule } from './schedule.ts'

export interface SchedulerDeps {
  readonly sql: Database
  /** For what is asked again and again: the connections of the pool may rest meanwhile. */
  readonly session: Database
  readonly queues: Queues
  readonly log: Logger
  readonly schedules: readonly Schedule[]
  /** What a run of each schedule is for; nothing to do, no run. */
  readonly resources: Readonly<Record<Schedule['name'], readonly string[]>>
  readonly holder: string
  readonly version: string
  readonly tracing?: Tracing
}

export async function tickOnce(deps: SchedulerDeps, now: Date): Promise<void> {
  const { sql, session, log, holder, version } = deps
  const due = deps.schedules.flatMap((schedule) => {
    const at = schedule.dueBy(now)
    return at === null || deps.resources[schedule.name].length === 0 ? [] : [{ schedule, at }]
  })
  if (due.length === 0) return
  const last = await lastTicks(
    session,
    due.map(({ schedule }) => schedule.name),
  )
  for (const { schedule, at } of due) {
    const resources = deps.resources[schedule.name]
    if ((last.get(schedule.name) ?? -Infinity) >= at) continue
    const plan = { kind: schedule.name, planned: resources, holder, version }
    const decision = await decideTick(sql, { schedule: schedule.name, at }, plan)
    if (decision === null) continue
    if (decision.runId === null) log.info({ schedule: schedule.name, tick: at }, decision.note)
    else await beginRun(deps, { id: decision.runId, kind: schedule.name, resources, tick: at })
  }
}

/** Milliseconds until the next tick of any schedule. */
export function untilNextTick(schedules: readonly Schedule[], now: Date): number {
  const next = schedules.flatMap((schedule) => schedule.nextAfter(now)?.getTime() ?? [])
  return Math.max(0, Math.min(...next) - now.getTime())
}
