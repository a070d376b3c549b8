import type { HttpResponse } from './http.ts'
/**
 * What ScopeStack's clock shows, by the `Date` of its answers. Times of its records are by that clock, and the database's may
 * be another one: what is held against such a time has to know by how much.
 */
import { dateOf } from './response.ts'

export interface RemoteClock {
  note(response: Pick<HttpResponse, 'headers'>): void
  /** In ms since the epoch; null before the first answer that says it. Never later than it is there. */
  now(): number | null
}

export function createRemoteClock(elapsed = (): number => performance.now()): RemoteClock {
  let known: { readonly date: number; readonly at: number } | undefined
  return {
    note(response) {
      const date = dateOf(response)
      // An answer that a cache kept is older than it looks.
      const ageMs = Number(response.headers['age'] ?? 0) * 1000
      if (date !== undefined) known = { date: date + (ageMs > 0 ? ageMs : 0), at: elapsed() }
    },
    now: () => (known === undefined ? null : known.date + elapsed() - known.at),
  }
}
