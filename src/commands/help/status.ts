import type { Verb } from '../verb.ts'

export const status: Verb = {
  name: 'status',
  summary: 'show the state of every resource',
  printsResult: true,
  options: [
    { flags: '--all', about: 'name each member in which the account differs from the catalog' },
    { flags: '--json', about: 'the same as one JSON document on stdout' },
  ],
  help: `Reads the database, and Redis where the queue is there, and sends nothing to ScopeStack. Problems
come first. The view scopestack.sync_status holds the state of each resource for SQL. A running
"start" reports every 15 seconds; after a minute without a report it counts as gone.

Exit code 2 when there is a problem: a resource that is not ok, a failed run, an overdue
schedule, parked records or local edits, or edits that are lost, because triggers of the tables
are missing or disabled. That no "start" runs is shown and is no problem: "pull" may be run by
other means.

Examples
  npm run -s sync -- status
  npm run -s sync -- status --json | jq '.problems'
  npm run -s sync -- status --json | jq '.resources[] | select(.lastOutcome != "ok")'`,

  load: () => import('../status.ts'),
}
