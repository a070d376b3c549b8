import type { Verb } from '../verb.ts'

export const backfill: Verb = {
  name: 'backfill',
  summary: 'read everything again, resumable, with its progress and the time it will take',
  args: '[resource...]',
  options: [
    { flags: '--since <date>', about: 'only what changed since that day (YYYY-MM-DD), and what belongs to it' },
    { flags: '--restart', about: 'begin anew instead of going on, and load every page even if it did not change' },
    { flags: '--allow-mass-delete', about: 'believe a list that lacks more rows than SYNC_DELETE_LIMIT' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Reads every list from its end to its beginning, writes the rows that differ and marks as
deleted what is gone. Stopped by Ctrl-C, a kill or a crash, it goes on where it was when it is
run again, however much later; resources that failed are tried again then, and no others. It
may run while "start" does: what another process is reading is waited for.

Examples
  npm run -s sync -- backfill
  npm run -s sync -- backfill projects project-services
  npm run -s sync -- backfill --since 2026-01-01`,

  load: () => import('../backfill.ts'),
}
