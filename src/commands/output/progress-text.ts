/** How a run is put into words: what goes on, what a list came to, and what all of them did. */
import { duration, thousands } from '../../report/words.ts'
import { isSuccess, type Outcome } from '../../store/runs/runs.ts'
import type { PullEvent } from '../../sync/run/resource-run.ts'
import type { PullReport } from '../../sync/run/run.ts'
import { wrapped } from './format.ts'

export interface Active {
  readonly since: number
  /** When something of it last arrived. */
  lastEventAt: number
  /** What it waits for, as a sentence. */
  waits: string
  records: number
  resumed: number
  total: number | null
}

export const begun = (): Active => ({
  since: Date.now(),
  lastEventAt: Date.now(),
  waits: '',
  records: 0,
  resumed: 0,
  total: null,
})

/** Shown once, where a list goes on. */
export const resumedLine = ({ resource, records, resumed }: Advanced): string | undefined =>
  resumed > 0 && records === resumed
    ? `… ${resource.padEnd(NAME_WIDTH)}  goes on behind the ${thousands(resumed)} that were read before the interruption`
    : undefined

export type Advanced = Extract<PullEvent, { type: 'progress' }>

/** `… project-services      12,300 of 40,120   31 %   5,120/s   5 s left` */
export function activeLine(
  resource: string,
  { since, lastEventAt, waits, records, resumed, total }: Active,
  now: number,
): string {
  if (waits !== '') return `… ${resource.padEnd(NAME_WIDTH)}  waits: ${waits}`
  const rate = (records - resumed) / Math.max(0.001, (now - since) / 1000)
  const parts = [`… ${resource.padEnd(NAME_WIDTH)}`]
  if (total === null || total === 0) parts.push(thousands(records).padStart(COUNT_WIDTH))
  else {
    parts.push(`${thousands(records).padStart(COUNT_WIDTH)} of ${thousands(total)}`)
    parts.push(`${Math.min(100, Math.floor((100 * records) / total))} %`)
  }
  if (rate > 0) parts.push(`${thousands(Math.round(rate))}/s`)
  if (rate > 0 && total !== null && total > records) parts.push(`${duration(((total - records) / rate) * 1000)} left`)
  if (now - lastEventAt >= QUIET_MS) parts.push(`nothing for ${duration(now - lastEventAt)}`)
  return parts.join('  ')
}

/** From then on the silence is shown. */
const QUIET_MS = 10_000
const NAME_WIDTH = 29
const COUNT_WIDTH = 8
const MARK: Readonly<Record<Outcome, string>> = {
  ok: '✓',
  absent: '·',
  incomplete: '!',
  suspect: '!',
  forbidden: '✗',
  failed: '✗',
}

type Ended = Extract<PullEvent, { type: 'end' }>

/** `✓ clients      1,204   12 new, 3 changed   0.8 s` */
export function outcomeLines(event: Ended): string[] {
  const { resource, outcome, seen, tookMs, message } = event
  const head = `${MARK[outcome]} ${resource.padEnd(NAME_WIDTH)}`
  if (outcome === 'absent') return [`${head}  not offered by this account`]
  if (outcome === 'forbidden' || outcome === 'failed') return [`${head}  ${outcome}: ${message ?? ''}`]
  const took = duration(tookMs)
  const line = `${head}  ${thousands(seen).padStart(COUNT_WIDTH)}  ${changes(event)}  ${took}`
  return outcome === 'ok' ? [line] : [line, `    ${outcome}: ${message ?? ''}`]
}

function changes({ inserted, updated, deleted }: Pick<Ended, 'inserted' | 'updated' | 'deleted'>): string {
  const parts = Object.entries({ new: inserted, changed: updated, deleted }).filter(([, count]) => count > 0)
  return parts.length === 0 ? 'no change' : parts.map(([what, count]) => `${thousands(count)} ${what}`).join(', ')
}

export function totals({ outcomes }: Pick<PullReport, 'outcomes'>) {
  const sum = (pick: (outcome: PullReport['outcomes'][number]) => number): number =>
    outcomes.reduce((total, outcome) => total + pick(outcome), 0)
  return {
    resources: outcomes.length,
    seen: sum((o) => o.seen),
    inserted: sum((o) => o.inserted),
    updated: sum((o) => o.updated),
    unchanged: sum((o) => o.unchanged),
    deleted: sum((o) => o.deleted),
    parked: sum((o) => o.parked),
    pages: sum((o) => o.pages),
  }
}

export const notOk = ({ outcomes }: Pick<PullReport, 'outcomes'>) =>
  outcomes.flatMap(({ resource, outcome, code, message }) =>
    isSuccess(outcome) ? [] : [{ resource, outcome, code, message }],
  )

/**
 * Last of all what was not ok, which has scrolled away behind what was.
 *
 * @param width of the terminal; undefined where a program reads: the summary is one line then.
 */
export function ending(report: PullReport, ms: number, width?: number): string[] {
  const again = report.outcomes.length === 1 ? [] : notOk(report)
  return [
    '',
    ...(width === undefined ? [summary(report, ms)] : wrapped(summary(report, ms), '', width)),
    ...(again.length === 0 ? [] : ['', 'Not ok:']),
    ...again.flatMap(({ resource, outcome, message }) =>
      wrapped(`${MARK[outcome]} ${resource} ${outcome}: ${message ?? ''}`, '  '),
    ),
  ]
}

/** `37 resources ok · 10,482 records: 10,482 new, 0 changed, 0 unchanged · 4.1 s` */
export function summary(report: PullReport, ms: number): string {
  const { seen, inserted, updated, unchanged, deleted, parked } = totals(report)
  const counted = Map.groupBy(report.outcomes, ({ outcome }) => outcome)
  const outcomes = [...counted].map(([outcome, those]) => `${those.length} ${outcome}`).join(', ')
  const rows = `${thousands(seen)} records: ${thousands(inserted)} new, ${thousands(updated)} changed, ${thousands(unchanged)} unchanged${deleted > 0 ? `, ${thousands(deleted)} deleted` : ''}`
  // What an interrupted run had read is not counted as new, changed or unchanged again.
  const before = report.outcomes.reduce(
    (sum, one) => sum + Math.max(0, one.seen - one.inserted - one.updated - one.unchanged - one.parked),
    0,
  )
  const earlier = before > 0 ? `, ${thousands(before)} read before the interruption` : ''
  const parkedText = parked > 0 ? `, ${thousands(parked)} parked` : ''
  return `Run ${report.runId}: ${outcomes || 'nothing to do'} · ${rows}${earlier}${parkedText} · ${duration(ms)}`
}
