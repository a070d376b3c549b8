import type { Verb } from '../verb.ts'

export const columns: Verb = {
  name: 'columns',
  summary: 'show which unknown members became columns, and decide about them',
  args: '[action] [resource] [member] [value]',
  printsResult: true,
  options: [
    { flags: '--as <name>', about: 'for add: the name of the column' },
    { flags: '--type <type>', about: 'for add: text, numeric, bigint, boolean, date, timestamptz, jsonb or text[]' },
    { flags: '--json', about: 'JSON on stdout, one object a line' },
  ],
  help: `A member that ScopeStack sends and no release describes is kept in sync_extra. The run after the
one that found it makes a column of it, where all its values are of one type: with a comment, an
index where it is a key, and filled from sync_extra without reading anything again. What does not
fit the column later stays in sync_extra and is reported by "status". With SYNC_NEW_FIELDS=report
only "columns add" makes columns. A later release that describes the member takes its column over.

Actions
  list [RESOURCE]               such columns, and members that wait, each with the reason
  add RESOURCE MEMBER           makes a column of it now
  drop RESOURCE MEMBER          drops its column for good, unless a view of yours uses it
  rename RESOURCE MEMBER NAME   views keep what they show
  type RESOURCE MEMBER TYPE     gives it another type, with the values that fit it
  pin RESOURCE MEMBER           keeps name and type also when a release describes it otherwise
  unpin RESOURCE MEMBER         takes that back
  refuse RESOURCE MEMBER        it stays in sync_extra

A run that reads the resource, and a report that reads the table, are waited for, and never the
other way round.

Examples
  npm run -s sync -- columns list
  npm run -s sync -- columns add projects win-probability --as win_percent --type numeric
  npm run -s sync -- columns refuse clients legacy-flags`,

  load: () => import('../columns.ts'),
}
