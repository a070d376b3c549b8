/** A process of `start` records in the database that it lives, for `status`. */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { HEARTBEAT_EVERY_MS, recordHeartbeat, removeProcess } from '../store/fleet/processes.ts'
import { startLoop } from './loop.ts'
import type { Outages } from './outage-log.ts'
import type { Part } from './service.ts'

export function startHeartbeat(deps: {
  readonly sql: Database
  readonly log: Logger
  readonly outages: Outages
  readonly id: string
  readonly holder: string
  readonly version: string
  readonly parts: Iterable<string>
  /** Of this process to Postgres. */
  readonly connections: () => number
}): Pick<Part, 'drain'> {
  const { sql, id, holder, version, connections } = deps
  const process = { id, holder, version, parts: [...deps.parts] }
  const loop = startLoop(
    'recording that this process lives',
    () => recordHeartbeat(sql, { ...process, connections: connections() }),
    () => HEARTBEAT_EVERY_MS,
    deps,
  )
  return {
    async drain() {
      await loop.stop()
      // While the database is away, the missing reports show it.
      await removeProcess(sql, process.id).catch(() => {})
    },
  }
}
