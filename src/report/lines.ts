/** Figures of the overview as `status` and the dashboard say them. */
import { PUSH_QUEUE } from '../jobs/job-names.ts'
import type { LastMinute } from '../store/runs/requests.ts'
import type { Overview, Requests } from './overview.ts'
import { ago, many, thousands } from './words.ts'

/** `14 of 97, which is max_connections of the server` */
export const connectionsLine = ({ used: open, limit, of }: Overview['connections']): string =>
  `${thousands(open)} of ${thousands(limit)}, which is ${of}`

/** `in Postgres: 3 waiting, 1 active; of local edits none` */
export function queueLine({ kind, depths }: Overview['queue']): string {
  const where = kind === 'redis' ? 'in Redis' : 'in Postgres'
  if (depths === null) return `${where}, which cannot be asked just now`
  const of = (isPush: boolean): string => {
    const those = depths.filter(({ queue, jobs }) => (queue === PUSH_QUEUE) === isPush && jobs > 0)
    return those.length === 0
      ? 'none'
      : those.map(({ state, jobs }) => `${thousands(jobs)} ${state.replaceAll('-', ' ')}`).join(', ')
  }
  return `${where}; jobs of runs: ${of(false)}; of local edits: ${of(true)}`
}

/** `120 in the last minute, of 300 that SYNC_RATE allows: 40 %.` */
export function used({ lastMinute, isCut }: LastMinute, rate: number): string {
  const count = `${isCut ? 'At least ' : ''}${thousands(lastMinute)} in the last minute`
  if (rate === 0) return `${count}; SYNC_RATE sets no limit.`
  const allowed = Math.round(rate * 60)
  const share = Math.round((lastMinute / allowed) * 100)
  return `${count}, of ${thousands(allowed)} that SYNC_RATE allows: ${isCut ? 'at least ' : ''}${share} %.`
}

/** Who waits until when, and for how long the rate is lower than it is set. */
export function waitLines({ rate, state }: Pick<Requests, 'rate' | 'state'>, now: Date): string[] {
  if (state === null) return ['Whether requests are held back cannot be asked just now.']
  const { heldUntil, share } = state
  return [
    ...(heldUntil === null
      ? []
      : [
          `All processes wait until ${heldUntil.toISOString().slice(11, 19)} UTC, ${Math.ceil((heldUntil.getTime() - now.getTime()) / 1000)} s, as ScopeStack asked.`,
        ]),
    ...(share < 1 && rate > 0
      ? [`The rate is ${Math.round(share * 100)} % of SYNC_RATE since ScopeStack had too many; it recovers by itself.`]
      : []),
  ]
}

/** `The oldest is change 12 (clients 7), made 3 min ago. Next try in 20 s: …`; nothing where none waits. */
export const oldestEditLines = ({ oldestEdit, at }: Pick<Overview, 'oldestEdit' | 'at'>): string[] =>
  oldestEdit === null
    ? []
    : [
        `The oldest is change ${oldestEdit.id} (${oldestEdit.resource} ${oldestEdit.recordId}), made ${ago(oldestEdit.madeAt, at)}.${oldestEdit.waits === null ? '' : ` ${oldestEdit.waits}`}`,
      ]

/** `, 3 connections`; nothing of a release that does not say. */
export const connectionsOf = (count: number | null): string => (count === null ? '' : `, ${many(count, 'connection')}`)

/** Where its data are older than its schedule allows. */
export const lateMark = ({ isLate }: Overview['resources'][number]): string => (isLate ? ', late' : '')

/** `every 15 min` */
export function every(seconds: number | null): string {
  if (seconds === null) return 'not scheduled'
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `every ${minutes} min`
  return minutes < 48 * 60 ? `every ${Math.round(minutes / 60)} h` : `every ${Math.round(minutes / 1440)} days`
}
