/** What /metrics shows of the fleet: by the reader of `status` and the dashboard, so that all show the same figures. */
import type { Queues } from '../jobs/queues.ts'
import type { Overview } from '../report/overview.ts'
import { isConnectionLoss, type Database } from '../store/connection/database.ts'

export type FleetFacts = Overview

interface Deps {
  readonly sql: Database
  readonly overview: () => Promise<Overview>
  /** Undefined until it is open. */
  readonly queues: () => Queues | undefined
}

/**
 * @returns null where the database answers, and the state cannot be read: before the queue is open, which comes behind the
 * migrations, newer tables may be missing; later a table may be gone, or the role may not read it.
 * @throws where the database does not answer.
 */
export async function readFleetFacts({ sql, overview, queues }: Deps): Promise<FleetFacts | null> {
  if (queues() === undefined) {
    await sql`select 1`
    return null
  }
  try {
    return await overview()
  } catch (error) {
    if (isConnectionLoss(error)) throw error
    return null
  }
}
