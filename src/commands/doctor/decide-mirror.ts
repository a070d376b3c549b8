/** What the books say of drift, parked records and changes, schedules and runs, and what to do about them. Pure. */
import type { Silence } from '../../jobs/alerts/silence.ts'
import type { Schedule } from '../../jobs/schedule.ts'
import type { Overview } from '../../report/overview.ts'
import { editLines, type Problem } from '../../report/problems.ts'
import { ago, many, thousands } from '../../report/words.ts'
import type { Process } from '../../store/fleet/processes.ts'
import type { LiveViewState } from '../../store/schema/live/live-views.ts'
import type { SchemaVersion } from '../../store/schema/migrate.ts'
import { driftGroups, memberLines } from '../output/status-output.ts'
import { listed } from './decide-scopestack.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

/** Kinds that make a table's content wrong or incomplete. */
const HARMFUL: ReadonlySet<string> = new Set(['withheld', 'misfit'])

export function decideDrift({ drift, members }: Pick<Overview, 'drift' | 'members'>): readonly Finding[] {
  const added = memberLines(members).map((line) => ok(line, { members: members.length }))
  if (drift.length === 0 && added.length === 0)
    return [ok('The account has what the catalog declares, as far as it was read.', { members: 0 })]
  return [...driftLines(drift), ...added]
}

const driftLines = (drift: Overview['drift']): Finding[] =>
  driftGroups(drift).map(({ kind, text, counts }) => {
    const line = `${text}: ${listed(counts)}.`
    const members = drift.filter((one) => one.kind === kind).length
    const facts = { kind, members }
    if (!HARMFUL.has(kind)) return ok(line, facts)
    const remedy =
      kind === 'withheld'
        ? 'Ask whether a role or a field was changed in ScopeStack; if it is meant so: "pull --full --accept-withheld". "status --all" names the members.'
        : 'Run "discover", which names the kind that would fit, and "discover --write", which declares it; where the column was added by itself, "columns type".'
    return warn(line, remedy, { facts, quotes: true })
  })

export function decideParkedRecords(parked: Overview['parked']): readonly Finding[] {
  if (parked.length === 0) return [ok('None.', { records: 0 })]
  const count = parked.reduce((sum, one) => sum + one.count, 0)
  const where = parked.map(({ resource, count: its }) => `${resource} ${thousands(its)}`).join(', ')
  return [
    warn(
      `${many(count, 'record')} parked: ${where}.`,
      'Read the reasons in sync.parked; the next runs try them again.',
      { code: 'SYNC_RECORDS_PARKED', facts: { records: count, resources: parked.map(({ resource }) => resource) } },
    ),
  ]
}

export interface EditFacts extends Pick<Overview, 'localEdits' | 'lostEdits'> {
  readonly push: 'on' | 'off'
}

export function decideEdits({ localEdits, lostEdits, push }: EditFacts): readonly Finding[] {
  const { parked = 0, waiting = 0, sending = 0 } = localEdits
  const facts = { waiting, sending, parked, lost: lostEdits !== null }
  return [
    parked === 0
      ? ok(editLines(localEdits, push)[0] ?? 'No local edit waits, and none is parked.', facts)
      : warn(`${many(parked, 'local edit')} parked.`, 'Decide about them: "changes list".', {
          code: 'SYNC_CHANGES_PARKED',
          facts,
        }),
    ...(lostEdits === null
      ? []
      : [
          fail(lostEdits, 'Run "migrate" as the owner of the tables, then "verify".', {
            code: 'SYNC_EDITS_LOST',
            quotes: true,
            complete: true,
            facts,
          }),
        ]),
  ]
}

export interface ScheduleFacts {
  readonly schedules: readonly Schedule[]
  readonly timeZone: string
  readonly now: Date
}

const TICKS = 3

export function decideSchedule({ schedules, timeZone, now }: ScheduleFacts): readonly Finding[] {
  const isOff = (name: Schedule['name']): boolean => !schedules.some((one) => one.name === name)
  const facts = { timeZone, full: !isOff('full'), incremental: !isOff('incremental') }
  if (schedules.length === 0) {
    const remedy = 'Set SYNC_SCHEDULE, or let another scheduler run "pull".'
    return [warn('Both schedules are off: "start" reads nothing by itself.', remedy, { facts })]
  }
  const lines = schedules.map((schedule) => {
    const ticks = nextTicks(schedule, now)
    const named = `The next ${schedule.name} runs: ${ticks.map((at) => inZone(at, timeZone)).join(', ')} (${timeZone}).`
    return ok(named, { schedule: schedule.name, next: ticks.map((at) => at.toISOString()), timeZone })
  })
  if (!isOff('full')) return lines
  return [
    ...lines,
    warn(
      'SYNC_SCHEDULE is off: deletes in ScopeStack are found by full runs alone.',
      'Set SYNC_SCHEDULE, once a day or a week.',
      {
        facts,
      },
    ),
  ]
}

function nextTicks(schedule: Schedule, now: Date): Date[] {
  const ticks: Date[] = []
  for (let at = schedule.nextAfter(now); at !== null && ticks.length < TICKS; at = schedule.nextAfter(at))
    ticks.push(at)
  return ticks
}

/** `2026-11-30 02:00` */
const inZone = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(at)

export interface ProcessFacts {
  readonly processes: readonly Pick<Process, 'alive' | 'version'>[]
  readonly own: string
}

export function decideProcesses({ processes, own }: ProcessFacts): Finding {
  const alive = processes.filter((one) => one.alive)
  const versions = [...new Set(alive.map(({ version }) => version))]
  const facts = { alive: alive.length, versions }
  if (alive.length === 0) return ok('No "start" runs.', facts)
  const count = `${many(alive.length, '"start"').replace('"start"s', '"start"')} ${alive.length === 1 ? 'runs' : 'run'}`
  if (versions.every((version) => version === own)) return ok(`${count}, of this version.`, facts)
  return warn(
    `${count}, of version ${versions.join(' and ')}; this program is ${own}.`,
    'Replace the older ones when it suits: versions work side by side for an upgrade.',
    { facts },
  )
}

export interface SuccessFacts extends Pick<Overview, 'at' | 'resources' | 'problems'> {
  /** Of the full schedule; null where it is off. */
  readonly silence: Silence | null
}

export function decideSuccess({ at, resources, problems, silence }: SuccessFacts): readonly Finding[] {
  const read = resources.filter(({ dataAsOf }) => dataAsOf !== null)
  const bad = problems.filter(({ what }) => what === 'resource' || what === 'run' || what === 'schedule')
  const never = resources.length - read.length
  const facts = { resources: read.length, never, problems: bad.length }
  if (resources.length === 0)
    return [warn('Nothing was pulled into this database yet.', 'Run "pull", or "start".', { facts })]
  return [ok(ages(read, at, never), facts), ...silent(silence, at), ...badLines(bad)]
}

function ages(read: Overview['resources'], at: Date, never: number): string {
  const byAge = read.toSorted((one, other) => one.dataAsOf!.getTime() - other.dataAsOf!.getTime())
  const [oldest, newest] = [byAge[0], byAge.at(-1)]
  if (oldest === undefined || newest === undefined) return 'No resource was read completely yet.'
  const incomplete = never === 0 ? '' : ` ${many(never, 'resource')} never complete.`
  return `Oldest data: ${oldest.resource}, ${ago(oldest.dataAsOf!, at)}. Newest: ${newest.resource}, ${ago(newest.dataAsOf!, at)}.${incomplete}`
}

function silent(silence: Silence | null, at: Date): Finding[] {
  if (silence === null || !silence.silent) return []
  const last = silence.ever ? `the last one ended ${ago(silence.at, at)}` : 'there never was one'
  return [
    fail(
      `No full run has ended well for two intervals; ${last}.`,
      'Check that a "start" runs, and look at "status" and at its log.',
      { code: 'SYNC_OVERDUE', facts: { since: silence.at.toISOString(), ever: silence.ever } },
    ),
  ]
}

/** One reason is mostly that of many, as in "status". */
function badLines(problems: readonly Problem[]): Finding[] {
  return [...Map.groupBy(problems, ({ what, message }) => `${what} ${message}`).values()].map((those) => {
    const [{ what, message }] = those as [Problem]
    const names = those.flatMap(({ name }) => (name === null ? [] : [name]))
    const text = what === 'resource' ? `${names.join(', ')} ${message}` : message
    return warn(text, 'Look at "status"; the next run tries again.', {
      quotes: true,
      complete: true,
      facts: { what, names },
    })
  })
}

export interface SchemaFacts extends SchemaVersion {
  /** Why it cannot be used, with the remedy; null where nothing speaks against it. */
  readonly problem: string | null
}

export function decideSchema({ applied, newest, problem }: SchemaFacts): Finding {
  const facts = { applied: dayOf(applied), newest: dayOf(newest) }
  if (problem !== null) return fail(problem, 'Do as the message says.', { quotes: true, complete: true, facts })
  if (applied === null) {
    return warn(
      'The database has no tables of scopestack-sync yet.',
      'Run "migrate", or "pull" or "start", which do it first.',
      {
        code: 'SYNC_DATABASE_REFUSED',
        facts,
      },
    )
  }
  if (applied < newest) {
    return warn(
      `The schema is older (${dayOf(applied)}) than this version's (${dayOf(newest)}).`,
      'Run "migrate"; "pull" and "start" do it as well. Processes of the older version go on meanwhile.',
      { code: 'SYNC_SCHEMA_OLDER', facts },
    )
  }
  if (applied > newest) {
    return warn(
      `A newer version has migrated this database (${dayOf(applied)}); this one knows the schema of ${dayOf(newest)}, and works with it.`,
      'Replace this program with the newer version.',
      { facts },
    )
  }
  return ok(`The schema of this version (${dayOf(newest)}).`, facts)
}

const dayOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().slice(0, 10))

export function decideViews({ views, problems, kept }: LiveViewState): readonly Finding[] {
  const facts = { views, problems: problems.map(({ view }) => view), kept }
  const wrong = problems.map(({ view, problem }) =>
    warn(
      `scopestack_live.${view} is not what its table asks for: ${problem}.`,
      'The next run tries again; or call sync.refresh_live_views as the owner of the tables.',
      { facts, quotes: true },
    ),
  )
  const left = warn(
    `${many(kept.length, 'column')} of living views kept only for views that are made of them: ${listed(kept)}.`,
    'Take them out of those views; they go the next time the living view is made.',
    { facts, quotes: true },
  )
  if (wrong.length === 0 && kept.length === 0)
    return [ok(`${many(views, 'view')} of living rows, as the tables ask for.`, facts)]
  return kept.length === 0 ? wrong : [...wrong, left]
}
