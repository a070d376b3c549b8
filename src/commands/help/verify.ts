import type { Verb } from '../verb.ts'

export const verify: Verb = {
  name: 'verify',
  summary: 'read ScopeStack again and compare every row with it',
  args: '[resource...]',
  options: [
    { flags: '--repair', about: 'write what differs or is missing, and mark as deleted what is too much' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Compares the values of every column, not the digests that a pull goes by, so it also finds
rows that were changed by hand. A row that is not in the list counts as too many only when
its record, asked for by its own address, is not found.

What ScopeStack has changed since the last pull is a difference too: pull first, with --full,
since columns that follow from another resource (counts, sums, names of what is referred to)
change there without a sign by which a reading of changes would find them.

Rows with local edits that are not settled differ on purpose. They are not compared, and
counted: "changes list" has them, and "push" before a pull leaves none.

Exit code 2 when anything differs, also when it was repaired.

Examples
  npm run -s sync -- verify
  npm run -s sync -- verify clients projects --repair
  npm run -s sync -- verify --json | jq 'select(.type == "difference")'`,

  load: () => import('../verify.ts'),
}
