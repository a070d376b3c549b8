/** How a run is shown while it goes on: live on a terminal, a line a resource elsewhere, JSON lines for machines. */
import { createLogUpdate } from 'log-update'
import type { Outcome } from '../store/runs.ts'
import type { PullReport } from '../sync/pull.ts'
import type { PullEvent } from '../sync/pull-resource.ts'
import { reason, SyncError } from '../sync-error.ts'
import { duration, thousands } from './words.ts'

export interface Progress {
  event(event: PullEvent): void
  note(text: string): void
  finish(report: PullReport): void
  /** The run ended early: leaves the screen tidy, and for machines says why in a last line. */
  abandon(error: unknown): void
}

interface Choice {
  readonly json: boolean
  readonly terminal: boolean
  /** A last line below what goes on; empty for none. */
  readonly footer?: () => string
}

export function chooseProgress({ json, terminal, footer = () => '' }: Choice): Progress {
  if (json) return jsonProgress()
  return terminal ? liveProgress(footer) : plainProgress(footer)
}

interface Active {
  readonly since: number
  records: number
  resumed: number
  total: number | null
}

const begun = (): Active => ({ since: Date.now(), records: 0, resumed: 0, total: null })

/** Said once, where a list goes on. */
const resumedLine = ({ resource, records, resumed }: Advanced): string | undefined =>
  resumed > 0 && records === resumed
    ? `… ${resource.padEnd(NAME_WIDTH)}  goes on behind the ${thousands(resumed)} that were read before the interruption`
    : undefined

type Advanced = Extract<PullEvent, { type: 'progress' }>

/** Progress of every list at once would scroll; it is repainted in place, and what has ended scrolls away above it. */
function liveProgress(footer: () => string): Progress {
  const paint = createLogUpdate(process.stderr, { showCursor: true })
  const active = new Map<string, Active>()
  const started = Date.now()
  const repaint = (): void =>
    paint(
      [...[...active].map(([resource, state]) => activeLine(resource, state, Date.now())), footer()]
        .filter((line) => line !== '')
        .join('\n'),
    )
  const timer = setInterval(repaint, 100)
  return {
    event(event) {
      if (event.type === 'begin') active.set(event.resource, begun())
      else if (event.type === 'progress') {
        const { records, resumed, total } = event
        Object.assign(active.get(event.resource) ?? {}, { records, resumed, total })
        const line = resumedLine(event)
        if (line !== undefined) paint.persist(line)
      } else {
        active.delete(event.resource)
        paint.persist(outcomeLine(event))
      }
    },
    note: (text) => paint.persist(text),
    finish(report) {
      clearInterval(timer)
      paint.clear()
      process.stdout.write(`\n${summary(report, Date.now() - started)}\n`)
    },
    abandon() {
      clearInterval(timer)
      paint.clear()
    },
  }
}

const PLAIN_EVERY_MS = 10_000

function plainProgress(footer: () => string): Progress {
  const active = new Map<string, Active & { said: number }>()
  const started = Date.now()
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  return {
    event(event) {
      const now = Date.now()
      if (event.type === 'begin') active.set(event.resource, { ...begun(), said: now })
      else if (event.type === 'end') say(outcomeLine(event))
      else {
        const state = active.get(event.resource)
        if (state === undefined) return
        const { records, resumed, total } = event
        Object.assign(state, { records, resumed, total })
        const line = resumedLine(event)
        if (line !== undefined) say(line)
        if (now - state.said < PLAIN_EVERY_MS) return
        state.said = now
        say(activeLine(event.resource, state, now))
        if (footer() !== '') say(footer())
      }
    },
    note: say,
    finish: (report) => say(`\n${summary(report, Date.now() - started)}`),
    abandon: () => {},
  }
}

const JSON_EVERY_MS = 1_000

function jsonProgress(): Progress {
  const said = new Map<string, number>()
  const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
  return {
    event(event) {
      const now = Date.now()
      if (event.type === 'progress') {
        if (now - (said.get(event.resource) ?? 0) < JSON_EVERY_MS) return
        said.set(event.resource, now)
      }
      say(event)
    },
    // Not for the machine that reads stdout, but not to be kept from its owner either.
    note: (text) => void process.stderr.write(`${text}\n`),
    finish: ({ runId, outcome, outcomes }) => say({ type: 'run', runId, outcome, ...totals({ outcomes }) }),
    abandon: (error) =>
      say({ type: 'error', code: error instanceof SyncError ? error.code : null, message: reason(error) }),
  }
}

/** `… project-services      12,300 of 40,120   31 %   5,120/s   5 s left` */
export function activeLine(resource: string, { since, records, resumed, total }: Active, now: number): string {
  const rate = (records - resumed) / Math.max(0.001, (now - since) / 1000)
  const parts = [`… ${resource.padEnd(NAME_WIDTH)}`]
  if (total === null || total === 0) parts.push(thousands(records).padStart(COUNT_WIDTH))
  else {
    parts.push(`${thousands(records).padStart(COUNT_WIDTH)} of ${thousands(total)}`)
    parts.push(`${Math.min(100, Math.floor((100 * records) / total))} %`)
  }
  if (rate > 0) parts.push(`${thousands(Math.round(rate))}/s`)
  if (rate > 0 && total !== null && total > records) parts.push(`${duration(((total - records) / rate) * 1000)} left`)
  return parts.join('  ')
}

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
export function outcomeLine(event: Ended): string {
  const { resource, outcome, seen, tookMs, message } = event
  const head = `${MARK[outcome]} ${resource.padEnd(NAME_WIDTH)}`
  if (outcome === 'absent') return `${head}  not offered by this account`
  if (outcome === 'forbidden' || outcome === 'failed') return `${head}  ${outcome}: ${message ?? ''}`
  const took = duration(tookMs)
  const line = `${head}  ${thousands(seen).padStart(COUNT_WIDTH)}  ${changes(event)}  ${took}`
  return outcome === 'ok' ? line : `${line}\n    ${outcome}: ${message ?? ''}`
}

function changes({ inserted, updated, deleted }: Pick<Ended, 'inserted' | 'updated' | 'deleted'>): string {
  const parts = Object.entries({ new: inserted, changed: updated, deleted }).filter(([, count]) => count > 0)
  return parts.length === 0 ? 'no change' : parts.map(([what, count]) => `${thousands(count)} ${what}`).join(', ')
}

function totals({ outcomes }: Pick<PullReport, 'outcomes'>) {
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
  const aside = parked > 0 ? `, ${thousands(parked)} set aside` : ''
  return `Run ${report.runId}: ${outcomes || 'nothing to do'} · ${rows}${earlier}${aside} · ${duration(ms)}`
}
