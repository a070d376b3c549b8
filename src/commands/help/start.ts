import type { Verb } from '../verb.ts'

export const start: Verb = {
  name: 'start',
  summary: 'keep the database up to date, unattended, until stopped',
  options: [{ flags: '--only <part>', about: 'run one part only: scheduler, worker, web' }],
  help: `Migrates the database, schedules full runs (SYNC_SCHEDULE) and incremental runs
(SYNC_INCREMENTAL_SCHEDULE, both in SYNC_TIMEZONE), does them, and serves the dashboard,
/healthz, /readyz and /metrics, all in one process. Start as many as you like, on as many
machines: they share the work, and each tick of a schedule makes one run. A tick that passed
while nothing ran is caught up once. The queue is kept in Redis (REDIS_URL) or in the same
Postgres. Local edits are sent to ScopeStack as they are made; SYNC_PUSH=off keeps them for
"push".

SIGTERM: the page under way is committed, the other processes take over the rest, and the
process ends within SYNC_GRACE seconds. A second signal, half a second later or more, ends it
at once; no data is lost either way.

Examples
  npm run -s sync -- start
  npm run -s sync -- start --only worker       beside another that is --only scheduler`,

  load: () => import('../start/start.ts'),
}
