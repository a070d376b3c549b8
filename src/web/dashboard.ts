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
import type { Overview } from '../report/overview.ts'
import { explainDatabase } from '../store/connection/database.ts'
import { listRuns } from '../store/runs/run-history.ts'
import { createAccess, isOurOwnForm, type Access, type AccessSettings } from './access.ts'
import { createActionLog } from './action-log.ts'
import { cachedFor, KEPT_MS } from './cached-for.ts'
import {
  cookieFor,
  formOf,
  originOf,
  withHeaders,
  withHost,
  withRight,
  withSession,
  type Env,
  type Show,
} from './guard.ts'
import { createLives, type Lives } from './live.ts'
import { messagePage, page, signInForm } from './pages/layout.ts'
import { overviewContent, type Snapshot } from './pages/overview-page.ts'
import type { Html } from './pages/text.ts'
import { addPages, SHOWN_RUNS } from './routes.ts'
import { addSchedule, type ScheduleDeps } from './schedule-routes.ts'

export interface DashboardDeps extends ScheduleDeps {
  readonly databaseUrl: string
  /** The reader that /metrics has, too. */
  readonly overview: () => Promise<Overview>
  readonly access: AccessSettings
  readonly push: 'on' | 'off'
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
      return overviewContent(found)
    } catch (error) {
      return messagePage('The state cannot be read just now', problem(error))
    }
  }
  const live = createLives()
  const actions = createActionLog(access.isOpen, () => deps.now().log)

  const app = new Hono<Env>()
  app.use(withHeaders, bodyLimit({ maxSize: LARGEST_FORM, onError: (c) => c.text('The form is too large.\n', 413) }))
  addAssets(app)
  app.use(withHost(access, show))
  addSigningIn(app, access, show)
  app.use(withSession(access, show), withRight(show, actions))
  app.get('/', async (c) => await show(c, 'Overview', html`<div data-live="/live">${await content()}</div>`))
  app.get('/live', (c) =>
    c.req.method === 'HEAD' ? c.body(null) : (live.open('overview', content) ?? c.body(null, 503)),
  )
  addSchedule(app, show, actions, deps)
  addPages(app, { sql, show, live, actions, snapshot, rate: deps.rate })
  app.notFound((c) => show(c, 'Not found', messagePage('Not found', 'There is no such page.'), 404))
  app.onError((error, c) => show(c, 'Not now', messagePage('This cannot be shown just now', problem(error)), 503))
  return { handle: getRequestListener(app.fetch, { overrideGlobalObjects: false }), live }
}

const ASSETS = { 'style.css': 'text/css', 'live.js': 'text/javascript' } as const

/** Also for those who have not signed in: they see the form. */
function addAssets(app: Hono<Env>): void {
  for (const [name, type] of Object.entries(ASSETS)) {
    const text = readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8')
    app.get(`/${name}`, (c) => c.body(text, 200, { 'content-type': type, 'cache-control': 'max-age=300' }))
  }
}

function addSigningIn(app: Hono<Env>, access: Access, show: Show): void {
  app.get('/sign-in', (c) => show(c, 'Sign in', signInForm(null)))
  app.post('/sign-in', async (c) => {
    // Its form has no key yet.
    const anyone = { formKey: '', session: { right: 'look', formKey: '', signedIn: false } } as const
    if (!isOurOwnForm(originOf(c), anyone)) {
      return await show(c, 'Sign in', signInForm('This form was sent by another site.'), 403)
    }
    const [token = ''] = formOf(await c.req.text())['token'] ?? []
    const signedIn = access.signIn(token.trim(), Date.now())
    if (signedIn === null) return await show(c, 'Sign in', signInForm('This is not the token.'), 401)
    c.header('set-cookie', cookieFor(c, signedIn.cookie))
    return c.redirect('/', 303)
  })
  app.post('/sign-out', (c) => {
    // Without a key: a site that could send this form would gain nothing, and a session that is over ends here, too.
    c.header('set-cookie', cookieFor(c, '', 0))
    return c.redirect('/sign-in', 303)
  })
}
