/**
 * The dashboard, on the port of /healthz: pages that the server makes, one style sheet, one script of a few lines, and nothing from
 * anywhere else. Loaded with the first request for a page, so that it costs a process without readers nothing.
 */
import { readFileSync } from 'node:fs'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import { reason } from '../errors/sync-error.ts'
import type { Meter } from '../meter.ts'
import type { Overview } from '../report/overview.ts'
import { explainDatabase } from '../store/connection/database.ts'
import { listRuns } from '../store/runs/run-history.ts'
import { createAccess, type AccessSettings } from './access.ts'
import { createActionLog } from './action-log.ts'
import { cachedFor, KEPT_MS } from './cached-for.ts'
import { withHeaders, withHost, withRight, withSession, type Env, type Show } from './guard.ts'
import { createLives, type Lives } from './live.ts'
import { messagePage, page } from './pages/layout.ts'
import { overviewContent, type Snapshot } from './pages/overview-page.ts'
import type { Html } from './pages/text.ts'
import { addPages, SHOWN_RUNS } from './routes.ts'
import { addSchedule, type ScheduleDeps } from './schedule-routes.ts'
import { addSigningIn, createSignInLog } from './sign-in.ts'

export interface DashboardDeps extends ScheduleDeps {
  readonly databaseUrl: string
  /** The reader that /metrics has, too. */
  readonly overview: () => Promise<Overview>
  readonly access: AccessSettings
  readonly push: 'on' | 'off'
  readonly meter: Meter
  /** For tests: how long refused sign-ins are gathered into one line of the log. */
  readonly signInsGatheredMs?: number
}

export interface Dashboard {
  readonly handle: ReturnType<typeof getRequestListener>
  /** Pages that follow what happens. */
  readonly live: Pick<Lives, 'readers'>
}

/** The largest form is a few thousand ids. */
const LARGEST_FORM = 256 * 1024

export function createDashboard(deps: DashboardDeps): Dashboard {
  const { sql, databaseUrl, push, version } = deps
  const access = createAccess(deps.access)
  const runs = cachedFor(KEPT_MS, () => listRuns(sql, SHOWN_RUNS))
  const snapshot = async (): Promise<Snapshot> => ({ overview: await deps.overview(), runs: await runs(), push })
  let account: string | null = null
  let isBusy = true
  const show: Show = (c, title, main, status = 200) => {
    const session = c.get('session') ?? null
    // Whose account it is, is for those who may look.
    return c.html(page({ title, account: session && account, session, version }, main), status as 200)
  }
  const problem = (error: unknown): string => reason(explainDatabase(error, databaseUrl))
  const content = async (): Promise<Html> => {
    try {
      const found = await snapshot()
      account = found.overview.account?.slug ?? null
      isBusy = goesOn(found.overview)
      return overviewContent(found)
    } catch (error) {
      return messagePage('The state cannot be read just now', problem(error))
    }
  }
  const live = createLives()
  const log = () => deps.now().log
  const actions = createActionLog(access.isOpen, log)
  const signIns = createSignInLog(deps.meter, log, deps.signInsGatheredMs)

  const app = new Hono<Env>()
  app.use(withHeaders, bodyLimit({ maxSize: LARGEST_FORM, onError: (c) => c.text('The form is too large.\n', 413) }))
  addAssets(app)
  app.use(withHost(access, show))
  addSigningIn(app, access, show, signIns)
  app.use(withSession(access, show, signIns), withRight(show, actions))
  app.get('/', async (c) => await show(c, 'Overview', html`<div data-live="/live">${await content()}</div>`))
  app.get('/live', (c) =>
    c.req.method === 'HEAD'
      ? c.body(null)
      : (live.open('overview', content, { everyMs: () => (isBusy ? KEPT_MS : AT_REST_MS) }) ?? c.body(null, 503)),
  )
  addSchedule(app, show, actions, deps)
  addPages(app, { sql, show, live, actions, snapshot, rate: deps.rate })
  app.notFound((c) => show(c, 'Not found', messagePage('Not found', 'There is no such page.'), 404))
  app.onError((error, c) => show(c, 'Not now', messagePage('This cannot be shown just now', problem(error)), 503))
  return { handle: getRequestListener(app.fetch, { overrideGlobalObjects: false }), live }
}

/**
 * While nothing goes on, what an open page shows is at most that old. A look is 22 statements: once a second, an idle start with a page
 * open took 11 ms of CPU a second, Postgres 10 more; it takes 6, and 5 more than without.
 */
const AT_REST_MS = 3_000

const goesOn = ({ runs, localEdits: { waiting = 0, sending = 0 } }: Overview): boolean =>
  waiting + sending > 0 || runs.some(({ finishedAt }) => finishedAt === null)

const ASSETS = { 'style.css': 'text/css', 'live.js': 'text/javascript' } as const

/** Also for those who have not signed in: they see the form. */
function addAssets(app: Hono<Env>): void {
  for (const [name, type] of Object.entries(ASSETS)) {
    const text = readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8')
    app.get(`/${name}`, (c) => c.body(text, 200, { 'content-type': type, 'cache-control': 'max-age=300' }))
  }
}
