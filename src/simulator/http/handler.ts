import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { answerControl, type ControlDeps } from '../control/control.ts'
import type { Echo } from '../control/echo.ts'
import type { Fault } from '../control/faults.ts'
import { spoiledBody } from '../control/spoil.ts'
import { errorBody } from '../errors.ts'
import { answer, json, readBody, type Answer, type Call } from '../exchange.ts'
import { answerAuthorize } from '../oauth/authorize.ts'
import type { Codes } from '../oauth/codes.ts'
import { answerToken, type Credentials } from '../oauth/oauth.ts'
import { findRoute, type Route } from '../routes.ts'
import { answerApi, type ApiDeps } from './api.ts'
import { packed } from './pack.ts'
import { faultAnswer, reset, send, stall, trickle, truncate } from './send.ts'

export type HandlerDeps = ApiDeps &
  ControlDeps & {
    readonly credentials: Credentials
    readonly codes: Codes
    readonly echo: Echo
    readonly closing: AbortSignal
  }

const loopback = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

export function createHandler(
  deps: HandlerDeps,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let requests = 0
  return async (request, response) => {
    requests += 1
    const requestId = `sim-${String(requests).padStart(8, '0')}`
    try {
      await answerRequest(deps, request, response, requestId)
    } catch (error) {
      // closing, or a client that went away: nobody is left to answer
      if (deps.closing.aborted || request.socket.destroyed || response.headersSent) response.destroy()
      else sendError(deps, request, response, error, requestId)
    }
  }
}

async function answerRequest(
  deps: HandlerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const { path, params } = readUrl(request.url ?? '/')
  const call = async (): Promise<Call> => ({
    method: request.method ?? 'GET',
    path,
    params,
    headers: request.headers,
    body: await readBody(request),
  })
  if (path.startsWith('/_control/')) {
    const allowed = loopback.has(request.socket.remoteAddress ?? '')
    send(
      request,
      response,
      allowed
        ? answerControl(deps, await call())
        : json(403, { error: 'the control API answers loopback addresses only' }),
      requestId,
    )
    return
  }
  const route = findRoute(deps, path)
  const method = request.method ?? 'GET'
  deps.stats.asked(method, route)
  const page = route.listed === null || method !== 'GET' ? null : pageOf(params)
  const made = await call()
  if (deps.switches.latency > 0) await wait(deps.switches.latency, undefined, { signal: deps.closing })
  const fault = deps.faults.take({ method, path, type: route.listed ?? route.model?.type ?? null, page })
  if (fault?.kind === 'reset') {
    reset(response)
    return
  }
  const planned = fault === null ? null : faultAnswer(fault, deps.switches)
  if (planned === null && fault?.kind === 'slow') await wait(fault.ms ?? 1000, undefined, { signal: deps.closing })
  if (planned === null && page !== null && route.listed !== null) deps.script.play(route.listed, page, 'before')
  const own = deps.echo.quoted(planned ?? timed(answerFor(deps, route, made)), made)
  const whole = fault === null ? own : spoiledBody(fault, own)
  const given = packed(whole, request.headers['accept-encoding']?.toString(), deps.switches.compression)
  if (planned === null && page !== null && route.listed !== null && given.status === 200)
    deps.stats.served(route.listed, page)
  if (fault !== null && planned === null && (await spoiled(deps, fault, response, given))) return
  deps.stats.answered(given.status, send(request, response, given, requestId))
  if (page !== null && route.listed !== null) deps.script.play(route.listed, page, 'after')
}

/** The faults that do the work and spoil its answer. */
async function spoiled(deps: HandlerDeps, fault: Fault, response: ServerResponse, given: Answer): Promise<boolean> {
  switch (fault.kind) {
    case 'lost-answer':
      response.destroy()
      return true
    case 'truncate':
      truncate(response, given, fault.afterBytes)
      return true
    case 'trickle':
      await trickle(response, given, fault.ms ?? 1000, deps.closing)
      return true
    case 'stall':
      stall(response, given)
      if (fault.ms !== null) {
        await wait(fault.ms, undefined, { signal: deps.closing })
        response.destroy()
      }
      return true
    default:
      return false
  }
}

/** Rails counts the time that it takes; what stands before it does not. */
const timed = (given: Answer): Answer => ({ ...given, headers: { ...given.headers, 'X-Runtime': '0.004181' } })

function answerFor(deps: HandlerDeps, route: Route, call: Call): Answer {
  try {
    switch (route.kind) {
      case 'token':
        return answerToken(deps, call)
      case 'authorize':
        return answerAuthorize(deps, call)
      // stands for the pre-signed address of a document: no Authorization header is needed
      case 'file':
        return answer(200, 'application/pdf', `%PDF-1.4\n% simulated ${call.path}\n%%EOF\n`)
      default:
        return answerApi(deps, route, call)
    }
  } catch (error) {
    const { status, type, body } = errorBody(error, deps.switches)
    return answer(status, type, body)
  }
}

function sendError(
  deps: HandlerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  requestId: string,
): void {
  const { status, type, body } = errorBody(error, deps.switches)
  deps.stats.answered(status, send(request, response, answer(status, type, body), requestId))
}

function readUrl(url: string): { path: string; params: URLSearchParams } {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url, params: new URLSearchParams() }
    : { path: url.slice(0, at), params: new URLSearchParams(url.slice(at + 1)) }
}

function pageOf(params: URLSearchParams): number {
  const page = Number(params.get('page[number]') ?? params.get('page') ?? '1')
  return Number.isInteger(page) ? page : 1
}
