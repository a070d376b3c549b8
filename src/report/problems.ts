/** Problems that the bookkeeping tables show: `status` lists them first, and exits with 2 for any of them. */
import { withCode } from '../errors/sync-error.ts'
import type { Schedule } from '../jobs/schedule.ts'
import type { PausedSchedule } from '../store/runs/operator.ts'
import { isSuccess, type Outcome } from '../store/runs/runs.ts'
import type { Status } from '../store/runs/status.ts'
import { parkedMessage } from '../sync/list/completeness.ts'
import { many, moment, thousands } from './words.ts'

export interface Problem {
  /** `schema`, `resource`, `run`, `schedule`, `records`, `edits`: a name that stays, for machines. */
  readonly what: 'schema' | 'resource' | 'run' | 'schedule' | 'records' | 'edits'
  /** Of the resource or the schedule; null for a problem of all of them. */
  readonly name: string | null
  /** Of a resource without its name: many may have the same. */
  readonly message: string
  /** Of a resource, the time of which its table is still equal to ScopeStack; of others, when it began. Null where that is not known. */
  readonly since: Date | null
  /** A command that helps, or shows more; null where the message says what to do. */
  readonly helps: string | null
  /** Of a failed run, its number. */
  readonly run?: number
}

interface Facts extends Pick<Status, 'at' | 'resources' | 'runs' | 'parked'> {
  /** The tables are of an older version: what those of this one would show, such as local edits, is not known. */
  readonly isOlder: boolean
  /** A sentence, where edits are lost; null where none are. */
  readonly lostEdits: string | null
  /** By state. */
  readonly localEdits: Readonly<Record<string, number>>
  /** When the oldest local edit that is parked was made. */
  readonly parkedSince: Date | null
  readonly schedules: readonly Schedule[]
  /** By schedule, when the newest tick that was decided on was due. */
  readonly lastTicks: ReadonlyMap<string, Date>
}

const OLDER: Problem = {
  what: 'schema',
  name: null,
  message: withCode(
    'The tables are those of an older version, so processes and local edits are not shown. Run "migrate"; "pull" and "start" do it as well.',
    'SYNC_SCHEMA_OLDER',
  ),
  since: null,
  helps: 'migrate',
}

/** A scheduler decides within seconds; one that starts again has this long. */
const LATE_MS = 5 * 60_000

export const problemsIn = (facts: Facts): Problem[] => [
  ...(facts.isOlder ? [OLDER] : []),
  ...worstFirst(facts.resources).flatMap(({ resource, lastOutcome, message, dataAsOf }): Problem[] =>
    lastOutcome === null || isSuccess(lastOutcome) || isOfParked(resource, message, facts)
      ? []
      : [
          {
            what: 'resource',
            name: resource,
            message: `${lastOutcome}: ${message ?? ''}`,
            since: dataAsOf,
            helps: helpsBy(lastOutcome, resource),
          },
        ],
  ),
  ...facts.runs.flatMap(({ id, kind, error, finishedAt: since }): Problem[] => {
    const message = `Run ${id} (${kind}) failed: ${error}`
    return error === null ? [] : [{ what: 'run', name: kind, message, since, helps: 'doctor', run: id }]
  }),
  ...facts.schedules.flatMap((schedule) => overdue(schedule, facts)),
  ...facts.parked.map(({ resource, count, since }): Problem => ({
    what: 'records',
    since,
    helps: null,
    name: resource,
    message: withCode(
      `${resource}: ${many(count, 'record')} parked, with the reason, in sync.parked.`,
      'SYNC_RECORDS_PARKED',
    ),
  })),
  ...(facts.lostEdits === null
    ? []
    : [{ what: 'edits' as const, name: null, message: facts.lostEdits, since: null, helps: 'migrate' }]),
  ...editsParked(facts.localEdits['parked'] ?? 0, facts.parkedSince),
]

/** Incomplete for its parked records alone, which are a problem of their own below. */
const isOfParked = (resource: string, message: string | null, { parked }: Facts): boolean =>
  parked.some((one) => one.resource === resource) &&
  message !== null &&
  message === withCode(parkedMessage(Number.parseInt(message)), 'SYNC_INCOMPLETE')

const WORST_FIRST: readonly Outcome[] = ['failed', 'forbidden', 'suspect', 'incomplete']

const worstFirst = (resources: Facts['resources']): Facts['resources'] =>
  resources.toSorted((one, other) => rankOf(one) - rankOf(other))

const rankOf = ({ lastOutcome }: Facts['resources'][number]): number =>
  lastOutcome === null ? WORST_FIRST.length : WORST_FIRST.indexOf(lastOutcome)

const editsParked = (count: number, since: Date | null): Problem[] =>
  count === 0
    ? []
    : [
        {
          what: 'edits',
          name: null,
          message: withCode(`${many(count, 'local edit')} parked, see "changes list".`, 'SYNC_CHANGES_PARKED'),
          since,
          helps: 'changes list',
        },
      ]

const PULL = 'pull '
const MOST_NAMES = 5

/** A suspect list says itself with which option it is accepted. */
const helpsBy = (outcome: Outcome, resource: string): string | null =>
  outcome === 'forbidden' ? 'doctor' : outcome === 'suspect' ? null : PULL + resource

/** Problems of many resources mostly have one reason: they are one line. */
export const groupsOf = (problems: readonly Problem[]): (readonly [Problem, ...Problem[]])[] =>
  [...Map.groupBy(problems, ({ what, message }) => `${what} ${message}`).values()] as [Problem, ...Problem[]][]

/** `Equal as of 2026-11-28 02:04 UTC. Helps: "pull clients tags".`, for those of one reason. */
export function standingOf(those: readonly [Problem, ...Problem[]]): string {
  const [{ what, helps }] = those
  const times = those.flatMap(({ since }) => (since === null ? [] : [since.getTime()]))
  const oldest = times.length === 0 ? null : moment(new Date(Math.min(...times)))
  const some = times.length < those.length ? 'Never read completely' : null
  const since =
    what !== 'resource'
      ? [oldest === null ? null : `Since ${oldest}`]
      : [
          some !== null && oldest !== null ? `Some never read completely` : some,
          oldest && `Equal as of ${oldest}${new Set(times).size > 1 ? ' or later' : ''}`,
        ]
  const names = those.flatMap((one) => (one.helps?.startsWith(PULL) === true ? [one.helps.slice(PULL.length)] : []))
  // It takes several names; without one it reads all.
  const together = names.length === 0 ? helps : names.length > MOST_NAMES ? 'pull' : PULL + names.join(' ')
  return [
    ...since.flatMap((words) => (words === null ? [] : [`${words}.`])),
    ...(together === null ? [] : [`Helps: "${together}".`]),
  ].join(' ')
}

/** Where no scheduler ever decided, `pull` is run by other means. */
function overdue(schedule: Schedule, { at, lastTicks }: Facts): Problem[] {
  const { name } = schedule
  const decided = lastTicks.get(name)
  const due = schedule.dueBy(new Date(at.getTime() - LATE_MS))
  if (decided === undefined || due === null || due <= decided) return []
  const message = `The ${name} run of ${moment(due)} is overdue: no "start" has made it. The one before was due ${moment(decided)}.`
  return [{ what: 'schedule', name, message: withCode(message, 'SYNC_OVERDUE'), since: due, helps: 'start' }]
}

/** `Local edits: 3 on their way to ScopeStack.`; nothing where nothing waits: many never edit here. */
export function editLines({ waiting = 0, sending = 0 }: Facts['localEdits'], push: 'on' | 'off'): string[] {
  const count = waiting + sending
  if (count === 0) return []
  const where =
    push === 'on'
      ? `on ${count === 1 ? 'its' : 'their'} way to ScopeStack`
      : 'waiting for "push", since SYNC_PUSH is off'
  return [`Local edits: ${thousands(count)} ${where}.`]
}

/** `The full schedule is paused since 2026-11-29 02:00 UTC; the dashboard resumes it.` */
export const pausedLines = (paused: readonly PausedSchedule[]): string[] =>
  paused.map(
    ({ schedule, since }) => `The ${schedule} schedule is paused since ${moment(since)}; the dashboard resumes it.`,
  )
