/** Log lines name the page of the dashboard that shows what they are about. */
import type { Logger } from '../logger.ts'

type Facts = Readonly<Record<string, unknown>>

/** @param url where this process serves the dashboard. */
export const withPages = (log: Logger, url: string): Logger =>
  log.child({}, { formatters: { log: (facts) => ({ ...facts, ...pageOf(facts as Facts, url) }) } })

/** The first that fits: a change is also of a resource, and a resource also of a run. */
const PAGES: readonly ((facts: Facts) => string | undefined)[] = [
  ({ change, changes, event }) => {
    const isOfChanges = change !== undefined || changes !== undefined || event === 'parked'
    return isOfChanges ? '/changes' : undefined
  },
  ({ resource }) => (typeof resource === 'string' ? `/resources/${encodeURIComponent(resource)}` : undefined),
  ({ run }) => (typeof run === 'number' ? `/runs/${run}` : undefined),
  ({ schedule }) => (schedule === undefined ? undefined : '/schedule'),
]

function pageOf(facts: Facts, url: string): { readonly page?: string } {
  for (const of of PAGES) {
    const path = of(facts)
    if (path !== undefined) return { page: url + path }
  }
  return {}
}
