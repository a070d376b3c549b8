/** Which page is at which path, and what it reads. Nothing here is cached: a page is read when a person opens it. */
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { catalog } from '../catalog/registry.ts'
import { hasCode, reason } from '../errors/sync-error.ts'
import { OPEN } from '../store/changes/states.ts'
import type { Database } from '../store/connection/database.ts'
import { decideChanges } from '../store/outbox/change-actions.ts'
import { listChanges, readSendBlockers } from '../store/outbox/changes.ts'
import { readFindings } from '../store/progress/findings.ts'
import { databaseTime } from '../store/progress/watermark.ts'
import { readRequests, type RequestFilter } from '../store/runs/requests.ts'
import { findRun, listRuns, readLeft, readOutcomesOfResource, readOutcomesOfRun } from '../store/runs/run-history.ts'
import type { ActionLog } from './action-log.ts'
import type { Env, Show } from './guard.ts'
import type { Lives } from './live.ts'
import { changesPage, decisionIn, doneNotice, type Notice } from './pages/changes-page.ts'
import { messagePage } from './pages/layout.ts'
import type { Snapshot } from './pages/overview-page.ts'
import { requestsPage } from './pages/requests-page.ts'
import { resourcePage } from './pages/resource-page.ts'
import { runPage, runsPage } from './pages/run-pages.ts'
import type { Html } from './pages/text.ts'

interface Deps {
  readonly sql: Database
  readonly show: Show
  readonly actions: ActionLog
  readonly live: Lives
  readonly snapshot: () => Promise<Snapshot>
  /** Requests a second; 0 for no limit. */
  readonly rate: number
}

export const SHOWN_RUNS = 40
/** More are done by the command. */
const SHOWN_CHANGES = 200
const SHOWN_REQUESTS = 200
const LOGGED_IDS = 20
const SHOWN_PARKED = { limit: 20, bodyLength: 20_000 }

const NONE_SELECTED: Notice = { level: 'bad', text: 'No change is selected.' }

export function addPages(app: Hono<Env>, deps: Deps): void {
  const { sql, show, snapshot } = deps
  app.get('/runs', async (c) => show(c, 'Runs', runsPage(await listRuns(sql, SHOWN_RUNS))))
  app.get('/runs/:id{[0-9]{1,9}}', async (c) => {
    const id = Number(c.req.param('id'))
    const run = await findRun(sql, id)
    if (run === undefined) return c.notFound()
    const content = runPage(run, await readOutcomesOfRun(sql, id), await readLeft(sql, id))
    return show(
      c,
      `Run ${id}`,
      run.finishedAt === null ? html`<div data-live="/runs/${id}/live">${content}</div>` : content,
    )
  })
  app.get('/runs/:id{[0-9]{1,9}}/live', async (c) => {
    const id = Number(c.req.param('id'))
    const run = await findRun(sql, id)
    if (run === undefined) return c.notFound()
    // Then a browser does not try again.
    if (run.finishedAt !== null || c.req.method === 'HEAD') return c.body(null, 204)
    return followRun(deps, id) ?? c.body(null, 503)
  })
  app.get('/resources/:type', async (c) => {
    const type = c.req.param('type')
    if (!catalog.has(type)) return c.notFound()
    const { overview } = await snapshot()
    const history = await readOutcomesOfResource(sql, type, SHOWN_RUNS)
    const findings = await readFindings(sql, type, SHOWN_PARKED)
    const status = overview.resources.find(({ resource }) => resource === type)
    const members = overview.members.filter(({ resource }) => resource === type)
    return show(c, type, resourcePage({ type, at: overview.at, status, history, findings, members }))
  })
  app.get('/requests', async (c) => {
    const filter = requestFilterIn((name) => c.req.query(name))
    const found = await readRequests(sql, SHOWN_REQUESTS, filter)
    return show(c, 'Requests', requestsPage({ ...found, rate: deps.rate }, filter))
  })
  addChanges(app, deps)
}

/** What is no number and no resource of ours is as good as left out. */
function requestFilterIn(query: (name: string) => string | undefined): RequestFilter {
  const [run = '', resource = ''] = [query('run'), query('resource')]
  return {
    run: /^\d{1,9}$/.test(run) ? Number(run) : undefined,
    resource: catalog.has(resource) ? resource : undefined,
    failed: query('failed') !== undefined,
  }
}

/** Null where too many follow something. */
function followRun({ sql, live }: Deps, id: number): Response | null {
  let isOver = false
  const render = async (): Promise<Html> => {
    try {
      const [run, outcomes, left] = [await findRun(sql, id), await readOutcomesOfRun(sql, id), await readLeft(sql, id)]
      isOver = run === undefined || run.finishedAt !== null
      return run === undefined
        ? messagePage('Not found', 'There is no such run any more.')
        : runPage(run, outcomes, left)
    } catch (error) {
      return messagePage('The run cannot be read just now', reason(error))
    }
  }
  return live.open(`run ${id}`, render, { isOver: () => isOver })
}

function addChanges(app: Hono<Env>, { sql, show, actions }: Deps): void {
  const read = async (session: Env['Variables']['session'], notice: Notice | null): Promise<Html> => {
    const { changes, count } = await listChanges(sql, { all: false, limit: SHOWN_CHANGES })
    const open = changes.filter(({ state }) => OPEN.includes(state)).map(({ id }) => id)
    const waits = await readSendBlockers(sql, open)
    return changesPage({ changes, count, waits, catalog, now: await databaseTime(sql) }, session!, notice)
  }

  app.get('/changes', async (c) => show(c, 'Changes', await read(c.get('session'), null)))

  app.post('/changes', async (c) => {
    const asked = decisionIn(c.get('form'))
    if (asked === null) return show(c, 'Refused', messagePage('Refused', 'No page of this dashboard sends this.'), 400)
    const { decision, ids, seen } = asked
    if (ids.length === 0) return show(c, 'Changes', await read(c.get('session'), NONE_SELECTED), 400)
    let done = 0
    const facts = () => ({ action: decision, changes: ids.slice(0, LOGGED_IDS), asked: ids.length, done })
    try {
      for await (const _ of decideChanges(sql, catalog, decision, ids, seen)) done++
      actions.done(c, facts())
      return show(c, 'Changes', await read(c.get('session'), doneNotice(decision, done)))
    } catch (error) {
      actions.refused(c, facts(), reason(error))
      // Settled, or taken up by another, since the page was made.
      if (!hasCode(error, 'SYNC_USAGE')) throw error
      return show(c, 'Changes', await read(c.get('session'), { level: 'bad', text: reason(error) }), 409)
    }
  })
}
