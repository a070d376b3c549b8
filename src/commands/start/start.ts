/** "start": the service. Scheduler, worker, push and health are parts of one process, or with --only of several. */
import { explainStoreError, openStore } from '../../assemble/store.ts'
import { usage } from '../../errors/commands.ts'
import { EXIT, hasCode } from '../../errors/sync-error.ts'
import { createOutages } from '../../jobs/outage-log.ts'
import { readSchedules } from '../../jobs/schedule.ts'
import { createLogger } from '../../logger.ts'
import { stderr, stdout } from '../../screen/streams.ts'
import { embeddedNote } from '../output/format.ts'
import { readSettings, scheduledResources } from '../settings.ts'
import type { Call } from '../verb.ts'
import { PARTS, serve, type PartName, type Service } from './serve.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const parts = partsOf(options['only'])
  const config = readSettings({ credentials: parts.has('worker') })
  const schedules = readSchedules(config)
  const resources = scheduledResources(config)
  const log = createLogger({ level: config.logLevel, terminal: stderr.terminal && !config.production })
  if (signal.aborted) return EXIT.ok
  const store = await openStore(config, signal).catch(unlessStopped)
  if (store === undefined) return EXIT.ok
  stdout.say(embeddedNote(store, 'this does'))
  const service: Service = { config, schedules, resources, log, outages: createOutages(log), store, parts }
  try {
    await serve(service, signal)
    return EXIT.ok
  } catch (error) {
    unlessStopped(await explainStoreError(error, store))
    return EXIT.ok
  } finally {
    await store.close()
    // A connection whose peer is gone must not keep the process: everything is closed by now.
    setTimeout(() => process.exit(), 1_000).unref()
  }
}

/** A stop on request is a good end. */
function unlessStopped(error: unknown): undefined {
  if (!hasCode(error, 'SYNC_STOPPED')) throw error
}

function partsOf(only: string | boolean | undefined): ReadonlySet<PartName> {
  if (only === undefined) return new Set(PARTS)
  const part = PARTS.find((name) => name === only)
  if (part === undefined) throw usage(`--only is one of ${PARTS.join(', ')}, not "${String(only)}".`)
  return new Set([part])
}
