/** Where everything stands, for `status`, `doctor` and the dashboard: one reader, so that all show the same figures. */
import { catalog } from '../catalog/registry.ts'
import { notMigrated } from '../errors/database.ts'
import { hostClockNotice } from '../jobs/clock.ts'
import { intervalsAbout, type Schedule } from '../jobs/schedule.ts'
import type { RateState } from '../rate-limit-store.ts'
import { readMemberList, type ListedMember } from '../store/columns/member-list.ts'
import type { Database } from '../store/connection/database.ts'
import { readProcesses, type Process } from '../store/fleet/processes.ts'
import type { QueueDepth } from '../store/fleet/queue-depths.ts'
import { countChanges, oldestParkedAt, readPendingChanges, readSendBlockers } from '../store/outbox/changes.ts'
import { readPausedSchedules, type PausedSchedule } from '../store/runs/operator.ts'
import { readLastMinute, type LastMinute } from '../store/runs/requests.ts'
import { lastTicks as readLastTicks } from '../store/runs/scheduled-runs.ts'
import { readStatus, type ResourceStatus, type Status } from '../store/runs/status.ts'
import { describeLostEdits } from '../store/schema/capture-state.ts'
import { readHistory, type RecordedHistory } from '../store/schema/history.ts'
import { isMigrated, migratedSchemaGone } from '../store/schema/migrate.ts'
import { readClock } from '../store/server/clock.ts'
import { readConnections, type Connections } from '../store/server/connection-path.ts'
import { withinLimit } from '../within-limit.ts'
import { waitsBecause } from './change-reasons.ts'
import type { FleetState } from './fleet-state.ts'
import { problemsIn, type Problem } from './problems.ts'

export interface ResourceOverview extends ResourceStatus {
  /** From one read of it to the next, as it is scheduled; null where no schedule reads it. */
  readonly everySeconds: number | null
  /** More than two of a schedule have passed since such a read: at least one did not happen or did not succeed. */
  readonly isLate: boolean
}

export interface OldestEdit {
  readonly id: number
  readonly resource: string
  readonly recordId: string
  readonly madeAt: Date
  /** A sentence; null where it only has to be sent. */
  readonly waits: string | null
}

export interface Overview extends Status {
  readonly resources: readonly ResourceOverview[]
  readonly problems: readonly Problem[]
  readonly processes: readonly Process[]
  /** A sentence, where edits are lost; null where none are. */
  readonly lostEdits: string | null
  /** By state. */
  readonly localEdits: Readonly<Record<string, number>>
  /** Of the edits that are neither sent nor ended. */
  readonly oldestEdit: OldestEdit | null
  /** Of schedules that are not paused. */
  readonly nextTicks: readonly { readonly schedule: string; readonly at: Date }[]
  /** Seconds from one tick of each schedule to the next, the longest about now: some are not due at night, or on some days. */
  readonly intervals: readonly { readonly schedule: string; readonly seconds: number }[]
  readonly paused: readonly PausedSchedule[]
  /** How this host's clock differs from the database's; null where it does not. */
  readonly clock: string | null
  readonly connections: Connections
  readonly queue: {
    readonly kind: FleetState['kind']
    /** Null where it cannot be asked. */
    readonly depths: readonly QueueDepth[] | null
  }
  readonly requests: Requests
  /** Members that no release describes, each with its column or why it has none. */
  readonly members: readonly ListedMember[]
  /** Null: no table is recorded. */
  readonly history: RecordedHistory | null
}

/** To ScopeStack, of all processes of `start`. */
export interface Requests extends LastMinute {
  /** SYNC_RATE: requests a second; 0 for no limit. */
  readonly rate: number
  /** Null where Redis cannot be asked. */
  readonly state: RateState | null
}

export interface OverviewDeps {
  readonly schedules: readonly Schedule[]
  /** Requests a second; 0 for no limit. */
  readonly rate: number
  /** What a run of each schedule is for. */
  readonly resources: Readonly<Record<Schedule['name'], readonly string[]>>
  readonly fleet: Pick<FleetState, 'kind' | 'depths' | 'rateState'>
  /** For who reads again and again: most of what a reading costs is this one, and it changes when a person changes the schema. */
  readonly lostEdits?: () => Promise<string | null>
}

/** Redis that does not answer must not hold up what Postgres says. */
const PATIENCE_MS = 2_000

/** @throws SyncError SYNC_DATABASE_REFUSED where nothing was migrated, SYNC_TABLE_UNFIT where that is gone. */
export async function readOverview(sql: Database, deps: OverviewDeps): Promise<Overview> {
  const { schedules, fleet } = deps
  const found = await readStatus(sql)
  // Of a schema that is there no more, migrating says what became of it.
  if (found === null) throw (await migratedSchemaGone(sql)) ?? notMigrated()
  const clock = hostClockNotice(await readClock(sql))
  const lostEdits = await (deps.lostEdits ?? (() => readLostEdits(sql)))()
  const newest = await readNewest(sql, deps)
  const { lastTicks, parkedSince, isOlder, depths, ...shown } = newest
  const problems = problemsIn({ ...found, ...shown, isOlder, parkedSince, lostEdits, schedules, lastTicks })
  const running = schedules.filter(({ name }) => shown.paused.every(({ schedule }) => schedule !== name))
  const about = schedules.flatMap((schedule) => intervalOf(schedule, found.at))
  return {
    ...found,
    ...shown,
    resources: found.resources.map((one) => ({ ...one, ...dueOf(one, deps, about, found.at) })),
    problems,
    lostEdits,
    nextTicks: nextTicksOf(running, found.at),
    intervals: about.map(({ schedule, longest }) => ({ schedule, seconds: longest })),
    clock,
    connections: await readConnections(sql),
    queue: { kind: fleet.kind, depths },
  }
}

/** Null where none are lost. */
export const readLostEdits = (sql: Database): Promise<string | null> => describeLostEdits(sql, [...catalog.values()])

const NO_REQUESTS: LastMinute = { lastMinute: 0, isCut: false }

/** What stands in tables and columns that a schema of an older version lacks. */
async function readNewest(sql: Database, { schedules, rate, fleet }: OverviewDeps) {
  const lastTicks = new Map<string, Date>()
  if (!(await isMigrated(sql))) {
    const requests: Requests = { ...NO_REQUESTS, rate, state: null }
    const none = {
      processes: [],
      localEdits: {},
      oldestEdit: null,
      parkedSince: null,
      paused: [],
      depths: null,
      members: [],
      history: null,
    }
    return { ...none, isOlder: true, lastTicks, requests }
  }
  const names = schedules.map(({ name }) => name)
  for (const [name, at] of await readLastTicks(sql, names)) lastTicks.set(name, at)
  const localEdits = await countChanges(sql)
  // Together, so that a Redis that does not answer is waited for once.
  const [depths, state] = await Promise.all([askOf(() => fleet.depths()), askOf(() => fleet.rateState())])
  const isOpen = (localEdits['waiting'] ?? 0) + (localEdits['sending'] ?? 0) > 0
  return {
    isOlder: false,
    lastTicks,
    localEdits,
    oldestEdit: isOpen ? await readOldestEdit(sql) : null,
    parkedSince: (localEdits['parked'] ?? 0) > 0 ? await oldestParkedAt(sql) : null,
    processes: await readProcesses(sql),
    paused: await readPausedSchedules(sql),
    members: await readMemberList(sql, catalog),
    history: await readHistory(sql),
    depths,
    requests: { ...(await readLastMinute(sql)), rate, state },
  }
}

async function readOldestEdit(sql: Database): Promise<OldestEdit | null> {
  const [oldest] = await readPendingChanges(sql, 1)
  if (oldest === undefined) return null
  const { id, resource, recordId, madeAt } = oldest
  const blockers = await readSendBlockers(sql, [id])
  return { id, resource, recordId, madeAt, waits: waitsBecause(oldest, blockers.get(id)) }
}

/** Null where it cannot be read just now: a server that is away, or a role that may not. */
const askOf = <T>(ask: () => Promise<T>): Promise<T | null> =>
  withinLimit(
    ask().catch(() => null),
    PATIENCE_MS,
    () => null,
  )

const nextTicksOf = (schedules: readonly Schedule[], now: Date) =>
  schedules.flatMap((schedule) => {
    const at = schedule.nextAfter(now)
    return at === null ? [] : [{ schedule: schedule.name, at }]
  })

interface Interval {
  readonly schedule: Schedule['name']
  /** Between the next two ticks. */
  readonly seconds: number
  readonly longest: number
}

function intervalOf(schedule: Schedule, now: Date): Interval[] {
  const about = intervalsAbout(schedule, now)
  return about.length === 0 ? [] : [{ schedule: schedule.name, seconds: about.at(-1)!, longest: Math.max(...about) }]
}

function dueOf(
  { resource, dataAsOf, changesAsOf, lastOutcome }: ResourceStatus,
  { resources }: OverviewDeps,
  intervals: readonly Interval[],
  now: Date,
): Pick<ResourceOverview, 'everySeconds' | 'isLate'> {
  const its = intervals.filter(({ schedule }) => resources[schedule].includes(resource))
  if (its.length === 0) return { everySeconds: null, isLate: false }
  const everySeconds = Math.min(...its.map(({ seconds }) => seconds))
  // One that the account does not have has no data, and needs none.
  if (lastOutcome === 'absent' || dataAsOf === null) return { everySeconds, isLate: false }
  // An incremental read proves nothing of what only a full one finds, such as deletes.
  const readAt = { full: dataAsOf.getTime(), incremental: Math.max(dataAsOf.getTime(), changesAsOf?.getTime() ?? 0) }
  const isLate = its.some(({ schedule, longest }) => now.getTime() - readAt[schedule] > 2_000 * longest)
  return { everySeconds, isLate }
}
