import type { Verb } from '../verb.ts'

export const pull: Verb = {
  name: 'pull',
  summary: 'copy the ScopeStack account into Postgres, in this process',
  args: '[resource...]',
  options: [
    { flags: '--full', about: 'read everything, not only what changed, and do not resume an interrupted pull' },
    { flags: '--allow-mass-delete', about: 'with --full: accept a list that lacks more rows than SYNC_DELETE_LIMIT' },
    {
      flags: '--accept-withheld',
      about: 'with --full: accept that a member which all records had is gone',
    },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Brings every table up to date and writes only the rows that differ. Resources with an
updated-at field, and children of projects, are read incrementally; the first run and --full
read everything. Rows of records that are gone are marked deleted (sync_deleted_at): of
complete lists, and below the projects that changed. The number beside a resource counts the
records read, so 0 means that nothing had changed. Missing tables are created. After Ctrl-C, a
kill or a failure the next pull resumes where this one stopped.

Without DATABASE_URL an embedded Postgres is used, in .scopestack-sync/ of this folder.

Each resource ends as one of
  ok          the list was proved complete
  absent      the account does not have this optional resource; not an error
  incomplete  completeness could not be proved: rows are written, none is marked deleted. Or
              records lack a member that all of them had: its column keeps the last values,
              until it comes back or --accept-withheld confirms that it is gone for good
  suspect     the list lacks so many records that no row was marked deleted
  forbidden   the role of the service account may not read it
  failed      the reason is shown

Examples
  npm run -s sync -- pull
  npm run -s sync -- pull clients projects
  npm run -s sync -- pull --json | tail -n 1     the run, or the error that ended it`,

  load: () => import('../pull.ts'),
}
