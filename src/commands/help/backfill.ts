import type { Verb } from '../verb.ts'

export const backfill: Verb = {
  name: 'backfill',
  summary: 'read everything again, resumable, with progress and time left',
  args: '[resource...]',
  options: [
    { flags: '--since <date>', about: 'read only records changed since that day (YYYY-MM-DD), and their children' },
    { flags: '--restart', about: 'start over instead of resuming, and load every page even if it did not change' },
    { flags: '--allow-mass-delete', about: 'accept a list that lacks more rows than SYNC_DELETE_LIMIT' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Reads every list from its end to its beginning, writes the rows that differ and marks as
deleted the rows whose records are gone. After Ctrl-C, a kill or a crash, the next run resumes
where this one stopped, however much later, and retries the resources that failed. It may run
beside "start": a resource that another process is reading is read after it.

Examples
  npm run -s sync -- backfill
  npm run -s sync -- backfill projects project-services
  npm run -s sync -- backfill --since 2026-01-01`,

  load: () => import('../backfill.ts'),
}
