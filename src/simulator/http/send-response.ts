import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { statusOf, type Fault } from '../control/faults.ts'
import { errorBody, internal, refusalBody, type ErrorBody } from '../errors.ts'
import { httpResponse, type HttpResponse } from '../exchange.ts'
import type { Switches } from '../switches.ts'

/** What goes onto the wire, whole or spoiled. Returns the bytes of body sent. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  given: HttpResponse,
  requestId: string,
): number {
  if (response.destroyed || response.headersSent) return 0
  const head = request.method === 'HEAD'
  response.writeHead(given.status, {
    'X-Request-Id': requestId,
    ...given.headers,
    ...(given.status === 204 || given.status === 304 ? {} : { 'Content-Length': given.length }),
  })
  if (head || given.length === 0) {
    response.end()
    return 0
  }
  if (given.body.length > scattered) response.end(Buffer.concat(given.body))
  else {
    // corked: one writev
    response.cork()
    for (const part of given.body) response.write(part)
    response.end()
    response.uncork()
  }
  return given.length
}

/** Past so many pieces one copy costs less than the writes. */
const scattered = 24

const html = (status: number, title: string): ErrorBody => ({
  status,
  type: 'text/html',
  body: `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`,
})

const gateways: Readonly<Record<number, string>> = {
  302: '302 Found',
  408: '408 Request Time-out',
  421: '421 Misdirected Request',
  425: '425 Too Early',
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
}

/** The answer that a fault puts in the place of the real one, or null when the fault spoils the real one. 502 to 504 come
 *  from the proxy in front, as a page of HTML; body and headers of a 429 are unknown (API notes §6). */
export function faultResponse(fault: Fault, switches: Bodies): HttpResponse | null {
  if (fault.kind === 'html') {
    const page = html(200, 'Down for maintenance')
    return httpResponse(page.status, page.type, page.body)
  }
  const status = statusOf(fault.kind)
  if (status === null) return null
  const headers = {
    ...(fault.retryAfter === null ? {} : { 'Retry-After': String(fault.retryAfter) }),
    ...(status === 302 ? { Location: '/users/sign_in' } : {}),
  }
  const made = fault.body === null ? bodyOf(status, switches) : foreignBody(status, fault.body)
  return httpResponse(status, made.type, made.body, headers)
}

/** From a proxy, firewall or gateway that answers in the server's place. */
function foreignBody(status: number, body: NonNullable<Fault['body']>): ErrorBody {
  if (body === 'html') return html(status, 'Access denied')
  if (body === 'text') return { status, type: 'text/plain', body: 'Blocked by policy\n' }
  if (body === 'json') return { status, type: 'application/json', body: '{"message":"Forbidden"}' }
  return { status, type: 'text/html', body: '' }
}

type Bodies = Pick<Switches, 'errorBodies' | 'errorShape' | 'includeErrors'>

function bodyOf(status: number, switches: Bodies): ErrorBody {
  const gateway = gateways[status]
  if (gateway !== undefined) return html(status, gateway)
  if (status === 429) return { status, type: 'text/plain', body: 'Retry later\n' }
  return status === 500 ? errorBody(internal(), switches) : refusalBody(status, switches.errorBodies)
}

/** Headers promise the whole body; the connection ends after a part of it. */
export function truncate(response: ServerResponse, given: HttpResponse, afterBytes: number | null): void {
  const part = Buffer.concat(given.body).subarray(0, afterBytes ?? Math.floor(given.length / 2))
  response.writeHead(given.status, { ...given.headers, 'Content-Length': given.length })
  // destroyed only once the part has left, or nothing at all would arrive
  response.write(part.length === 0 ? ' ' : part, () => response.socket?.destroySoon())
}

/** Byte by byte, until the reader has enough of it. */
export async function trickle(
  response: ServerResponse,
  given: HttpResponse,
  everyMs: number,
  closing: AbortSignal,
): Promise<void> {
  response.writeHead(given.status, { ...given.headers, 'Content-Length': given.length })
  for (const byte of Buffer.concat(given.body)) {
    if (response.destroyed) return
    response.write(Buffer.of(byte))
    await wait(everyMs, undefined, { signal: closing })
  }
  response.end()
}

/** Headers, then nothing. */
export function stall(response: ServerResponse, given: HttpResponse): void {
  response.writeHead(given.status, { ...given.headers, 'Content-Length': Math.max(given.length, 1) })
  response.flushHeaders()
}

/** RST and not FIN: what a crashed proxy does. */
export function reset(response: ServerResponse): void {
  const { socket } = response
  if (socket !== null && 'resetAndDestroy' in socket) socket.resetAndDestroy()
  else response.destroy()
}
