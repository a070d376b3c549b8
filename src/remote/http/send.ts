/**
 * The one shape of every layer of the client: a request goes in, and what was read of its response comes out. A layer takes the
 * one below it and returns a `Send` of its own; `client.ts` puts them together. At the bottom is `overHttp`.
 */
import type { Http, HttpRequest, HttpResponse } from './http.ts'
import type { Attempts } from './retry.ts'

export interface Request<T> extends HttpRequest {
  /** What the response means to the caller. What it throws with `remedy: retry` is retried like a failure of the network. */
  readonly read: (response: HttpResponse) => T
  /** Called just before each time that it is sent, behind all waits. What it throws prevents that. */
  readonly beforeSend?: (() => Promise<void>) | undefined
  /** The policy's when left out, or for a failure of which it is undefined. */
  readonly attempts?: Attempts
}

export type Send = <T>(request: Request<T>, signal: AbortSignal) => Promise<T>

export type Layer = (send: Send) => Send

/** One exchange. A write that was sent is waited for, whatever the signal: one that is aborted may have arrived all the same. */
export const overHttp =
  (http: Http): Send =>
  async (request, signal) => {
    await request.beforeSend?.()
    return request.read(await http.send(request, request.method === 'GET' ? signal : NEVER))
  }

const NEVER = new AbortController().signal
