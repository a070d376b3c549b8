import type { Verb } from '../verb.ts'

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

  load: () => import('../migrate.ts'),
}
