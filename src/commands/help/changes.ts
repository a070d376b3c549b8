import type { Verb } from '../verb.ts'

export const changes: Verb = {
  name: 'changes',
  summary: 'show local edits that are not settled, and decide about those set aside',
  args: '[action] [id...]',
  answers: true,
  options: [
    { flags: '--keep <side>', about: 'for resolve: local, or remote (what ScopeStack holds)' },
    { flags: '--all', about: 'for list: also those that are settled' },
    { flags: '--json', about: 'JSON on stdout, one object a line' },
  ],
  help: `Actions
  list             what waits and why, is being sent, or was set aside, with the reason
  show ID...       one change: its values in full, what ScopeStack said, what both sides held
  retry ID...      sends a parked change again as it is
  discard ID...    lets it go; the row shows what ScopeStack holds after the next pull
  resolve ID...    settles a conflict: --keep local sends it, --keep remote lets it go

Of several ids all are done, or none. A change is also retried by editing the same columns of
its row again. The same list, for SQL, is the view scopestack.pending_changes.

Examples
  npm run -s sync -- changes list
  npm run -s sync -- changes show 12
  npm run -s sync -- changes resolve 12 --keep local`,

  load: () => import('../changes.ts'),
}
