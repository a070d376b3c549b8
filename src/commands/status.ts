import { explainStore, openStore } from '../assemble.ts'
import { notMigrated } from '../errors.ts'
import { hostNotice } from '../jobs/clock.ts'
import { readSchedules, type Schedule } from '../jobs/schedule.ts'
import { catalog } from '../registry.ts'
import { lostEdits } from '../store/capture-state.ts'
import { countChanges } from '../store/changes.ts'
import { readClock } from '../store/clock.ts'
import { isMigrated, migratedSchemaGone } from '../store/migrate.ts'
import { isWell } from '../store/runs.ts'
import { readStatus, type ResourceStatus, type RunStatus, type Status } from '../store/status.ts'
import { readSettings } from './settings.ts'
import type { Verb } from './verb.ts'
import { ago, textTable, thousands } from './words.ts'
import { EXIT } from '../sync-error.ts'

export const status: Verb = {
  name: 'status',
  summary: 'show where every resource stands',
  options: [{ flags: '--json', about: 'the same as one JSON document on stdout' }],
  help: `Reads the database only; ScopeStack is not asked. The same is in the view
scopestack.sync_status, for SQL.

Exit code 2 when local edits are lost, because triggers of the tables are missing or disabled.

Examples
  npm run -s sync -- status
  npm run -s sync -- status --json | jq '.resources[] | select(.lastOutcome != "ok")'`,

  async run({ options, signal }) {
    const config = readSettings({ credentials: false })
    const schedules = readSchedules(config)
    const store = await openStore(config, signal)
    try {
      const found = await readStatus(store.sql)
      // Of a schema that is there no more, migrating says what became of it.
      if (found === null) throw (await migratedSchemaGone(store.sql)) ?? notMigrated()
      const reading = await readClock(store.sql)
      const now = new Date(reading.now)
      const nextTicks = nextTicksOf(schedules, now)
      const clock = hostNotice(reading)
      const edits = (await isMigrated(store.sql)) ? await countChanges(store.sql) : {}
      const json = options['json'] === true
      const lost = await lostEdits(store.sql, [...catalog.values()])
      const document = { ...found, lostEdits: lost, localEdits: edits, nextTicks, clock }
      const lines = [
        ...[lost, clock].flatMap((one) => (one === null ? [] : [one, ''])),
        describe(found, nextTicks, now),
        ...editLines(edits, config.push),
      ]
      process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${lines.join('\n')}\n`)
      return lost === null ? EXIT.ok : EXIT.notAllOk
    } catch (error) {
      throw await explainStore(error, store)
    } finally {
      await store.close()
    }
  },
}

/** Nothing where nothing waits: many never edit here. */
function editLines(
  { waiting = 0, sending = 0, parked = 0 }: Readonly<Record<string, number>>,
  push: 'on' | 'off',
): string[] {
  const parts: string[] = []
  const where = push === 'on' ? 'on their way to ScopeStack' : 'waiting for "push", since SYNC_PUSH is off'
  if (waiting + sending > 0) parts.push(`${thousands(waiting + sending)} ${where}`)
  if (parked > 0) parts.push(`${thousands(parked)} set aside, see "changes list"`)
  return parts.length === 0 ? [] : ['', `Local edits: ${parts.join(' · ')}.`]
}

interface NextTick {
  readonly schedule: string
  readonly at: Date
}

/** By the settings of this process; whether one runs that keeps to them, it cannot know. */
const nextTicksOf = (schedules: readonly Schedule[], now: Date): NextTick[] =>
  schedules.flatMap((schedule) => {
    const at = schedule.nextAfter(now)
    return at === null ? [] : [{ schedule: schedule.name, at }]
  })

function describe(
  { account, runs, resources, parked, drift }: Status,
  nextTicks: readonly NextTick[],
  now: Date,
): string {
  const runLine = (run: RunStatus): string => runLineAt(run, now)
  const ticks = nextTicks.map(({ schedule, at }) => `Next ${schedule} run, where "start" runs: ${at.toISOString()}.`)
  if (account === null || resources.length === 0) {
    return ['Nothing was pulled into this database yet. Run "pull".', ...runs.map(runLine), ...ticks].join('\n')
  }
  const lines = [`Account ${account.slug} (${account.id})`, ...runs.map(runLine), ...ticks, '']
  lines.push(
    textTable([
      ['resource', 'outcome', 'rows', 'data as of', 'last run'],
      ...resources.map((one) => [
        one.resource,
        one.lastOutcome ?? '–',
        one.rows,
        one.dataAsOf === null ? 'never complete' : ago(one.dataAsOf, now),
        one.lastRunAt === null ? '–' : ago(one.lastRunAt, now),
      ]),
    ]),
  )
  const remarks = [...resources.flatMap(remarksOn), ...parked.map(parkedLine), ...driftLines(drift)]
  if (remarks.length > 0) lines.push('', ...remarks)
  return lines.join('\n')
}

function runLineAt(run: RunStatus, now: Date): string {
  const { id, kind, startedAt, finishedAt, outcome, error, done, planned } = run
  const name = `Run ${id} (${kind})`
  if (finishedAt === null) {
    const far = `${done} of ${planned ?? '?'} resources done.`
    // Whether a process is at it, the run itself does not say.
    return kind === 'backfill'
      ? `${name}, begun ${ago(startedAt, now)}, has not ended: ${far} If it was stopped, run "backfill" to go on.`
      : `${name} goes on since ${ago(startedAt, now)}: ${far}`
  }
  return `${name} ended ${ago(finishedAt, now)}: ${outcome ?? '–'}${error === null ? '' : `. ${error}`}`
}

function remarksOn({ resource, lastOutcome, message, interruptedAt }: ResourceStatus): string[] {
  const remarks: string[] = []
  if (lastOutcome !== null && !isWell(lastOutcome)) remarks.push(`${resource} ${lastOutcome}: ${message ?? ''}`)
  if (interruptedAt !== null)
    remarks.push(
      `${resource} is being read, or was interrupted, behind ${thousands(interruptedAt)} records; the next pull goes on there.`,
    )
  return remarks
}

const parkedLine = ({ resource, count }: Status['parked'][number]): string =>
  `${resource}: ${count} record${count === 1 ? '' : 's'} set aside, with the reason, in sync.parked.`

const DRIFT_MEANS: Readonly<Record<string, string>> = {
  undeclared: 'is not in the catalog and kept in sync_extra',
  misfit: 'had values that do not fit its column; they are kept in sync_extra',
  withheld: 'was in every record before and is missed; what stands there may be out of date',
  gone: 'is declared and was not sent',
  refused: 'is refused by the server and left out of the question',
}

const driftLines = (drift: Status['drift']): string[] =>
  drift.map(
    ({ resource, member, kind, sample }) => `${resource}: "${member}" (${sample}) ${DRIFT_MEANS[kind] ?? kind}.`,
  )
