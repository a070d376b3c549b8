import type { Verb } from '../verb.ts'

export const pull: Verb = {
  name: 'pull',
  summary: 'bring the ScopeStack account into Postgres, now, in this process',
  args: '[resource...]',
  options: [
    { flags: '--full', about: 'read everything, not only what changed, and begin anew where a pull was interrupted' },
    { flags: '--allow-mass-delete', about: 'with --full: believe a list that lacks more rows than SYNC_DELETE_LIMIT' },
    {
      flags: '--accept-withheld',
      about: 'with --full: take it for right that records no longer carry what every one of them had',
    },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Brings every table up to date and writes the rows that differ. What says when it changed, and
what belongs to projects, is read only as far as it changed; with --full, and the first time,
everything is. What is read whole, and what belongs to a changed project, also shows which
records are gone: their rows are marked deleted (sync_deleted_at). The number beside a
resource is of records read, so 0 means that nothing of it had changed. The tables are made
when they are missing. Interrupted by Ctrl-C, a kill or a failure, the next
pull goes on where it stopped.

Without DATABASE_URL an embedded Postgres is used, in .scopestack-sync/ of this folder.

Each resource ends as one of
  ok          the list was proved to be all there
  absent      the account does not have it, which was to be expected
  incomplete  it could not be proved; what was read is written, and nothing deleted. Or records
              lack a member that every one of them had: its column keeps what was sent last,
              until it comes back or --accept-withheld says that it is gone for good
  suspect     so much is missing from the list that nothing was deleted
  forbidden   the service account's role may not see it
  failed      the reason is shown

Examples
  npm run -s sync -- pull
  npm run -s sync -- pull clients projects
  npm run -s sync -- pull --json | tail -n 1     the run, or the error that ended it`,

  load: () => import('../pull.ts'),
}
