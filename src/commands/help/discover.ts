import type { Verb } from '../verb.ts'

export const discover: Verb = {
  name: 'discover',
  summary: 'compare the catalog with the account, and write what it lacks',
  args: '[resource...]',
  printsResult: true,
  options: [
    { flags: '--write [folder]', about: 'write the files that close the difference; by default into src/resources/' },
    { flags: '--json', about: 'one JSON document on stdout, for machines' },
  ],
  help: `Reads a few pages from both ends of every list, requests relationships that are not declared,
and looks for the API's own description (Swagger). The mirror is not changed.

Each difference is one of
  new      a member that is not declared, with the kind that fits all values seen
  misfit   values that do not fit the declared kind; up to 5 % of 20 or more count as
           mistakes, which sync_extra keeps, and suggest no other kind
  leads    a relationship that leads to another type than the declared one, or to many
  gone     a declared member that no record read carries
  refused  a declared include or filter that the server refuses
  absent   a declared list that does not exist, or a list that exists and is not declared

No data is lost meanwhile: sync_extra keeps undeclared members. After --write, read the files,
describe the members in their comments, and generate the migration: npm run db:generate.
A member that is gone is never removed. Files in FOLDER are replaced; move those of another
folder than src/resources/ there before you generate.

Exit code 2 when something differs. A list that the role may not see is no difference.

Examples
  npm run -s sync -- discover
  npm run -s sync -- discover projects clients --write
  npm run -s sync -- discover --write /tmp/resources`,

  load: () => import('../discover.ts'),
}
