/**
 * "status": what was read when, what failed, what is parked, when the next run is due. It reads the database, and Redis where the
 * queue is there, and exits with 2 when anything needs a person.
 */
import { withStore } from '../assemble/store.ts'
import { EXIT } from '../errors/sync-error.ts'
import { readSchedules } from '../jobs/schedule.ts'
import { readOverview } from '../report/overview.ts'
import { editLines } from '../report/problems.ts'
import { stdout } from '../screen/streams.ts'
import { statusLines } from './output/status-output.ts'
import { fleetStateOf, readSettings, scheduledResources } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: false })
  const schedules = readSchedules(config)
  return await withStore(config, signal, async ({ sql }) => {
    const fleet = fleetStateOf(config, sql)
    const deps = { schedules, rate: config.rate, resources: scheduledResources(config), fleet }
    try {
      const overview = await readOverview(sql, deps)
      if (options['json'] === true) stdout.json(overview)
      else {
        const shown = { ...overview, edits: editLines(overview.localEdits, config.push) }
        stdout.say(statusLines(shown, { width: stdout.columns(), all: options['all'] === true }))
      }
      return overview.problems.length === 0 ? EXIT.ok : EXIT.notAllOk
    } finally {
      await fleet.close()
    }
  })
}
