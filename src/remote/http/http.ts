/**
 * One HTTP exchange over kept-alive connections: sends the request and reads the complete body within limits. What the response
 * means is not decided here. `undici.request` rather than `fetch`: 1.1–1.4 ms of CPU a 100-record page against 1.4–2.0 ms.
 */
import { stopped } from '../../errors/commands.ts'
import { bodyUnreadable, remoteTimeout, remoteUnreachable } from '../../errors/requests.ts'
import { SyncError } from '../../errors/sync-error.ts'
import type { RequestPurpose } from '../../request-log.ts'
import { ACCEPT_ENCODING, decodeBody, type Body } from './decode.ts'
import { createProxyAgent, explainProxy, leavesByProxy, type ProxySettings } from './proxy.ts'
import { Agent, errors } from './undici.ts'
import type { Attempted } from './with-request-log.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Limit until the last byte of the response; left out: five minutes. */
  readonly wholeMs?: number
  /** Of this and its repetitions: with-request-log.ts. */
  readonly attempted?: Attempted
  /** For the request log. */
  readonly purpose?: RequestPurpose | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Its text is made when it is first read. */
  readonly body: string
  /** The body as it came, decompressed: for these no text is made. */
  readonly received?: Pick<Body, 'length' | 'digest'>
}

export interface Http {
  /** @throws SyncError `retry` when no complete response came, SYNC_STOPPED when `signal` fired. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>
  close(): Promise<void>
}

export interface HttpOptions {
  readonly connections: number
  readonly connectMs?: number
  readonly headersMs?: number
  /** Longest silence between two chunks of a body. */
  readonly bodyMs?: number
  /** From the request to the last byte of the response, however slowly it comes. */
  readonly wholeMs?: number
  /** Compressed, and decompressed. */
  readonly maxBodyBytes?: number
  /** For every host except those it names, and this machine. */
  readonly proxy?: ProxySettings | undefined
}

const CONNECT_MS = 10_000
/** Project lists with many includes are slow at the remote; its own connector waits 30 s (API notes §6). */
const HEADERS_MS = 60_000
const BODY_MS = 60_000
/** A page of 2 MB needs 7 KB/s. */
const WHOLE_MS = 5 * 60_000
/** A 250-record page of the widest resource is about 2 MB; past this it is not a page, and parsing it would need 300 MB. */
const MAX_BODY_BYTES = 32 * 1024 * 1024

let silenceMs = Infinity
/** For tests, before a client is made: no response is waited for longer. */
export function waitForResponses(ms: number): void {
  silenceMs = ms
}

export function createHttp({
  connections,
  connectMs = Math.min(CONNECT_MS, silenceMs),
  headersMs = Math.min(HEADERS_MS, silenceMs),
  bodyMs = Math.min(BODY_MS, silenceMs),
  wholeMs = Math.min(WHOLE_MS, 2 * silenceMs),
  maxBodyBytes = MAX_BODY_BYTES,
  proxy,
}: HttpOptions): Http {
  // One request a connection at a time: pipelined on one connection, requests queue behind each other's latency.
  const options = {
    connections,
    pipelining: 1,
    headersTimeout: headersMs,
    bodyTimeout: bodyMs,
    maxResponseSize: maxBodyBytes,
  }
  const direct = new Agent({ ...options, connect: { timeout: connectMs } })
  const through = proxy === undefined ? undefined : createProxyAgent(proxy, connectMs, options)
  return {
    async send(request, signal) {
      const { url, method } = request
      const limits = { connectMs, headersMs, bodyMs, wholeMs: request.wholeMs ?? wholeMs, maxBodyBytes }
      const ending = endBy(signal, limits.wholeMs)
      const target = new URL(url)
      const by = proxy !== undefined && leavesByProxy(target, proxy.except) ? proxy : undefined
      try {
        const { origin, pathname, search } = target
        const { statusCode, headers, body } = await (by === undefined ? direct : through!).request({
          origin,
          path: pathname + search,
          method,
          headers: { ...request.headers, 'accept-encoding': ACCEPT_ENCODING },
          body: request.body ?? null,
          signal: ending.signal,
        })
        const bytes = await body.bytes()
        const given = { url, status: statusCode, encoding: headers['content-encoding'], maxBytes: maxBodyBytes }
        const received = await decodeBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), given)
        return {
          status: statusCode,
          headers,
          received,
          get body() {
            return received.text()
          },
        }
      } catch (error) {
        if (signal.aborted) throw stopped()
        throw (by === undefined ? undefined : explainProxy(error, by, url)) ?? explain(error, url, limits)
      } finally {
        ending.off()
      }
    },
    async close() {
      await Promise.all([direct.destroy(), through?.destroy()])
    },
  }
}

type Limits = Required<Omit<HttpOptions, 'connections' | 'proxy'>>

/** Not AbortSignal.any: the signal lives as long as the process, and would keep a reference for each request. */
function endBy(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; off(): void } {
  const ending = new AbortController()
  const stop = (): void => ending.abort()
  const timer = setTimeout(() => ending.abort(new TooLate()), ms)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return {
    signal: ending.signal,
    off() {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    },
  }
}

class TooLate extends Error {}

function explain(error: unknown, url: string, limits: Limits): SyncError {
  if (error instanceof SyncError) return error
  const timeout = (phase: string, ms: number) => remoteTimeout({ url, phase, seconds: ms / 1000 }, error)
  if (error instanceof errors.ConnectTimeoutError) return timeout('connecting', limits.connectMs)
  if (error instanceof errors.HeadersTimeoutError) return timeout('waiting for the response', limits.headersMs)
  if (error instanceof errors.BodyTimeoutError) return timeout('reading the body', limits.bodyMs)
  if (error instanceof TooLate) return timeout('reading the response to its end', limits.wholeMs)
  if (error instanceof errors.ResponseExceededMaxSizeError) {
    return bodyUnreadable({ url, problem: `it is larger than ${limits.maxBodyBytes} bytes`, tooLarge: true }, error)
  }
  return remoteUnreachable({ url }, error)
}
