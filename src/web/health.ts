/** The HTTP port of `start`: /healthz and /readyz for a supervisor (is the process alive, and can it work), and the server of all else. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { httpUnavailable } from '../errors/commands.ts'
import { errorCodeOf, reason, withCode } from '../errors/sync-error.ts'
import type { ErrorCode } from '../errors/table.ts'
import { createPublicServer } from '../http-server.ts'
import { visibleJson } from '../screen/visible.ts'
import { withinLimit } from '../within-limit.ts'

/** Checks by name. One that throws has failed, and its message is the reason; one that passes may return a text to show. */
export type Checks = Readonly<Record<string, () => Promise<string | void>>>

/** Sentences for a person, on which readiness does not depend; null where there is nothing to report. */
export type Notices = Readonly<Record<string, string | null>>

export interface Page {
  readonly contentType: string
  readonly text: string
}

export interface Web {
  readonly url: string
  close(): Promise<void>
}

interface Options {
  readonly host: string
  /** 0 for any free one; undefined for the usual one. */
  readonly port: number | undefined
  /** Another free port will do when it is taken. */
  readonly elsewhere: boolean
  /** Called for each check. */
  readonly checks: () => Checks
  readonly notices?: () => Notices
  /** Others, by path. */
  readonly pages?: Readonly<Record<string, () => Promise<Page>>>
  /** Answers every other path; left out, there is none. */
  readonly otherwise?: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined
}

const USUAL_PORT = 8080

/** A check that takes longer has failed. Less than the timeout of any prober. */
const CHECK_MS = 3_000

const NOT_READY: ErrorCode = 'SYNC_NOT_READY'

/** @throws SyncError SYNC_CONFIG when the port is not available. */
export async function startWeb({
  host,
  port,
  elsewhere,
  checks,
  notices = () => ({}),
  pages = {},
  otherwise,
}: Options): Promise<Web> {
  // Requests that arrive during a check share its result, so that a flood of requests is not one of queries.
  let checking: ReturnType<typeof ready> | undefined
  const server = createPublicServer(async (request, response, { path }) => {
    const isOurs = path === '/healthz' || path === '/readyz' || Object.hasOwn(pages, path)
    if (!isOurs && otherwise !== undefined) await otherwise(request, response)
    else if (request.method !== 'GET' && request.method !== 'HEAD') respond(response, 405, { error: 'GET only' })
    else if (path === '/healthz') respond(response, 200, { status: 'ok' })
    else if (path === '/readyz') {
      checking ??= ready(checks()).finally(() => (checking = undefined))
      const found = await checking
      const noticed = Object.entries(notices()).map(([name, notice]) => [name, notice ?? 'ok'])
      respond(response, found.status === 'ok' ? 200 : 503, { ...Object.fromEntries(noticed), ...found })
    } else if (Object.hasOwn(pages, path)) {
      const { contentType, text } = await pages[path]!()
      response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text)
    } else respond(response, 404, { error: `there is ${['/healthz', '/readyz', ...Object.keys(pages)].join(', ')}` })
  })
  await listen(server, host, port ?? USUAL_PORT).catch(async (error: unknown) => {
    if (!elsewhere) throw error
    await listen(server, host, 0)
  })
  const { port: actual } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function ready(checks: Checks): Promise<{ status: 'ok' | 'not ready' } & Record<string, string>> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => ({ name, ...(await runCheck(check)) })),
  )
  const status = found.every(({ ok }) => ok) ? 'ok' : 'not ready'
  return { ...Object.fromEntries(found.map(({ name, text }) => [name, text])), status }
}

interface CheckResult {
  readonly ok: boolean
  readonly text: string
}

/** The code of what a start waits for is at its end already, and is more exact than ours. */
function failureText(error: unknown): string {
  const text = reason(error)
  return /\(SYNC_[A-Z_]+\)$/.test(text) ? text : withCode(text, errorCodeOf(error) ?? NOT_READY)
}

async function runCheck(check: Checks[string]): Promise<CheckResult> {
  const checked = check().then(
    (text): CheckResult => ({ ok: true, text: text ?? 'ok' }),
    (error: unknown): CheckResult => ({ ok: false, text: failureText(error) }),
  )
  const late = withCode(`no response within ${CHECK_MS / 1000} s`, NOT_READY)
  return await withinLimit(checked, CHECK_MS, () => ({ ok: false, text: late }))
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${visibleJson(body)}\n`)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening').catch((error: unknown) => {
    throw httpUnavailable({ host, port }, error)
  })
}
