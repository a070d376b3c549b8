/**
 * Notes ScopeStack's clock, by the `Date` of each response. The times of its records are by that clock, and the database's may
 * differ: code that compares the two needs to know by how much.
 */
import type { HttpResponse } from './http.ts'
import { dateOf } from './response.ts'
import type { Layer } from './send.ts'

export interface RemoteClock {
  note(response: Pick<HttpResponse, 'headers'>): void
  /** In ms since the epoch; null before the first response with a date. Never later than it is there. */
  now(): number | null
}

export const withClock =
  (clock: RemoteClock): Layer =>
  (send) =>
  (request, signal) => {
    const read = (response: HttpResponse) => {
      clock.note(response)
      return request.read(response)
    }
    return send({ ...request, read }, signal)
  }

export function createRemoteClock(elapsed = (): number => performance.now()): RemoteClock {
  let known: { readonly date: number; readonly at: number } | undefined
  return {
    note(response) {
      const date = dateOf(response)
      // A cached response is older than its date.
      const ageMs = Number(response.headers['age'] ?? 0) * 1000
      if (date !== undefined) known = { date: date + (ageMs > 0 ? ageMs : 0), at: elapsed() }
    },
    now: () => (known === undefined ? null : known.date + elapsed() - known.at),
  }
}
