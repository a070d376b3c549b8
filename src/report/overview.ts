/** Where everything stands, for `status`, `doctor` and the dashboard: one reader, so that all show the same figures. */
import { catalog } from '../catalog/registry.ts'
import { notMigrated } from '../errors/database.ts'
import { hostClockNotice } from '../jobs/clock.ts'
import type { Schedule } from '../jobs/schedule.ts'
import type { Database } from '../store/connection/database.ts'
import { readProcesses, type Process } from '../store/fleet/processes.ts'
import { countChanges } from '../store/outbox/changes.ts'
import { readPausedSchedules, type PausedSchedule } from '../store/runs/operator.ts'
import { lastTick } from '../store/runs/scheduled-runs.ts'
import { readStatus, type Status } from '../store/runs/status.ts'
import { describeLostEdits } from '../store/schema/capture-state.ts'
import { isMigrated, migratedSchemaGone } from '../store/schema/migrate.ts'
import { readClock } from '../store/server/clock.ts'
import { problemsIn, type Problem } from './problems.ts'

export interface Overview extends Status {
  readonly problems: readonly Problem[]
  readonly processes: readonly Process[]
  /** A sentence, where edits are lost; null where none are. */
  readonly lostEdits: string | null
  /** By state. */
  readonly localEdits: Readonly<Record<string, number>>
  /** Of schedules that are not paused. */
  readonly nextTicks: readonly { readonly schedule: string; readonly at: Date }[]
  readonly paused: readonly PausedSchedule[]
  /** How this host's clock differs from the database's; null where it does not. */
  readonly clock: string | null
}

/** @throws SyncError SYNC_DATABASE_REFUSED where nothing was migrated, SYNC_TABLE_UNFIT where that is gone. */
export async function readOverview(sql: Database, schedules: readonly Schedule[]): Promise<Overview> {
  const found = await readStatus(sql)
  // Of a schema that is there no more, migrating says what became of it.
  if (found === null) throw (await migratedSchemaGone(sql)) ?? notMigrated()
  const clock = hostClockNotice(await readClock(sql))
  const lostEdits = await describeLostEdits(sql, [...catalog.values()])
  const { isOlder, localEdits, processes, lastTicks, paused } = await readNewest(sql, schedules)
  const problems = problemsIn({ ...found, isOlder, lostEdits, localEdits, schedules, lastTicks })
  const running = schedules.filter(({ name }) => paused.every(({ schedule }) => schedule !== name))
  const nextTicks = nextTicksOf(running, found.at)
  return { ...found, problems, processes, lostEdits, localEdits, nextTicks, paused, clock }
}

/** What stands in tables that a schema of an older version lacks. */
async function readNewest(sql: Database, schedules: readonly Schedule[]) {
  const lastTicks = new Map<string, Date>()
  if (!(await isMigrated(sql))) return { isOlder: true, localEdits: {}, processes: [], lastTicks, paused: [] }
  for (const { name } of schedules) {
    const at = await lastTick(sql, name)
    if (at !== null) lastTicks.set(name, at)
  }
  const paused = await readPausedSchedules(sql)
  return { isOlder: false, localEdits: await countChanges(sql), processes: await readProcesses(sql), lastTicks, paused }
}

const nextTicksOf = (schedules: readonly Schedule[], now: Date) =>
  schedules.flatMap((schedule) => {
    const at = schedule.nextAfter(now)
    return at === null ? [] : [{ schedule: schedule.name, at }]
  })
