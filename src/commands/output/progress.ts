/** How a run is shown while it goes on: live on a terminal, a line a resource elsewhere, JSON lines for machines. */
import { openLive } from '../../screen/live.ts'
import { stderr, stdout } from '../../screen/streams.ts'
import type { PullEvent } from '../../sync/run/resource-run.ts'
import type { PullReport } from '../../sync/run/run.ts'
import { errorJson } from './format.ts'
import {
  activeLine,
  begun,
  ending,
  notOk,
  outcomeLines,
  resumedLine,
  totals,
  type Active,
  type Advanced,
} from './progress-text.ts'

export interface Progress {
  event(event: PullEvent): void
  note(lines: string | readonly string[]): void
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

function advance(state: Active, { records, resumed, total }: Advanced): void {
  Object.assign(state, { records, resumed, total, lastEventAt: Date.now(), waits: '' })
}

/** Progress of every list at once would scroll; it is repainted in place, and what has ended scrolls away above it. */
function liveProgress(footer: () => string): Progress {
  const live = openLive()
  const active = new Map<string, Active>()
  const started = Date.now()
  const repaint = (): void =>
    live.paint(
      [...[...active].map(([resource, state]) => activeLine(resource, state, Date.now())), footer()].filter(
        (line) => line !== '',
      ),
    )
  const timer = setInterval(repaint, 100)
  return {
    event(event) {
      if (event.type === 'begin') active.set(event.resource, begun())
      else if (event.type === 'progress') {
        const state = active.get(event.resource)
        if (state !== undefined) advance(state, event)
        const line = resumedLine(event)
        if (line !== undefined) live.persist(line)
      } else if (event.type === 'wait') {
        const state = active.get(event.resource)
        if (state !== undefined) state.waits = event.message
      } else {
        active.delete(event.resource)
        live.persist(outcomeLines(event))
      }
    },
    note: (lines) => live.persist(lines),
    finish(report) {
      clearInterval(timer)
      live.clear()
      stdout.say(ending(report, Date.now() - started, stdout.columns()))
    },
    abandon() {
      clearInterval(timer)
      live.clear()
    },
  }
}

const PLAIN_EVERY_MS = 10_000
/** Of a list from which nothing arrives: the rate limit, a lock, a slow server. */
const SILENT_MS = 30_000

function plainProgress(footer: () => string): Progress {
  const active = new Map<string, Active & { lastLineAt: number }>()
  const started = Date.now()
  const { say } = stdout
  const remember = (): void => {
    const now = Date.now()
    for (const [resource, state] of active) {
      if (now - Math.max(state.lastLineAt, state.lastEventAt) < SILENT_MS) continue
      state.lastLineAt = now
      say(activeLine(resource, state, now))
    }
  }
  const timer = setInterval(remember, PLAIN_EVERY_MS)
  return {
    event(event) {
      const now = Date.now()
      if (event.type === 'begin') active.set(event.resource, { ...begun(), lastLineAt: now })
      else if (event.type === 'end') {
        active.delete(event.resource)
        say(outcomeLines(event))
      } else {
        const state = active.get(event.resource)
        if (state === undefined) return
        if (event.type === 'wait') {
          Object.assign(state, { waits: event.message, lastLineAt: now })
          return say(activeLine(event.resource, state, now))
        }
        advance(state, event)
        const line = resumedLine(event)
        if (line !== undefined) say(line)
        if (now - state.lastLineAt < PLAIN_EVERY_MS) return
        state.lastLineAt = now
        say(activeLine(event.resource, state, now))
        if (footer() !== '') say(footer())
      }
    },
    note: say,
    finish(report) {
      clearInterval(timer)
      say(ending(report, Date.now() - started))
    },
    abandon: () => clearInterval(timer),
  }
}

const JSON_EVERY_MS = 1_000

function jsonProgress(): Progress {
  const shownAt = new Map<string, number>()
  const say = stdout.json
  return {
    event(event) {
      const now = Date.now()
      if (event.type === 'progress') {
        if (now - (shownAt.get(event.resource) ?? 0) < JSON_EVERY_MS) return
        shownAt.set(event.resource, now)
      }
      say(event)
    },
    // A program reads stdout; the person who runs it reads stderr.
    note: stderr.say,
    finish: ({ runId, outcome, outcomes }) =>
      say({ type: 'run', runId, outcome, ...totals({ outcomes }), notOk: notOk({ outcomes }) }),
    abandon: (error) => say(errorJson(error)),
  }
}
