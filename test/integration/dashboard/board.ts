/** The dashboard over real HTTP, in this process, as `start` serves it, and a person who opens its pages without a browser. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import type { BeginRunDeps } from '../../../src/jobs/begin-run.ts'
import { readSchedules } from '../../../src/jobs/schedule.ts'
import { createMeter, type Meter } from '../../../src/meter.ts'
import { openFleetState } from '../../../src/report/fleet-state.ts'
import { readOverview, type OverviewDeps } from '../../../src/report/overview.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { createDashboard, type Dashboard, type DashboardDeps } from '../../../src/web/dashboard.ts'
import { startWeb } from '../../../src/web/health.ts'

export interface Page {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** What a person reads: without tags, and with the characters that escapes stand for. */
  readonly text: string
}

export interface Board extends AsyncDisposable {
  readonly url: string
  readonly dashboard: Dashboard
  readonly sql: Database
  readonly meter: Meter
  /** Of its log. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
  get(path: string, headers?: Record<string, string>): Promise<Page>
  /** Sends a form. The key is that of the page it is on, unless `fields` has another. */
  post(
    path: string,
    fields: Record<string, string | readonly string[]>,
    headers?: Record<string, string>,
  ): Promise<Page>
}

export const SCHEDULES = readSchedules({
  schedule: '0 2 * * *',
  incrementalSchedule: '*/15 * * * *',
  timezone: 'UTC',
})

export const overviewDeps = (sql: Database): OverviewDeps => ({
  schedules: SCHEDULES,
  rate: 5,
  resources: { full: ['clients', 'tags'], incremental: ['clients'] },
  fleet: openFleetState(sql, { redisUrl: undefined, keyId: () => '' }),
})

export async function openBoard(
  databaseUrl: string,
  changes: Partial<DashboardDeps> = {},
  queues?: BeginRunDeps['queues'],
): Promise<Board> {
  const sql = openDatabase(databaseUrl, { connections: 3 })
  const lines: Record<string, unknown>[] = []
  const meter = createMeter()
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const dashboard = createDashboard({
    sql,
    databaseUrl,
    overview: () => readOverview(sql, overviewDeps(sql)),
    access: { host: '127.0.0.1', tokens: undefined },
    patterns: { full: '0 2 * * *', incremental: '*/15 * * * *' },
    timezone: 'UTC',
    holder: 'here, process 1',
    now: () => ({ queues, log }),
    ...overviewDeps(sql),
    push: 'on',
    meter,
    version: '0.1.0',
    ...changes,
  })
  const web = await startWeb({
    host: '127.0.0.1',
    port: 0,
    elsewhere: false,
    checks: () => ({}),
    otherwise: dashboard.handle,
  })
  const send = async (method: string, path: string, headers: Record<string, string>, body?: string): Promise<Page> => {
    // Not fetch: a page of another site is known by its Host, which that does not let us set.
    const sent = httpRequest(web.url + path, { method, headers, agent: false }).end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const found = await text(response)
    return { status: response.statusCode!, headers: response.headers, body: found, text: readable(found) }
  }
  const get: Board['get'] = (path, headers = {}) => send('GET', path, headers)
  return {
    url: web.url,
    dashboard,
    sql,
    meter,
    lines,
    get,
    async post(path, fields, headers = {}) {
      const page = 'key' in fields ? '' : (await get(path.replace(/^(\/\w*).*/, '$1'), headers)).body
      const form = new URLSearchParams()
      const key = /name="key" value="([^"]*)"/.exec(page)?.[1]
      if (key !== undefined) form.set('key', key)
      for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(name, value)
      return await send(
        'POST',
        path,
        { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        form.toString(),
      )
    },
    async [Symbol.asyncDispose]() {
      await web.close()
      await sql.end({ timeout: 1 })
    },
  }
}

/** The text of an element, or of a page. */
const readable = (body: string): string =>
  body
    .replaceAll(/<(head|script|style)[^>]*>.*?<\/\1>/gs, '')
    .replaceAll(/<\/?(small|a|span|bdi|b|time|em|strong|code)\b[^>]*>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim()

/** The rows of the tables of a page, cell by cell. */
export const rowsOf = (body: string): string[][] =>
  [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => readable(cell!)),
  )
