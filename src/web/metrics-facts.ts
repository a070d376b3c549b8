/** What /metrics shows of the fleet: by the reader of `status` and the dashboard, so that all show the same figures. */
import type { Queues } from '../jobs/queues.ts'
import type { Overview } from '../report/overview.ts'

export type FleetFacts = Overview

interface Deps {
  readonly overview: () => Promise<Overview>
  /** Undefined until it is open. */
  readonly queues: () => Queues | undefined
}

/** @returns null before the queue is open: that comes behind the migrations, and newer tables may be missing. */
export const readFleetFacts = async ({ overview, queues }: Deps): Promise<FleetFacts | null> =>
  queues() === undefined ? null : await overview()
