/**
 * Every metric of the fleet, in the order in which it is shown: the age of the data first. They come from the database, and every
 * process shows the same; those of the process that is asked are in process-metrics.ts.
 */
import type { FleetFacts } from './metrics-facts.ts'

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export interface Metric<F> {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
  readonly of: (facts: F) => readonly Sample[]
}

const secondsFrom = (since: Date, until: Date): number => Math.max(0, (until.getTime() - since.getTime()) / 1000)
const epochSeconds = (at: Date): number => at.getTime() / 1000

/** One where there is a value. */
const sample = (labels: Sample[0], value: number | null): Sample[] => (value === null ? [] : [[labels, value]])

export const OF_FLEET: readonly Metric<FleetFacts>[] = [
  {
    name: 'freshness_seconds',
    type: 'gauge',
    help: 'Seconds since the time that the table holds the state of; +Inf until its first complete read.',
    labels: ['resource'],
    of: ({ at, resources }) =>
      resources.map(({ resource, dataAsOf }) => [
        { resource },
        dataAsOf === null ? Infinity : secondsFrom(dataAsOf, at),
      ]),
  },
  {
    name: 'schedule_interval_seconds',
    type: 'gauge',
    help: 'Seconds from one tick of a schedule to the next, the longest about now: a night without a tick counts.',
    labels: ['schedule'],
    of: ({ intervals }) => intervals.map(({ schedule, seconds }) => [{ schedule }, seconds]),
  },
  {
    name: 'late',
    type: 'gauge',
    help: '1 where the table is older than two intervals of the schedule that reads it most often, else 0; none of a table that no schedule reads.',
    labels: ['resource'],
    of: ({ resources }) =>
      resources.flatMap((one) => sample({ resource: one.resource }, one.everySeconds && Number(one.isLate))),
  },
  {
    name: 'problems',
    type: 'gauge',
    help: 'What needs a person, as many as "status" lists.',
    labels: [],
    of: ({ problems }) => [[{}, problems.length]],
  },
  {
    name: 'last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When a read of the resource last ended ok.',
    labels: ['resource'],
    of: ({ resources }) =>
      resources.flatMap(({ resource, lastSuccessAt: at }) => sample({ resource }, at && epochSeconds(at))),
  },
  {
    name: 'last_outcome',
    type: 'gauge',
    help: '1 for the outcome of the last read of the resource: ok, absent, incomplete, suspect, forbidden or failed.',
    labels: ['resource', 'outcome'],
    of: ({ resources }) =>
      resources.flatMap(({ resource, lastOutcome: one }) => sample({ resource, outcome: one ?? '' }, one && 1)),
  },
  {
    name: 'rows',
    type: 'gauge',
    help: 'Rows of the table that are not marked deleted, at the end of the last read.',
    labels: ['resource'],
    of: ({ resources }) => resources.flatMap(({ resource, rows }) => sample({ resource }, rows)),
  },
  {
    name: 'parked_records',
    type: 'gauge',
    help: 'Records that the mirror could not take, and that wait for a person.',
    labels: ['resource'],
    of: ({ parked }) => parked.map(({ resource, count }) => [{ resource }, count]),
  },
  {
    name: 'drift',
    type: 'gauge',
    help: 'Members in which the account and the catalog differ.',
    labels: ['resource'],
    of: ({ drift }) =>
      [...Map.groupBy(drift, ({ resource }) => resource)].map(([resource, { length }]) => [{ resource }, length]),
  },
  {
    name: 'local_edits',
    type: 'gauge',
    help: 'Local edits that have not ended, by their state: waiting, sending or parked.',
    labels: ['state'],
    of: ({ localEdits }) => ['waiting', 'sending', 'parked'].map((state) => [{ state }, localEdits[state] ?? 0]),
  },
  {
    name: 'outbox_oldest_seconds',
    type: 'gauge',
    help: 'Age of the oldest local edit that waits or is being sent; 0 where there is none.',
    labels: [],
    of: ({ at, oldestEdit }) => [[{}, oldestEdit === null ? 0 : secondsFrom(oldestEdit.madeAt, at)]],
  },
  {
    name: 'run_duration_seconds',
    type: 'gauge',
    help: 'How long the last run of the kind took that has ended.',
    labels: ['kind'],
    of: ({ runs }) =>
      runs.flatMap(({ kind, startedAt, finishedAt: at }) => sample({ kind }, at && secondsFrom(startedAt, at))),
  },
  {
    name: 'run_end_timestamp_seconds',
    type: 'gauge',
    help: 'When it ended.',
    labels: ['kind'],
    of: ({ runs }) => runs.flatMap(({ kind, finishedAt: at }) => sample({ kind }, at && epochSeconds(at))),
  },
  {
    name: 'run_outcome',
    type: 'gauge',
    help: '1 for its outcome.',
    labels: ['kind', 'outcome'],
    of: ({ runs }) =>
      runs.flatMap(({ kind, outcome, finishedAt }): Sample[] =>
        finishedAt === null || outcome === null ? [] : [[{ kind, outcome }, 1]],
      ),
  },
  {
    name: 'run_open_seconds',
    type: 'gauge',
    help: 'How long the open run of the kind has been going on.',
    labels: ['kind'],
    of: ({ at, runs }) =>
      runs.flatMap(({ kind, startedAt, finishedAt: end }) => sample({ kind }, end ? null : secondsFrom(startedAt, at))),
  },
  {
    name: 'processes',
    type: 'gauge',
    help: 'Processes of start by their heartbeats: alive, or silent for a minute (for seven days after).',
    labels: ['state'],
    of: ({ processes }) => {
      const alive = processes.filter((one) => one.alive).length
      return [
        [{ state: 'alive' }, alive],
        [{ state: 'silent' }, processes.length - alive],
      ]
    },
  },
  {
    name: 'queue_jobs',
    type: 'gauge',
    help: 'Jobs of each queue, by their state.',
    labels: ['queue', 'state'],
    of: ({ queue: { depths } }) => (depths ?? []).map(({ queue, state, jobs }) => [{ queue, state }, jobs]),
  },
]
