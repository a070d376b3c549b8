import type { Verb } from '../verb.ts'

export const changes: Verb = {
  name: 'changes',
  summary: 'show unsettled local edits, and decide about parked ones',
  args: '[action] [id...]',
  printsResult: true,
  options: [
    { flags: '--keep <side>', about: 'for resolve: local, or remote (what ScopeStack holds)' },
    { flags: '--all', about: 'for list: also those that are settled' },
    { flags: '--json', about: 'JSON on stdout, one object a line' },
  ],
  help: `Actions
  list             changes that wait, are being sent or are parked, each with the reason
  show ID...       one change: its values in full, ScopeStack's response, and both sides
  retry ID...      sends a parked change again as it is
  discard ID...    discards it; the row shows ScopeStack's values after the next pull
  resolve ID...    settles a conflict: --keep local sends it, --keep remote discards it

With several ids, all of them are done or none. Editing the same columns of the row again
also retries a change. The same list, for SQL, is the view scopestack.pending_changes.

Examples
  npm run -s sync -- changes list
  npm run -s sync -- changes show 12
  npm run -s sync -- changes resolve 12 --keep local`,

  load: () => import('../changes.ts'),
}
