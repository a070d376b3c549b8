/** How things are, in one sentence. */
import type { Overview } from './overview.ts'
import type { Problem } from './problems.ts'
import { ago, many, moment } from './words.ts'

type Facts = Pick<Overview, 'at' | 'account' | 'resources' | 'problems' | 'nextTicks' | 'processes' | 'intervals'>

/** `All 64 resources are up to date as of 2026-11-29 02:04 UTC; next full read in 5 h.` */
export function headline(facts: Facts): string {
  const { at, account, resources, problems, nextTicks, processes } = facts
  const next = nextTicks.toSorted((one, other) => one.at.getTime() - other.at.getTime())[0]
  const alive = processes.some((one) => one.alive)
  const then =
    next === undefined
      ? 'nothing is scheduled'
      : `next ${next.schedule} read ${inTime(next.at, at)}${alive ? '' : ', where "start" runs'}`
  if (account === null || resources.length === 0) return `Nothing was read yet; ${then}.`
  if (problems.length > 0) {
    const late = resources.filter(({ isLate }) => isLate).length
    // Behind a long outage most of them, whatever else is wrong with some.
    const alsoLate = late === 0 ? '' : `; ${many(late, 'resource')} late`
    return `${many(problems.length, 'problem')}: ${kindsOf(problems)}${alsoLate}; ${then}.`
  }
  return `${standing(facts)}; ${then}.`
}

/** Where a person has nothing to do. */
function standing({ at, resources, intervals }: Facts): string {
  // What no schedule reads gets old, and is no sign of anything; unless nothing is scheduled.
  const scheduled = resources.filter(({ everySeconds }) => everySeconds !== null)
  const counted = scheduled.length > 0 ? scheduled : resources
  // Then only incremental reads keep them up.
  const byChanges = intervals.length > 0 && intervals.every(({ schedule }) => schedule === 'incremental')
  const times = counted.flatMap(({ dataAsOf, changesAsOf }) => {
    const readAt = byChanges ? (changesAsOf ?? dataAsOf) : dataAsOf
    return readAt === null ? [] : [readAt.getTime()]
  })
  if (times.length === 0) return 'No resource was read completely yet'
  // An absent resource has no data, and is no failure.
  const oldest = new Date(Math.min(...times))
  const asOf = `as of ${moment(oldest)}, ${ago(oldest, at)}`
  const late = counted.filter(({ isLate }) => isLate).length
  if (late > 0) return `${late} of ${times.length} resources ${late === 1 ? 'is' : 'are'} late, the oldest ${asOf}`
  const which = counted.length < resources.length ? 'scheduled resource' : 'resource'
  const all = times.length === 1 ? `The one ${which} is` : `All ${times.length} ${which}s are`
  const except = byChanges ? ', but for deletes, which a full read finds' : ''
  return `${all} up to date ${asOf}${except}`
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
