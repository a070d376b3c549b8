/** A process of `start` saves the requests that it sends, for the dashboard, which may be of another process. */
import type { Logger } from '../logger.ts'
import type { RequestLog } from '../request-log.ts'
import type { Database } from '../store/connection/database.ts'
import { saveRequests } from '../store/runs/requests.ts'
import { IDLE, startLoop } from './loop.ts'
import type { Outages } from './outage-log.ts'
import type { Part } from './service.ts'

/** Nothing is written while nothing is sent. */
const SAVE_EVERY_MS = 2_000

export function startSavingRequests(deps: {
  readonly sql: Database
  readonly log: Logger
  readonly outages: Outages
  readonly holder: string
  readonly requests: RequestLog
}): Pick<Part, 'drain'> {
  const { sql, holder, requests } = deps
  const loop = startLoop(
    'saving the last requests',
    async () => {
      const taken = requests.take()
      return taken.length === 0 ? IDLE : await saveRequests(sql, holder, taken)
    },
    () => SAVE_EVERY_MS,
    deps,
  )
  return { drain: () => loop.stop() }
}
