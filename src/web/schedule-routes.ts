/** The page of the schedule, and what its buttons do. */
import type { Hono } from 'hono'
import type { Queues } from '../jobs/queues.ts'
import type { Schedule } from '../jobs/schedule.ts'
import { readOverview } from '../report/overview.ts'
import type { Database } from '../store/connection/database.ts'
import { openRunNow, pauseSchedule, readTicks, resumeSchedule } from '../store/runs/operator.ts'
import type { Env, Form, Show } from './guard.ts'
import type { Notice } from './pages/changes-page.ts'
import { messagePage } from './pages/layout.ts'
import { schedulePage, type Kind } from './pages/schedule-page.ts'
import type { Html } from './pages/text.ts'

export interface ScheduleDeps {
  readonly sql: Database
  readonly schedules: readonly Schedule[]
  readonly patterns: Readonly<Record<Kind, string>>
  readonly timezone: string
  readonly resources: Readonly<Record<Kind, readonly string[]>>
  readonly holder: string
  readonly version: string
  /** Undefined until it is open. */
  readonly queues: () => Pick<Queues, 'addRun'> | undefined
}

const SHOWN_TICKS = 20

export function addSchedule(app: Hono<Env>, show: Show, deps: ScheduleDeps): void {
  const { sql } = deps
  // Read anew: after a button the page shows what it did.
  const read = async (session: Env['Variables']['session'], notice: Notice | null): Promise<Html> => {
    const { at, paused, runs } = await readOverview(sql, deps.schedules)
    return schedulePage({ ...deps, at, paused, runs, ticks: await readTicks(sql, SHOWN_TICKS) }, session!, notice)
  }

  app.get('/schedule', async (c) => show(c, 'Schedule', await read(c.get('session'), null)))

  app.post('/schedule', async (c) => {
    const asked = buttonIn(c.get('form'))
    if (asked === null) return show(c, 'Refused', messagePage('Refused', 'No page of this dashboard sends this.'), 400)
    const notice = await ACTIONS[asked.action](asked.kind, deps)
    return show(c, 'Schedule', await read(c.get('session'), notice), notice.level === 'ok' ? 200 : 409)
  })
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
} satisfies Record<string, (kind: Kind, deps: ScheduleDeps) => Promise<Notice>>

async function runNow(kind: Kind, { sql, resources, holder, version, queues }: ScheduleDeps): Promise<Notice> {
  const planned = resources[kind]
  if (planned.length === 0) return { level: 'bad', text: `Nothing is read by a ${kind} run.` }
  const id = await openRunNow(sql, { kind, planned, holder, version })
  if (id === null) return { level: 'bad', text: `A ${kind} run goes on already.` }
  // A queue that is away gets its jobs by the reconciler, once it is back.
  await queues()
    ?.addRun(id, planned)
    .catch(() => {})
  return { level: 'ok', text: `Run ${id} (${kind}) begins.` }
}

function buttonIn(form: Form): { action: keyof typeof ACTIONS; kind: Kind } | null {
  const [action, kind] = (form['do']?.[0] ?? '').split(':')
  const isAction = action === 'pause' || action === 'resume' || action === 'run'
  return isAction && (kind === 'full' || kind === 'incremental') ? { action, kind } : null
}
