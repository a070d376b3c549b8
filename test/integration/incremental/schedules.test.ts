/** Runs of each schedule have resources and alerts of their own. */
import { expect, test } from 'vitest'
import { recordRunAlert } from '../../../src/jobs/alerts/run-alerts.ts'
import { raiseSilenceAlerts } from '../../../src/jobs/alerts/silence.ts'
import type { Queues } from '../../../src/jobs/queues.ts'
import { readSchedule } from '../../../src/jobs/schedule.ts'
import { tickOnce } from '../../../src/jobs/scheduler.ts'
import { createLogger } from '../../../src/logger.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import type { ClosedRun } from '../../../src/store/runs/scheduled-runs.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { ensureInstallation, readAlerts, readRuns } from '../../support/tables/runs.ts'

const SCHEDULES = [readSchedule('full', '0 2 * * *', 'UTC'), readSchedule('incremental', '* * * * *', 'UTC')]
const log = createLogger({ level: 'silent', terminal: false })
const at = new Date('2026-01-01T02:00:00Z')

const run = (kind: string, outcome: ClosedRun['outcome']): ClosedRun => ({
  id: 1,
  kind,
  outcome,
  error: null,
  startedAt: at,
  finishedAt: at,
  resources: [
    { resource: 'projects', outcome, code: null, message: null, seen: 0, inserted: 0, updated: 0, deleted: 0 },
  ],
})

test('an incremental run that ends well ends neither the alert of a missing full run nor that of a failed one', async () => {
  await using database = await createDatabase()
  const sql = openDatabase(database.url)
  const raised = () => readAlerts(sql, ['subject', 'kind'])
  const note = (one: ClosedRun) => sql.begin((tx) => recordRunAlert(tx, one, log))
  try {
    await ensureInstallation(sql)
    const later = new Date(Date.now() + 5 * 86_400_000)
    await raiseSilenceAlerts(sql, SCHEDULES, later)
    await note(run('full', 'failed'))
    const alerts = [
      { subject: 'silence', kind: 'silence' },
      { subject: 'full', kind: 'failure' },
    ]
    expect(await raised()).toEqual(alerts)
    await note(run('incremental', 'ok'))
    await raiseSilenceAlerts(sql, SCHEDULES, later)
    expect(await raised()).toEqual(alerts)

    await note(run('incremental', 'failed'))
    await note(run('incremental', 'ok'))
    await note(run('full', 'ok'))
    expect((await raised()).slice(2)).toEqual([
      { subject: 'incremental', kind: 'failure' },
      { subject: 'incremental', kind: 'recovery' },
      { subject: 'full', kind: 'recovery' },
      { subject: 'silence', kind: 'recovery' },
    ])
  } finally {
    await sql.end({ timeout: 1 })
  }
})

test.each([
  [{ full: ['clients', 'projects'], incremental: ['projects'] }, ['full', 'incremental']],
  [{ full: ['clients'], incremental: [] }, ['full']],
])(
  'a tick makes a run of the resources of its schedule, and none where there are none: %o',
  async (resources, kinds) => {
    await using database = await createDatabase()
    const sql = openDatabase(database.url)
    const added: (readonly string[])[] = []
    const queues = {
      addRun: async (_: number, types: readonly string[]) => void added.push(types),
    } as unknown as Queues
    try {
      await tickOnce(
        { sql, session: sql, queues, log, schedules: SCHEDULES, resources, holder: 'test', version: '0' },
        at,
      )
      const runs = await readRuns(sql, ['kind'])
      expect(runs.map(({ kind }) => kind)).toEqual(kinds)
      expect(added).toEqual(kinds.map((kind) => resources[kind as keyof typeof resources]))
    } finally {
      await sql.end({ timeout: 1 })
    }
  },
)
