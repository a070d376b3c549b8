/** What of settings, status, runs and drift may be read by others. Pure: each member is listed, and no text is copied. */
import { catalog } from '../../catalog/registry.ts'
import type { Config, InspectedConfig } from '../../config/config.ts'
import { ERRORS, type ErrorCode } from '../../errors/table.ts'
import type { Overview } from '../../report/overview.ts'
import type { RecentRun } from '../../store/runs/recent-runs.ts'
import { wrongSchedules } from './subject.ts'

/** Numbers and words of a list, as they are. Of texts that anything could have been pasted into, only what they amount to. */
export function settingsForOthers(settings: InspectedConfig) {
  const { config, given, wrong } = settings
  const { redisUrl, databaseUrl, alerts, proxy } = config
  const { grant, rate, concurrency, pageSize, deleteLimit, recheckDays, newFields, push, logLevel, production } = config
  const { graceSeconds, takeoverSeconds, httpPort = null, timezone } = config
  const schedulesAreRight = !wrong.has('SYNC_TIMEZONE') && !wrongSchedules(settings)
  return {
    grant,
    rate,
    concurrency,
    pageSize,
    deleteLimit,
    recheckDays,
    newFields,
    push,
    logLevel,
    production,
    graceSeconds,
    takeoverSeconds,
    httpPort,
    timezone,
    schedule: schedulesAreRight ? config.schedule : null,
    incrementalSchedule: schedulesAreRight ? config.incrementalSchedule : null,
    resources: config.resources?.filter((type) => catalog.has(type)) ?? null,
    database: databaseUrl === undefined ? 'embedded' : 'server',
    queue: redisUrl === undefined ? 'postgres' : 'redis',
    listens: listensOn(config),
    remote: isUsual(config) ? 'usual addresses' : 'other addresses',
    webhook: alerts.webhookUrl !== undefined,
    webhookSigned: alerts.webhookSecret !== undefined,
    mail: alerts.mail !== undefined,
    proxy: proxy !== undefined,
    given: [...given],
    wrong: [...wrong],
  }
}

const listensOn = ({ httpHost }: Config): string =>
  /^(?:127\.|localhost$|::1$)/.test(httpHost) ? 'loopback' : /^(?:0\.0\.0\.0|::)$/.test(httpHost) ? 'all' : 'other'

const isUsual = ({ apiUrl, authUrl }: Config): boolean =>
  apiUrl === 'https://api.scopestack.io' && authUrl === 'https://app.scopestack.io'

/** A message ends with its code. */
const codeIn = (message: string | null): ErrorCode | null => {
  const code = /\((SYNC_[A-Z_]+)\)$/.exec(message ?? '')?.[1]
  return code !== undefined && code in ERRORS ? (code as ErrorCode) : null
}

export function statusForOthers({ at, account, resources, runs, parked, ...rest }: Overview) {
  const { problems, processes, lostEdits, localEdits, nextTicks, paused, clock } = rest
  return {
    at,
    bound: account !== null,
    resources: resources.filter(isOurs).map(({ message, ...one }) => ({ ...numbersOf(one), code: codeIn(message) })),
    runs: runs.map(({ id, kind, startedAt, finishedAt, outcome, error, done, planned }) => {
      return { id, kind, startedAt, finishedAt, outcome, code: codeIn(error), failed: error !== null, done, planned }
    }),
    parkedRecords: parked.filter(isOurs).map(({ resource, count }) => ({ resource, count })),
    localEdits: { ...localEdits },
    lostEdits: lostEdits !== null,
    problems: problems.map(({ what, message }) => ({ what, code: codeIn(message) })),
    processes: processes.map(({ version, parts, startedAt, seenAt, alive }) => {
      return { version, parts, startedAt, seenAt, alive }
    }),
    nextTicks,
    paused,
    hostClockIsOff: clock !== null,
  }
}

type Numbers = Omit<Overview['resources'][number], 'message'>

const numbersOf = ({ resource, dataAsOf, lastSuccessAt, lastOutcome, lastRunAt, rows, interruptedAt }: Numbers) => ({
  resource,
  dataAsOf,
  lastSuccessAt,
  lastOutcome,
  lastRunAt,
  rows,
  interruptedAt,
})

const isOurs = ({ resource }: { readonly resource: string }): boolean => catalog.has(resource)

export const runsForOthers = (runs: readonly RecentRun[]) =>
  runs.map(({ error, resources, ...run }) => ({
    ...run,
    code: codeIn(error),
    failed: error !== null,
    resources: resources.filter(isOurs),
  }))

/** A member's name, and not what it holds. */
const NAME = /^[a-z0-9][\w.?[\]-]{0,99}$/i

export const driftForOthers = (drift: Overview['drift']) =>
  drift
    .filter(isOurs)
    .map(({ resource, member, kind }) => ({ resource, member: NAME.test(member) ? member : null, kind }))
