/** What is wrong with a command line, a setting or the moment a command is run. */
import { reason, type SyncError, syncError } from './sync-error.ts'
import { count } from './wording.ts'

export const configInvalid = (mistakes: readonly string[]): SyncError =>
  syncError('SYNC_CONFIG', `The configuration has ${count(mistakes.length, 'mistake')}:`, {
    facts: { mistakes },
    more: mistakes.map((mistake) => `  - ${mistake}`),
  })

export const usage = (message: string, ...more: readonly string[]): SyncError =>
  syncError('SYNC_USAGE', message, { facts: {}, more })

export const httpUnavailable = (facts: { host: string; port: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_CONFIG',
    `Port ${facts.port} of ${facts.host} cannot be had: ${reason(cause)}. Choose others with HTTP_PORT (0 for any free one) ` +
      'and HTTP_HOST.',
    { facts, cause },
  )

export const stopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Run the same command again: it goes on where it stopped.', {
    facts: {},
  })

export const demoStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Nothing of the demo is kept.', { facts: {} })

export const verifyStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. What was repaired stays so; the next verify begins anew.', {
    facts: {},
  })

export const backfillStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Run "backfill" with nothing behind it to go on where it stopped.', {
    facts: {},
  })

export const nothingPulled = (): SyncError =>
  syncError('SYNC_NOTHING_PULLED', 'Nothing of it was pulled into this database yet. Run "pull" first.', { facts: {} })

export function backfillDiffers(facts: {
  planned: readonly string[]
  since: string | null
  startedAt: Date
}): SyncError {
  const { planned, since, startedAt } = facts
  const some = planned.length <= 5 ? planned.join(', ') : `${planned.length} resources`
  return syncError(
    'SYNC_BACKFILL_DIFFERS',
    `A backfill of ${some}${since === null ? '' : ` since ${since}`}, begun ${startedAt.toISOString()}, has not ended. ` +
      'Run "backfill" alone to go on with it, or add --restart to begin this one instead.',
    { facts: { planned, since, startedAt: startedAt.toISOString() } },
  )
}

export const catalogNotWritable = (facts: { path: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_NOT_WRITABLE',
    `${facts.path} cannot be written: ${reason(cause)}. Name a folder that can be with --write FOLDER, and copy the files ` +
      'from there into src/resources/.',
    { facts, cause },
  )
