/** The page of the schedule, and what its buttons do. */
import type { Hono } from 'hono'
import { beginRun, type BeginRunDeps } from '../jobs/begin-run.ts'
import { readOverview, type OverviewDeps } from '../report/overview.ts'
import type { Database } from '../store/connection/database.ts'
import { openRunNow, pauseSchedule, readTicks, resumeSchedule } from '../store/runs/operator.ts'
import type { ActionLog } from './action-log.ts'
import type { Env, Form, Show } from './guard.ts'
import type { Notice } from './pages/changes-page.ts'
import { messagePage } from './pages/layout.ts'
import { schedulePage, type Kind } from './pages/schedule-page.ts'
import type { Html } from './pages/text.ts'

export interface ScheduleDeps extends OverviewDeps {
  readonly sql: Database
  readonly patterns: Readonly<Record<Kind, string>>
  readonly timezone: string
  readonly holder: string
  readonly version: string
  /** What the process has by now: it serves pages before its queue is open. */
  readonly now: () => BeginRunDeps
}

const SHOWN_TICKS = 20
const A: Readonly<Record<Kind, string>> = { full: 'a full', incremental: 'an incremental' }

export function addSchedule(app: Hono<Env>, show: Show, actions: ActionLog, deps: ScheduleDeps): void {
  const { sql } = deps
  // Read anew: after a button the page shows what it did.
  const read = async (session: Env['Variables']['session'], notice: Notice | null): Promise<Html> => {
    const { at, paused, runs } = await readOverview(sql, deps)
    return schedulePage({ ...deps, at, paused, runs, ticks: await readTicks(sql, SHOWN_TICKS) }, session!, notice)
  }

  app.get('/schedule', async (c) => show(c, 'Schedule', await read(c.get('session'), null)))

  app.post('/schedule', async (c) => {
    const asked = buttonIn(c.get('form'))
    if (asked === null) return show(c, 'Refused', messagePage('Refused', 'No page of this dashboard sends this.'), 400)
    const notice: Acted = await ACTIONS[asked.action](asked.kind, deps)
    const facts = {
      action: asked.action,
      schedule: asked.kind,
      ...(notice.run === undefined ? {} : { run: notice.run }),
    }
    if (notice.level === 'ok') actions.done(c, facts)
    else actions.refused(c, facts, notice.text)
    return show(c, 'Schedule', await read(c.get('session'), notice), notice.level === 'ok' ? 200 : 409)
  })
}

interface Acted extends Notice {
  readonly run?: number
}

const ACTIONS = {
  async pause(kind, { sql }) {
    await pauseSchedule(sql, kind)
    return { level: 'ok', text: `The ${kind} schedule is paused. What goes on is read to its end.` }
  },
  async resume(kind, { sql }) {
    await resumeSchedule(sql, kind)
    return { level: 'ok', text: `The ${kind} schedule goes on with its next tick.` }
  },
  run: runNow,
} satisfies Record<string, (kind: Kind, deps: ScheduleDeps) => Promise<Acted>>

async function runNow(kind: Kind, { sql, resources, holder, version, now }: ScheduleDeps): Promise<Acted> {
  const planned = resources[kind]
  if (planned.length === 0) return { level: 'bad', text: `Nothing is read by ${A[kind]} run.` }
  const id = await openRunNow(sql, { kind, planned, holder, version })
  if (id === null) return { level: 'bad', text: `${A[kind][0]!.toUpperCase()}${A[kind].slice(1)} run goes on already.` }
  // A queue that is away gets its jobs by the reconciler, once it is back.
  await beginRun(now(), { id, kind, resources: planned }).catch(() => {})
  return { level: 'ok', text: `Run ${id} (${kind}) begins.`, run: id }
}

function buttonIn(form: Form): { action: keyof typeof ACTIONS; kind: Kind } | null {
  const [action, kind] = (form['do']?.[0] ?? '').split(':')
  const isAction = action === 'pause' || action === 'resume' || action === 'run'
  return isAction && (kind === 'full' || kind === 'incremental') ? { action, kind } : null
}
