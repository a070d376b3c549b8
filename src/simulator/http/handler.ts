/**
 * One request from its first byte to its response: counted, a fault applied, a script run, then handed to the API, the token
 * endpoint or the control API.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { handleControl, type ControlDeps } from '../control/control.ts'
import { corruptBody } from '../control/corrupt-body.ts'
import type { SecretEcho } from '../control/echo-secrets.ts'
import type { Fault } from '../control/faults.ts'
import { errorBody } from '../errors.ts'
import { httpResponse, jsonResponse, readBody, type HttpRequest, type HttpResponse } from '../exchange.ts'
import { handleAuthorize } from '../oauth/authorize.ts'
import type { Codes } from '../oauth/codes.ts'
import { handleToken, type Credentials } from '../oauth/token-endpoint.ts'
import { findRoute, type Route } from '../routes.ts'
import { handleApi, type ApiDeps } from './api.ts'
import { compressed } from './compression.ts'
import type { Load } from './load.ts'
import { faultResponse, reset, send, stall, tooMany, trickle, truncate } from './send-response.ts'

export type HandlerDeps = ApiDeps &
  ControlDeps & {
    readonly credentials: Credentials
    readonly codes: Codes
    readonly secretEcho: SecretEcho
    readonly closing: AbortSignal
    readonly load: Load
  }

type Send = (response: HttpResponse) => number

export function createHandler(
  deps: HandlerDeps,
): (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void> {
  let requests = 0
  return async (incoming, outgoing) => {
    requests += 1
    const requestId = `sim-${String(requests).padStart(8, '0')}`
    const sendIt: Send = (response) => send(incoming, outgoing, response, requestId)
    try {
      await handleRequest(deps, incoming, outgoing, sendIt)
    } catch (error) {
      // the simulator closes, or the client went away: the response has no reader
      if (deps.closing.aborted || incoming.socket.destroyed || outgoing.headersSent) outgoing.destroy()
      else {
        const response = errorResponse(deps, error)
        deps.stats.countResponse(response.status, sendIt(response))
      }
    }
  }
}

async function handleRequest(
  deps: HandlerDeps,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  sendIt: Send,
): Promise<void> {
  const url = readUrl(incoming.url ?? '/')
  if (url.path.startsWith('/_control/')) {
    sendIt(await controlResponse(deps, incoming, url))
    return
  }
  await respond(deps, await receive(deps, incoming, url), outgoing, sendIt)
}

interface Received {
  readonly request: HttpRequest
  readonly route: Route
  /** the page of a list that the request reads, or null */
  readonly page: Page | null
  readonly fault: Fault | null
  /** more came at once than it works on */
  readonly refused: boolean
}

async function receive(deps: HandlerDeps, incoming: IncomingMessage, url: Url): Promise<Received> {
  const route = findRoute(deps, url.path)
  deps.stats.countRequest(incoming.method ?? 'GET', route)
  const request = await readRequest(incoming, url)
  const refused = !(await deps.load.work(deps.closing))
  const { method, path } = request
  const page = pageOf(route, request)
  const type = route.listed ?? route.model?.type ?? null
  return { request, route, page, fault: deps.faults.take({ method, path, type, page: page?.number ?? null }), refused }
}

async function respond(deps: HandlerDeps, received: Received, outgoing: ServerResponse, sendIt: Send): Promise<void> {
  const { page, fault, refused } = received
  if (refused) {
    deps.stats.countResponse(429, sendIt(tooMany(deps.switches)))
    return
  }
  if (fault?.kind === 'reset') {
    reset(outgoing)
    return
  }
  const replacement = fault && faultResponse(fault, deps.switches)
  const response = altered(deps, replacement ?? (await regularResponse(deps, received)), received)
  if (replacement === null && page !== null && response.status === 200) deps.stats.countPage(page.type, page.number)
  if (fault?.kind === 'hold-answer') await deps.faults.removed(fault.id)
  if (fault !== null && (await sendDamaged(deps, fault, outgoing, response))) return
  deps.stats.countResponse(response.status, sendIt(response))
  if (page !== null) deps.script.play(page.type, page.number, 'after')
}

const loopback = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

async function controlResponse(deps: HandlerDeps, incoming: IncomingMessage, url: Url): Promise<HttpResponse> {
  if (!loopback.has(incoming.socket.remoteAddress ?? ''))
    return jsonResponse(403, { error: 'the control API answers loopback addresses only' })
  return handleControl(deps, await readRequest(incoming, url))
}

interface Page {
  readonly type: string
  readonly number: number
}

function pageOf(route: Route, { method, params }: HttpRequest): Page | null {
  if (route.listed === null || method !== 'GET') return null
  const number = Number(params.get('page[number]') ?? params.get('page') ?? '1')
  return { type: route.listed, number: Number.isInteger(number) ? number : 1 }
}

async function regularResponse(deps: HandlerDeps, { request, route, page, fault }: Received): Promise<HttpResponse> {
  if (fault?.kind === 'slow') await wait(fault.ms ?? 1000, undefined, { signal: deps.closing })
  if (fault?.kind === 'hold') await deps.faults.removed(fault.id)
  if (page !== null) deps.script.play(page.type, page.number, 'before')
  const response = responseFor(deps, route, request)
  // Rails measures the time of the request; a server in front of it adds no such header
  return { ...response, headers: { ...response.headers, 'X-Runtime': '0.004181' } }
}

function responseFor(deps: HandlerDeps, route: Route, request: HttpRequest): HttpResponse {
  try {
    switch (route.kind) {
      case 'token':
        return handleToken(deps, request)
      case 'authorize':
        return handleAuthorize(deps, request)
      // stands for the pre-signed address of a document: no Authorization header is needed
      case 'file':
        return httpResponse(200, 'application/pdf', `%PDF-1.4\n% simulated ${request.path}\n%%EOF\n`)
      default:
        return handleApi(deps, route, request)
    }
  } catch (error) {
    return errorResponse(deps, error)
  }
}

function errorResponse(deps: HandlerDeps, error: unknown): HttpResponse {
  const { status, type, body } = errorBody(error, deps.switches)
  return httpResponse(status, type, body)
}

/** The response after the switches and the fault have changed its headers and body. */
function altered(deps: HandlerDeps, response: HttpResponse, { request, fault }: Received): HttpResponse {
  const echoing = deps.secretEcho.addTo(response, request)
  const changed = fault === null ? echoing : corruptBody(fault, echoing)
  return compressed(changed, request.headers['accept-encoding']?.toString(), deps.switches.compression)
}

/** Handles the faults that break the connection while the response is sent; false for any other. */
async function sendDamaged(
  deps: HandlerDeps,
  fault: Fault,
  outgoing: ServerResponse,
  response: HttpResponse,
): Promise<boolean> {
  switch (fault.kind) {
    case 'lost-answer':
      outgoing.destroy()
      return true
    case 'truncate':
      truncate(outgoing, response, fault.afterBytes)
      return true
    case 'trickle':
      await trickle(outgoing, response, fault.ms ?? 1000, deps.closing)
      return true
    case 'stall':
      stall(outgoing, response)
      if (fault.ms !== null) {
        await wait(fault.ms, undefined, { signal: deps.closing })
        outgoing.destroy()
      }
      return true
    default:
      return false
  }
}

interface Url {
  readonly path: string
  readonly params: URLSearchParams
}

function readUrl(url: string): Url {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url, params: new URLSearchParams() }
    : { path: url.slice(0, at), params: new URLSearchParams(url.slice(at + 1)) }
}

async function readRequest(incoming: IncomingMessage, url: Url): Promise<HttpRequest> {
  return { ...url, method: incoming.method ?? 'GET', headers: incoming.headers, body: await readBody(incoming) }
}
