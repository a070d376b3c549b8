/** A process of `start` records in the database that it lives, for `status`, and reads the database's clock with it. */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { HEARTBEAT_EVERY_MS, recordHeartbeat, removeOldProcesses, removeProcess } from '../store/fleet/processes.ts'
import { timed } from '../store/server/clock.ts'
import { useDatabaseClockInQueue, type Clock } from './clock.ts'
import { startLoop } from './loop.ts'
import type { Outages } from './outage-log.ts'
import type { Part } from './service.ts'

/** What is old is thrown away this often. */
const TIDY_EVERY_MS = 3_600_000

export function startHeartbeat(deps: {
  /** The session that shows that the process lives. */
  readonly session: Database
  readonly clock: Clock
  readonly log: Logger
  readonly outages: Outages
  readonly id: string
  readonly holder: string
  readonly version: string
  readonly parts: Iterable<string>
  /** Of this process to Postgres. */
  readonly connections: () => number
}): Pick<Part, 'drain'> {
  const { session, clock, id, holder, version, connections } = deps
  useDatabaseClockInQueue(clock)
  let tidiedAt = -Infinity
  const process = { id, holder, version, parts: [...deps.parts] }
  const loop = startLoop(
    'recording that this process lives',
    async () => {
      clock.take(await timed(() => recordHeartbeat(session, { ...process, connections: connections() })))
      if (performance.now() - tidiedAt < TIDY_EVERY_MS) return
      tidiedAt = performance.now()
      await removeOldProcesses(session)
    },
    () => HEARTBEAT_EVERY_MS,
    deps,
  )
  return {
    async drain() {
      await loop.stop()
      // While the database is away, the missing reports show it.
      await removeProcess(session, process.id).catch(() => {})
    },
  }
}
