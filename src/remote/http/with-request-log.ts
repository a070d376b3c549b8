/** Notes each exchange in the request log, with its attempt and for how long it waited. */
import { errorCodeOf } from '../../errors/sync-error.ts'
import type { RequestLog } from '../../request-log.ts'
import type { Http } from './http.ts'
import type { Layer } from './send.ts'

/** What the attempts of one request have in common: the outermost layer begins it, the innermost counts. */
export interface Attempted {
  count: number
  since: number
}

/** Outside the retries, so that all attempts of a request share it. */
export const withAttempts: Layer = (send) => (request, signal) =>
  send({ ...request, attempted: { count: 0, since: performance.now() } }, signal)

export const noted = (http: Http, log: RequestLog): Http => ({
  async send(request, signal) {
    const { method, url, attempted, purpose = null } = request
    // In `start` that is the database's clock (jobs/clock.ts), and so it is where it is saved; new Date() is this host's.
    const at = new Date(Date.now())
    const begun = performance.now()
    const waitedMs = attempted === undefined ? 0 : Math.round(begun - attempted.since)
    const attempt = attempted === undefined ? 1 : ++attempted.count
    const note = (status: number | null, code: string | null, bytes: number | null): void => {
      const ended = performance.now()
      if (attempted !== undefined) attempted.since = ended
      const ms = Math.round(ended - begun)
      log.note({ at, method, path: shownPath(url), status, code, ms, bytes, attempt, waitedMs, purpose })
    }
    try {
      const response = await http.send(request, signal)
      note(response.status, null, response.received?.length ?? Buffer.byteLength(response.body))
      return response
    } catch (error) {
      note(null, errorCodeOf(error) ?? 'failed', null)
      throw error
    }
  },
  close: () => http.close(),
})

/** A list's query is long, and its value of a filter may be a name. */
export function shownPath(url: string): string {
  const { pathname, searchParams } = new URL(url)
  const query = [...searchParams].map(([name, value]) => `${name}=${name.startsWith('filter') ? '…' : value}`)
  return (query.length === 0 ? pathname : `${pathname}?${query.join('&')}`).slice(0, 500)
}
