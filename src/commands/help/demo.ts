import type { Verb } from '../verb.ts'

export const demo: Verb = {
  name: 'demo',
  summary: 'show everything on a simulated account, with no setup',
  options: [
    { flags: '--exit', about: 'end after the edit instead of staying up' },
    { flags: '--projects <number>', about: 'projects, about 34 records each (default 300)' },
  ],
  help: `Starts a simulated ScopeStack account and an embedded Postgres, pulls everything, and prints a
sample report from the tables; then edits a row with SQL and sends the edit back. Both stay up
for psql or a BI tool until Ctrl-C, and edits made meanwhile are sent, too. Nothing is kept
afterwards, and none of your settings is used.

Examples
  npm run demo
  npm run demo -- --exit --projects 30`,

  load: () => import('../demo/demo.ts'),
}
