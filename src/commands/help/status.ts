import type { Verb } from '../verb.ts'

export const status: Verb = {
  name: 'status',
  summary: 'show where every resource stands',
  answers: true,
  options: [
    { flags: '--all', about: 'name each member in which the account differs from the catalog' },
    { flags: '--json', about: 'the same as one JSON document on stdout' },
  ],
  help: `Reads the database only; ScopeStack is not asked. What is wrong comes first. The same is in
the view scopestack.sync_status, for SQL. A "start" that runs says so every 15 seconds; after
a minute of silence it counts as gone.

Exit code 2 when something is wrong: a resource that is not ok, a run that failed, a schedule
that is overdue, records or local edits that were set aside, or edits that are lost, because
triggers of the tables are missing or disabled. That no "start" runs is said, and is nothing
wrong: "pull" may be run by other means.

Examples
  npm run -s sync -- status
  npm run -s sync -- status --json | jq '.problems'
  npm run -s sync -- status --json | jq '.resources[] | select(.lastOutcome != "ok")'`,

  load: () => import('../status.ts'),
}
