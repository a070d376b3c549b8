/** "migrate": creates or updates tables, triggers and comments, for installations whose workers may not do so themselves. */
import { withStore } from '../assemble/store.ts'
import { catalog } from '../catalog/registry.ts'
import { EXIT, type SyncError } from '../errors/sync-error.ts'
import { stderr, stdout } from '../screen/streams.ts'
import { addressOf } from '../store/connection/database.ts'
import { describeCheck } from '../store/schema/capture-state.ts'
import { historyTables } from '../store/schema/history.ts'
import { migrate as runMigrations } from '../store/schema/migrate.ts'
import { readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ signal }: Call): Promise<number> {
  const config = readSettings({ credentials: false })
  return await withStore(config, signal, async (store) => {
    const onWait = ({ message }: SyncError): void => stderr.say(message)
    const history = historyTables(config.history, catalog.values())
    const lost = describeCheck(await runMigrations(store.url, { signal, onWait, history }))
    if (lost !== null) stdout.say(lost)
    if (config.redisUrl === undefined) {
      const { migrateQueue } = await import('../jobs/queue-tables.ts')
      await migrateQueue(store.url, { signal, onWait })
    }
    stdout.say(`${addressOf(store.url)} has the schema of this version.`)
    return EXIT.ok
  })
}
