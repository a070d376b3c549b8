import type { Verb } from '../verb.ts'

export const reports: Verb = {
  name: 'reports',
  summary: 'show revenue, hours, pipeline and other reports of the database',
  args: '[name]',
  printsResult: true,
  options: [
    { flags: '--since <day>', about: 'only from this day, month or year on: 2026-07-01, 2026-07, 2026' },
    { flags: '--by <period>', about: 'added up by month, quarter or year' },
    { flags: '--outcome <which>', about: 'only projects that are open, won, lost, canceled or archived' },
    { flags: '--limit <number>', about: 'at most so many rows (50 on a terminal, else all)' },
    { flags: '--chart', about: 'a bar chart in the place of a table' },
    { flags: '--csv', about: 'CSV for a spreadsheet' },
    { flags: '--json', about: 'JSON on stdout, one object a line' },
  ],
  help: `Without a name it lists the reports, each with what it shows and what one row is. Each is
a view of the database, too: revenue-by-client is scopestack.report_revenue_by_client.

Numbers are rounded for people; CSV and JSON have every digit. Months and times are in UTC.
Amounts are in the currency of the project, and are not added over several currencies.
Nothing is written, so DATABASE_URL may be of a role that only reads (sync.grant_reader).

In CSV a text that a spreadsheet would take for a formula has an apostrophe in front.

Examples
  npm run -s sync -- reports
  npm run -s sync -- reports revenue-by-client --outcome won --since 2026 --limit 20
  npm run -s sync -- reports revenue-by-month --by quarter --chart
  npm run -s sync -- reports hours-by-resource --csv > hours.csv`,

  load: () => import('../reports/reports.ts'),
}
