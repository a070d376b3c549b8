import { explainStoreError, openStore } from '../assemble.ts'
import { EXIT, type SyncError } from '../errors/sync-error.ts'
import { migrateQueue } from '../jobs/queue-tables.ts'
import { stderr, stdout } from '../screen/streams.ts'
import { addressOf } from '../store/connection/database.ts'
import { describeCheck } from '../store/schema/capture-state.ts'
import { migrate as runMigrations } from '../store/schema/migrate.ts'
import { readSettings } from './settings.ts'
import type { Verb } from './verb.ts'

export const migrate: Verb = {
  name: 'migrate',
  summary: 'bring the database to the schema of this version',
  options: [],
  help: `Makes or updates schemas scopestack and sync: tables, indexes, views, column comments; and
schema bullmq, the queue of "start", where REDIS_URL does not name a Redis for it.
Running it twice, or in several processes at once, is safe. "pull" and "start" do it
too; this is for those who run migrations as another database role.

Where there is something to migrate, the role must be allowed to create schemas in the
database and own those that are there; afterwards "pull" and "start" need no such right.`,

  async run({ signal }) {
    const config = readSettings({ credentials: false })
    const store = await openStore(config, signal)
    try {
      const onWait = ({ message }: SyncError): void => stderr.say(message)
      const lost = describeCheck(await runMigrations(store.url, { signal, onWait }))
      if (lost !== null) stdout.say(lost)
      if (config.redisUrl === undefined) await migrateQueue(store.url, { signal, onWait })
      stdout.say(`${addressOf(store.url)} has the schema of this version.`)
      return EXIT.ok
    } catch (error) {
      throw await explainStoreError(error, store)
    } finally {
      await store.close()
    }
  },
}
