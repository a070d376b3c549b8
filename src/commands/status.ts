/**
 * "status": what was read when, what failed, what is parked, when the next run is due. It reads the database alone, and exits
 * with 2 when anything needs a person.
 */
import { explainStoreError, openStore } from '../assemble/store.ts'
import { catalog } from '../catalog/registry.ts'
import { notMigrated } from '../errors/database.ts'
import { EXIT } from '../errors/sync-error.ts'
import { hostClockNotice } from '../jobs/clock.ts'
import { readSchedules, type Schedule } from '../jobs/schedule.ts'
import { stdout } from '../screen/streams.ts'
import type { Database } from '../store/connection/database.ts'
import { readProcesses } from '../store/fleet/processes.ts'
import { countChanges } from '../store/outbox/changes.ts'
import { lastTick } from '../store/runs/scheduled-runs.ts'
import { readStatus } from '../store/runs/status.ts'
import { describeLostEdits } from '../store/schema/capture-state.ts'
import { isMigrated, migratedSchemaGone } from '../store/schema/migrate.ts'
import { readClock } from '../store/server/clock.ts'
import { statusLines } from './output/status-output.ts'
import { editLines, problemsIn } from './output/status-problems.ts'
import { readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: false })
  const schedules = readSchedules(config)
  const store = await openStore(config, signal)
  try {
    const found = await readStatus(store.sql)
    // If a schema is gone, migrating reports what became of it.
    if (found === null) throw (await migratedSchemaGone(store.sql)) ?? notMigrated()
    const clock = hostClockNotice(await readClock(store.sql))
    const lost = await describeLostEdits(store.sql, [...catalog.values()])
    const { localEdits, processes, lastTicks } = await readNewest(store.sql, schedules)
    const nextTicks = nextTicksOf(schedules, found.at)
    const problems = problemsIn({ ...found, lostEdits: lost, localEdits, schedules, lastTicks })
    if (options['json'] === true)
      stdout.json({ ...found, problems, processes, lostEdits: lost, localEdits, nextTicks, clock })
    else {
      const edits = editLines(localEdits, config.push)
      const shown = { ...found, problems, processes, nextTicks, edits, clock }
      stdout.say(statusLines(shown, { width: stdout.columns(), all: options['all'] === true }))
    }
    return problems.length === 0 ? EXIT.ok : EXIT.notAllOk
  } catch (error) {
    throw await explainStoreError(error, store)
  } finally {
    await store.close()
  }
}

/** Read from tables that the schema of an older version lacks. */
async function readNewest(sql: Database, schedules: readonly Schedule[]) {
  const lastTicks = new Map<string, Date>()
  if (!(await isMigrated(sql))) return { localEdits: {}, processes: [], lastTicks }
  for (const { name } of schedules) {
    const at = await lastTick(sql, name)
    if (at !== null) lastTicks.set(name, at)
  }
  return { localEdits: await countChanges(sql), processes: await readProcesses(sql), lastTicks }
}

const nextTicksOf = (schedules: readonly Schedule[], now: Date) =>
  schedules.flatMap((schedule) => {
    const at = schedule.nextAfter(now)
    return at === null ? [] : [{ schedule: schedule.name, at }]
  })
