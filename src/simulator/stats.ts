/** Counts requests by route, status, bytes and pages: tests assert what a run has cost. */
import type { Records } from './records/records.ts'
import type { Route } from './routes.ts'

/** Page numbers kept per type, so that a worker running for days cannot fill the memory. */
const pagesKept = 20_000

export interface StatsSnapshot {
  readonly requests: Record<string, number>
  readonly statuses: Record<string, number>
  readonly tokenRequests: number
  readonly bytesSent: number
  readonly pages: Record<string, number[]>
  readonly records: Record<string, number>
  readonly version: number
}

export interface Stats {
  countRequest(method: string, route: Route): void
  countResponse(status: number, bytes: number): void
  countPage(type: string, page: number): void
  snapshot(): StatsSnapshot
  reset(): void
}

export function createStats(records: Records): Stats {
  let requests = new Map<string, number>()
  let statuses = new Map<string, number>()
  let pages = new Map<string, number[]>()
  let tokenRequests = 0
  let bytesSent = 0
  const increment = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    countRequest(method, route) {
      increment(requests, `${method} ${route.pattern}`)
      if (route.kind === 'token' && method === 'POST') tokenRequests += 1
    },
    countResponse(status, bytes) {
      increment(statuses, String(status))
      bytesSent += bytes
    },
    countPage(type, page) {
      const numbers = pages.get(type)
      if (numbers === undefined) pages.set(type, [page])
      else if (numbers.length < pagesKept) numbers.push(page)
    },
    snapshot: () => ({
      requests: Object.fromEntries(requests),
      statuses: Object.fromEntries(statuses),
      tokenRequests,
      bytesSent,
      pages: Object.fromEntries(pages),
      records: Object.fromEntries([...records.tables()].map(({ model, ordered }) => [model.type, ordered.length])),
      version: records.version,
    }),
    reset() {
      requests = new Map()
      statuses = new Map()
      pages = new Map()
      tokenRequests = 0
      bytesSent = 0
    },
  }
}
