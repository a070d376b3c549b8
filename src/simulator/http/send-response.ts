/** Writes responses to the socket, the regular ones and those of faults: cut off, slow, stalled, or from a proxy in front. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { statusOf, type Fault } from '../control/faults.ts'
import { errorBody, internal, refusalBody, type ErrorBody } from '../errors.ts'
import { httpResponse, type HttpResponse } from '../exchange.ts'
import type { Switches } from '../switches.ts'

/** Sends the complete response. Returns the bytes of body sent. */
export function send(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  response: HttpResponse,
  requestId: string,
): number {
  if (outgoing.destroyed || outgoing.headersSent) return 0
  const head = incoming.method === 'HEAD'
  outgoing.writeHead(response.status, {
    'X-Request-Id': requestId,
    ...response.headers,
    ...(response.status === 204 || response.status === 304 ? {} : { 'Content-Length': response.length }),
  })
  if (head || response.length === 0) {
    outgoing.end()
    return 0
  }
  if (response.body.length > maxPieces) outgoing.end(Buffer.concat(response.body))
  else {
    // corked: one writev
    outgoing.cork()
    for (const part of response.body) outgoing.write(part)
    outgoing.end()
    outgoing.uncork()
  }
  return response.length
}

/** Above this number of pieces one copy costs less than the writes. */
const maxPieces = 24

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

/** The response that a fault sends in place of the regular one, or null if the fault only damages that. 502 to 504 come from
 *  the proxy in front, as a page of HTML; body and headers of a 429 are unknown (API notes §6). */
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
  const { type, body } = fault.body === null ? bodyOf(status, switches) : proxyBody(status, fault.body)
  return httpResponse(status, type, body, headers)
}

/** Of a server that was asked for more at once than it works on. */
export function tooMany(switches: Bodies): HttpResponse {
  const { status, type, body } = bodyOf(429, switches)
  return httpResponse(status, type, body)
}

/** From a proxy, firewall or gateway in front of the server. */
function proxyBody(status: number, body: NonNullable<Fault['body']>): ErrorBody {
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

/** Promises the complete body in the headers, and closes the connection after a part of it. */
export function truncate(outgoing: ServerResponse, response: HttpResponse, afterBytes: number | null): void {
  const part = Buffer.concat(response.body).subarray(0, afterBytes ?? Math.floor(response.length / 2))
  outgoing.writeHead(response.status, { ...response.headers, 'Content-Length': response.length })
  // destroyed only once the part was sent, or no byte of it would arrive
  outgoing.write(part.length === 0 ? ' ' : part, () => outgoing.socket?.destroySoon())
}

/** Byte by byte, until the client disconnects. */
export async function trickle(
  outgoing: ServerResponse,
  response: HttpResponse,
  everyMs: number,
  closing: AbortSignal,
): Promise<void> {
  outgoing.writeHead(response.status, { ...response.headers, 'Content-Length': response.length })
  for (const byte of Buffer.concat(response.body)) {
    if (outgoing.destroyed) return
    outgoing.write(Buffer.of(byte))
    await wait(everyMs, undefined, { signal: closing })
  }
  outgoing.end()
}

/** Sends the headers and no body. */
export function stall(outgoing: ServerResponse, response: HttpResponse): void {
  outgoing.writeHead(response.status, { ...response.headers, 'Content-Length': Math.max(response.length, 1) })
  outgoing.flushHeaders()
}

/** RST and not FIN, as a crashed proxy sends. */
export function reset(outgoing: ServerResponse): void {
  const { socket } = outgoing
  if (socket !== null && 'resetAndDestroy' in socket) socket.resetAndDestroy()
  else outgoing.destroy()
}
