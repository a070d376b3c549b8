/** How things are, in one sentence. */
import type { Overview } from './overview.ts'
import type { Problem } from './problems.ts'
import { ago, many, moment } from './words.ts'

type Facts = Pick<Overview, 'at' | 'account' | 'resources' | 'problems' | 'nextTicks' | 'processes'>

/** `All 64 resources are up to date as of 2026-11-29 02:04 UTC; next full read in 5 h.` */
export function headline({ at, account, resources, problems, nextTicks, processes }: Facts): string {
  const next = nextTicks.toSorted((one, other) => one.at.getTime() - other.at.getTime())[0]
  const alive = processes.some((one) => one.alive)
  const then =
    next === undefined
      ? 'nothing is scheduled'
      : `next ${next.schedule} read ${inTime(next.at, at)}${alive ? '' : ', where "start" runs'}`
  if (account === null || resources.length === 0) return `Nothing was read yet; ${then}.`
  if (problems.length > 0) return `${many(problems.length, 'problem')}: ${kindsOf(problems)}; ${then}.`
  const known = resources.flatMap(({ dataAsOf }) => (dataAsOf === null ? [] : [dataAsOf.getTime()]))
  if (known.length === 0) return `No resource was read completely yet; ${then}.`
  // An absent resource has no data, and is no failure.
  const oldest = new Date(Math.min(...known))
  return `All ${known.length} resources are up to date as of ${moment(oldest)}, ${ago(oldest, at)}; ${then}.`
}

/** `in 5 h`; what is due is due now. */
export function inTime(then: Date, now: Date): string {
  const minutes = Math.ceil((then.getTime() - now.getTime()) / 60_000)
  if (minutes <= 0) return 'now'
  if (minutes < 120) return `in ${minutes} min`
  return minutes < 48 * 60 ? `in ${Math.round(minutes / 60)} h` : `in ${Math.round(minutes / 1440)} days`
}

const NOUNS: Readonly<Record<Problem['what'], string>> = {
  schema: 'older schema',
  resource: 'resource not up to date',
  run: 'failed run',
  schedule: 'overdue run',
  records: 'resource with parked records',
  edits: 'problem with local edits',
}

const MANY: Readonly<Partial<Record<Problem['what'], string>>> = {
  resource: 'resources not up to date',
  records: 'resources with parked records',
}

/** `2 resources not up to date, 1 failed run` */
function kindsOf(problems: readonly Problem[]): string {
  return [...Map.groupBy(problems, ({ what }) => what)]
    .map(([what, those]) =>
      those.length > 1 && MANY[what] !== undefined ? `${those.length} ${MANY[what]}` : many(those.length, NOUNS[what]),
    )
    .join(', ')
}
