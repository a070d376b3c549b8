import type { Verb } from '../verb.ts'

export const dictionary: Verb = {
  name: 'dictionary',
  summary: 'describe every table and column, with what only your account has',
  args: '[table...]',
  printsResult: true,
  options: [
    { flags: '--html <file>', about: 'one page that needs nothing else; - writes it to stdout' },
    { flags: '--markdown', about: 'Markdown on stdout, with a diagram for each area' },
    { flags: '--dbt', about: 'sources.yml for dbt on stdout: every table, its columns, and tests' },
    { flags: '--json', about: 'one JSON document on stdout, for machines' },
    { flags: '--catalog', about: 'what every account has, without looking into a database' },
    { flags: '--no-counts', about: 'do not count rows, nor in how many each column is filled' },
    { flags: '--no-values', about: 'leave out the frequent values of columns that have only a few' },
  ],
  help: `Without tables, a list of all; with tables, their columns. It shows what each is, how
many rows there are, in how many of them a column is filled, how fresh the data are,
what refers to what, the user-defined fields, and columns that only your account has.

The rights of a reader are enough (sync.grant_reader): set DATABASE_URL to that role's
address. What the role may not read is left out. Without a database, or with --catalog,
it shows what every account has.

Counting reads every row once. The values of a column are shown where it has no more
than twelve; those of names and addresses of people never are.

The page of --html needs no network and may be put anywhere. A page of this command is
replaced by a newer one; any other file is left alone.

Examples
  npm run -s sync -- dictionary
  npm run -s sync -- dictionary projects project_services
  npm run -s sync -- dictionary --html dictionary.html
  npm run -s sync -- dictionary --dbt > models/sources.yml
  npm run -s sync -- dictionary --json | jq '.areas[].tables[] | select(.rows == 0) | .name'`,

  load: () => import('../dictionary.ts'),
}
