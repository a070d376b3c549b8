import type { Verb } from '../verb.ts'

export const migrate: Verb = {
  name: 'migrate',
  summary: 'bring the database to the schema of this version',
  options: [],
  help: `Creates or updates schemas scopestack, scopestack_live and sync: tables, indexes, views, column
comments; and schema bullmq, the queue of "start", unless REDIS_URL names a Redis for it. It is safe to run
twice, or in several processes at once. "pull" and "start" migrate, too; this command is for
running migrations as another database role.

To migrate, the role must be allowed to create schemas in the database and must own those that
exist; afterwards "pull" and "start" do not need these rights.`,

  load: () => import('../migrate.ts'),
}
