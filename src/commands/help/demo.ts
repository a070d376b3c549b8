import type { Verb } from '../verb.ts'

export const demo: Verb = {
  name: 'demo',
  summary: 'show the whole thing on a simulated account, with nothing to set up',
  options: [
    { flags: '--exit', about: 'end after that instead of staying up to be looked at' },
    { flags: '--projects <number>', about: 'projects, about 34 records each (default 300)' },
  ],
  help: `Starts a ScopeStack look-alike and an embedded Postgres, pulls everything, and prints a
sample report from the tables; then a row is edited with SQL and carried back. Both stay up for
psql or a BI tool until Ctrl-C, and what you edit meanwhile is sent, too. Nothing is kept
afterwards, and no setting of yours is used.

Examples
  npm run demo
  npm run demo -- --exit --projects 30`,

  load: () => import('../demo/demo.ts'),
}
