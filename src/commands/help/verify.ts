import type { Verb } from '../verb.ts'

export const verify: Verb = {
  name: 'verify',
  summary: 'read ScopeStack again and compare every row with it',
  args: '[resource...]',
  options: [
    { flags: '--repair', about: 'write rows that differ or are missing, and mark extra rows as deleted' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Compares the values of every column, not the digests that a pull compares, so it also finds
rows that were changed by hand. A row that is not in the list counts as extra only when its
record, read by its own address, is not found.

What ScopeStack changed since the last pull is a difference, too. Pull first, with --full:
columns that follow from another resource (counts, sums, names of related records) change
without an updated-at that an incremental read would see.

Rows with unsettled local edits differ on purpose. They are counted, not compared: "changes
list" shows them, and "push" before a pull leaves none.

Exit code 2 when anything differs, also when it was repaired.

Examples
  npm run -s sync -- verify
  npm run -s sync -- verify clients projects --repair
  npm run -s sync -- verify --json | jq 'select(.type == "difference")'`,

  load: () => import('../verify.ts'),
}
