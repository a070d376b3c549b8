/** What can be wrong with a backfill. */
import { SyncError } from './sync-error.ts'

export function backfillDiffers(facts: {
  planned: readonly string[]
  since: string | null
  startedAt: Date
}): SyncError {
  const { planned, since, startedAt } = facts
  const some = planned.length <= 5 ? planned.join(', ') : `${planned.length} resources`
  return new SyncError(
    'SYNC_BACKFILL_DIFFERS',
    'stop',
    `A backfill of ${some}${since === null ? '' : ` since ${since}`}, begun ${startedAt.toISOString()}, has not ended. ` +
      'Run "backfill" alone to go on with it, or add --restart to begin this one instead.',
    { facts: { planned, since, startedAt: startedAt.toISOString() } },
  )
}

export const backfillStopped = (): SyncError =>
  new SyncError(
    'SYNC_STOPPED',
    'stop',
    'Stopped on request. Run "backfill" with nothing behind it to go on where it stopped.',
  )
