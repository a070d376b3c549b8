/** What /metrics shows of the fleet: by the reader of `status` and the dashboard, so that all show the same figures. */
import type { Queues } from '../jobs/queues.ts'
import type { Schedule } from '../jobs/schedule.ts'
import type { Overview } from '../report/overview.ts'
import type { Database } from '../store/connection/database.ts'
import { oldestOpenChange } from '../store/outbox/changes.ts'

export interface FleetFacts extends Overview {
  /** When the oldest local edit was made that is neither sent nor ended; null where there is none. */
  readonly oldestEdit: Date | null
  /** Seconds from one tick of each schedule to the next, about now. */
  readonly intervals: readonly { readonly schedule: string; readonly seconds: number }[]
  readonly queues: Awaited<ReturnType<Queues['depths']>>
}

interface Deps {
  readonly sql: Database
  readonly schedules: readonly Schedule[]
  readonly overview: () => Promise<Overview>
  /** Undefined until it is open. */
  readonly queues: () => Queues | undefined
}

/** @returns null before the queue is open: that comes behind the migrations, and newer tables may be missing. */
export async function readFleetFacts({ sql, schedules, overview: read, queues }: Deps): Promise<FleetFacts | null> {
  const opened = queues()
  if (opened === undefined) return null
  const overview = await read()
  return {
    ...overview,
    oldestEdit: (await oldestOpenChange(sql))?.madeAt ?? null,
    intervals: schedules.flatMap((schedule) => intervalOf(schedule, overview.at)),
    queues: await opened.depths(),
  }
}

function intervalOf(schedule: Schedule, now: Date): FleetFacts['intervals'] {
  const next = schedule.nextAfter(now)
  const second = next === null ? null : schedule.nextAfter(next)
  return next === null || second === null
    ? []
    : [{ schedule: schedule.name, seconds: (second.getTime() - next.getTime()) / 1000 }]
}
