import type { Verb } from '../verb.ts'

export const discover: Verb = {
  name: 'discover',
  summary: 'hold the catalog against the live account, and write what it lacks',
  args: '[resource...]',
  answers: true,
  options: [
    { flags: '--write [folder]', about: 'write the files that close the difference; by default into src/resources/' },
    { flags: '--json', about: 'one JSON document on stdout, for machines' },
  ],
  help: `Reads a few pages from both ends of every list, asks for relationships that nobody has
declared, and looks for the API's own description (Swagger). The mirror is not touched.

Each difference is one of
  new      a member that is not declared, with the kind that all values met suggest
  misfit   values that do not fit the kind that is declared; up to 5 % of 20 or more are
           taken for mistakes, which sync_extra keeps, and make no other kind
  leads    a relationship that leads to another type than the one declared, or to many
  gone     a member that is declared and that no record looked at carried
  refused  an include or a filter that is declared and that the server does not take
  absent   a list that is declared and not there, or one that is there and not declared

Nothing is lost meanwhile: what is not declared is kept in sync_extra. With --write, read
the files, say in their comments what the members mean, and make the migration:
npm run db:generate. A member that is gone is never taken out. Files that stand in FOLDER are
replaced; those of another folder than src/resources/ have to be moved there first.

Exits with 2 when something differs. What the role may not see is said, and no difference.

Examples
  npm run -s sync -- discover
  npm run -s sync -- discover projects clients --write
  npm run -s sync -- discover --write /tmp/resources`,

  load: () => import('../discover.ts'),
}
