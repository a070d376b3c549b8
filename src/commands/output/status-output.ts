/** The state of everything, for a person: problems come first. */
import {
  connectionsLine,
  connectionsOf,
  every,
  lateMark,
  oldestEditLines,
  queueLine,
  used,
  waitLines,
} from '../../report/lines.ts'
import type { Overview } from '../../report/overview.ts'
import { groupsOf, pausedLines, standingOf, type Problem } from '../../report/problems.ts'
import { ago, many, moment, thousands } from '../../report/words.ts'
import type { Process } from '../../store/fleet/processes.ts'
import type { ResourceStatus, RunStatus, Status } from '../../store/runs/status.ts'
import { tableIn, wrapped } from './format.ts'

export interface Shown extends Overview {
  /** Said of edits that wait. */
  readonly edits: readonly string[]
}

/** @param width of the terminal; undefined where a program reads, for which nothing is cut or broken. */
export function statusLines(status: Shown, { width, all }: { width: number | undefined; all: boolean }): string[] {
  const { account, resources, drift, edits } = status
  const fold = (text: string, indent = ''): string[] =>
    width === undefined ? [indent + text] : wrapped(text, indent, width)
  const going = goingOn(status).flatMap((line) => fold(line))
  const problems = problemLines(status.problems, fold)
  if (account === null || resources.length === 0) {
    return ['Nothing was pulled into this database yet. Run "pull".', ...problems, ...going]
  }
  return [
    ...fold(`Account ${account.slug} (${account.id})`),
    ...problems,
    ...(status.clock === null ? [] : [...fold(status.clock), '']),
    ...going,
    ...edits.flatMap((line) => fold(line)),
    ...oldestEditLines(status).flatMap((line) => fold(line)),
    '',
    ...tableIn(width, resourceRows(resources, status.at)),
    ...sectionOf(resources.flatMap(interruption).flatMap((line) => fold(line))),
    ...sectionOf(
      all ? drift.map(driftLine).flatMap((line) => fold(line)) : driftSummary(drift).flatMap((line) => fold(line)),
    ),
    ...sectionOf([...memberLines(status.members), ...historyLines(status.history)].flatMap((line) => fold(line))),
  ]
}

type Fold = (text: string, indent?: string) => string[]

const sectionOf = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines])

function problemLines(problems: readonly Problem[], fold: Fold): string[] {
  if (problems.length === 0) return []
  const lines = groupsOf(problems).flatMap((those) => {
    const [{ what, message }] = those
    const said = what === 'resource' ? `${nameList(those.map(({ name }) => name ?? ''))} ${message}` : message
    return [...fold(said, '  '), ...fold(standingOf(those), '    ').filter((line) => line.trim() !== '')]
  })
  return ['', `${many(problems.length, 'problem')}:`, ...lines, '']
}

const nameList = (names: readonly string[]): string =>
  names.length <= LISTED
    ? names.join(', ')
    : `${names.slice(0, LISTED).join(', ')} and ${thousands(names.length - LISTED)} more`

function goingOn({ at, runs, processes, nextTicks, paused, connections, queue, requests }: Shown): string[] {
  const alive = processes.filter((one) => one.alive)
  return [
    ...runs.map((run) => runLine(run, at)),
    ...(alive.length === 0 ? [noneLine(processes, at)] : alive.slice(0, LISTED).map((one) => processLine(one, at))),
    ...(alive.length > LISTED
      ? [`… and ${thousands(alive.length - LISTED)} more processes of "start"; --json has all.`]
      : []),
    `Connections to Postgres: ${connectionsLine(connections)}.`,
    `Queue: ${queueLine(queue)}.`,
    `Requests: ${used(requests, requests.rate)}`,
    ...waitLines(requests, at),
    ...pausedLines(paused),
    ...nextTicks.map(({ schedule, at: next }) =>
      alive.length === 0
        ? `Next ${schedule} run, where "start" runs: ${moment(next)}.`
        : `Next ${schedule} run: ${moment(next)}.`,
    ),
  ]
}

const LISTED = 5

const processLine = ({ holder, version, parts, startedAt, seenAt, connections }: Process, at: Date): string =>
  `"start" ${version} runs since ${moment(startedAt)} (${holder}: ${parts.join(', ')}${connectionsOf(connections)}), seen ${ago(seenAt, at)}.`

function noneLine([last]: readonly Process[], at: Date): string {
  return last === undefined
    ? 'No "start" runs.'
    : `No "start" runs. ${last.holder} was seen ${ago(last.seenAt, at)}, and did not say that it ends.`
}

function runLine({ id, kind, startedAt, finishedAt, outcome, done, planned }: RunStatus, at: Date): string {
  const name = `Run ${id} (${kind})`
  if (finishedAt === null) {
    const far = `${done} of ${planned ?? '?'} resources done.`
    // The run itself does not show whether a process works on it.
    return kind === 'backfill'
      ? `${name}, begun ${ago(startedAt, at)}, has not ended: ${far} If it was stopped, run "backfill" to go on.`
      : `${name} goes on since ${ago(startedAt, at)}: ${far}`
  }
  return `${name} ended ${ago(finishedAt, at)}: ${outcome ?? '–'}`
}

const resourceRows = (resources: Overview['resources'], at: Date) => [
  ['resource', 'outcome', 'rows', 'data as of', 'last run', 'read'],
  ...resources.map((one) => [
    one.resource,
    one.lastOutcome ?? '–',
    one.rows,
    one.dataAsOf === null ? 'never complete' : ago(one.dataAsOf, at) + lateMark(one),
    one.lastRunAt === null ? '–' : ago(one.lastRunAt, at),
    every(one.everySeconds),
  ]),
]

const interruption = ({ resource, interruptedAt, readers }: ResourceStatus): string[] =>
  interruptedAt === null
    ? []
    : [
        readers.length > 0
          ? `${resource} is being read by ${readers.join('; ')}: ${thousands(interruptedAt)} records so far.`
          : `${resource} is being read, or was interrupted, behind ${thousands(interruptedAt)} records; the next pull goes on there.`,
      ]

const DRIFT_MEANS: Readonly<Record<string, string>> = {
  undeclared: 'is not in the catalog and kept in sync_extra',
  misfit: 'had values that do not fit its column; they are kept in sync_extra',
  withheld: 'was in every record before and is missed; what stands there may be out of date',
  gone: 'is declared and was not sent',
  refused: 'is refused by the server and left out of the question',
}

const GROUPS: Readonly<Record<string, string>> = {
  withheld: 'In every record before and missed, so what stands there may be out of date',
  misfit: 'With values that do not fit the column, which are kept in sync_extra',
  undeclared: 'Not in the catalog, and kept in sync_extra',
  refused: 'Refused by the server, and left out of the question',
  gone: 'Declared, and not sent',
}

const driftLine = ({ resource, member, kind, sample }: Status['drift'][number]): string =>
  `${resource}: "${member}" (${sample}) ${DRIFT_MEANS[kind] ?? kind}.`

export interface DriftGroup {
  readonly kind: string
  /** `Not in the catalog, and kept in sync_extra` */
  readonly text: string
  /** `clients 3` */
  readonly counts: readonly string[]
}

export function driftGroups(drift: Status['drift']): DriftGroup[] {
  const kinds = Map.groupBy(drift, ({ kind }) => kind)
  return [...new Set([...Object.keys(GROUPS), ...kinds.keys()])].flatMap((kind) => {
    const found = kinds.get(kind)
    if (found === undefined) return []
    const counts = [...Map.groupBy(found, ({ resource }) => resource)].map(([name, those]) => `${name} ${those.length}`)
    return [{ kind, text: GROUPS[kind] ?? kind, counts }]
  })
}

/** `Not described by this release: 12 members are columns, 3 wait; "columns list" names them.` */
export function memberLines(members: Overview['members']): string[] {
  const count = (states: readonly string[]): number => members.filter(({ state }) => states.includes(state)).length
  const [columns, wait, refused] = [count(['added', 'kept']), count(['new', 'waiting']), count(['refused', 'dropped'])]
  const parts = [
    ...(columns > 0 ? [`${many(columns, 'member')} became columns by themselves`] : []),
    ...(wait > 0 ? [`${thousands(wait)} ${wait === 1 ? 'waits' : 'wait'}`] : []),
    ...(refused > 0 ? [`${thousands(refused)} ${refused === 1 ? 'is' : 'are'} to have none`] : []),
  ]
  return parts.length === 0 ? [] : [`Not described by this release: ${parts.join(', ')}. "columns list" names them.`]
}

/** `History of clients, projects: complete since 2026-03-01 02:00 UTC, 46 MB of earlier versions in scopestack_history.` */
const historyLines = (history: Overview['history']): string[] =>
  history === null
    ? []
    : [
        `History of ${history.tables.join(', ')}: complete since ${moment(history.since)}, ${thousands(Math.ceil(history.bytes / 1e6))} MB of earlier versions in scopestack_history.`,
      ]

const driftSummary = (drift: Status['drift']): string[] =>
  drift.length === 0
    ? []
    : [
        `The account differs from this version's catalog in ${many(drift.length, 'member')}; --all names them.`,
        ...driftGroups(drift).map(({ text, counts }) => `${text}: ${counts.join(', ')}.`),
      ]
