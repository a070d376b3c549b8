import type { Verb } from '../verb.ts'

export const doctor: Verb = {
  name: 'doctor',
  summary: 'check everything this installation depends on, with what to do',
  printsResult: true,
  options: [
    { flags: '--json', about: 'the same as one JSON document on stdout' },
    { flags: '--bundle <file>', about: 'also write a file for those who help, without secrets and without data' },
  ],
  help: `Checks settings, database, queue, clocks, credentials, account, the privilege for each resource,
drift, parked records and edits, schedules, freshness, disk and schema. Each line is ok, warn or
fail, and says what to do. What cannot be checked, because something else is broken, says so.

Runs beside a working "start": it takes no lease, changes no row of yours, and its requests (one for
each resource) wait for their turn in the shared rate limit. docs/doctor.md explains every line.

The file of --bundle holds what this shows, versions, settings that are no secrets, the state of
each resource, runs, drift, and codes of what is parked. It is never overwritten.

Exit code 0 when all is well, 2 with warnings, 1 with failures.

Examples
  npm run -s sync -- doctor
  npm run -s sync -- doctor --json | jq '.lines[] | select(.level != "ok")'
  npm run -s sync -- doctor --bundle for-support.json`,

  load: () => import('../doctor/doctor.ts'),
}
