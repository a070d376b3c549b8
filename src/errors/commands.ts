/** What is wrong with a command line, a setting or the moment a command is run. */
import { causeText, type SyncError, syncError } from './sync-error.ts'
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
    `Port ${facts.port} of ${facts.host} cannot be used: ${causeText(cause)}. Choose others with HTTP_PORT (0 for any free one) ` +
      'and HTTP_HOST.',
    { facts, cause },
  )

export const stopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Run the same command again: it continues from the checkpoint.', {
    facts: {},
  })

export const demoStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. The demo keeps nothing.', { facts: {} })

export const dictionaryStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. No file was written.', { facts: {} })

export const dictionaryNotWritable = (facts: { path: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_NOT_WRITABLE',
    `${facts.path} cannot be written: ${causeText(cause)}. Name another place behind --html.`,
    {
      facts,
      cause,
    },
  )

export const doctorStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Nothing was changed.', { facts: {} })

export const verifyStopped = (): SyncError =>
  syncError(
    'SYNC_STOPPED',
    'Stopped on request. What was repaired stays repaired; the next verify starts from the beginning.',
    {
      facts: {},
    },
  )

export const backfillStopped = (): SyncError =>
  syncError('SYNC_STOPPED', 'Stopped on request. Run "backfill" without arguments to continue it.', {
    facts: {},
  })

export const nothingPulled = (): SyncError =>
  syncError('SYNC_NOTHING_PULLED', 'None of these resources was pulled into this database yet. Run "pull" first.', {
    facts: {},
  })

export function backfillDiffers(facts: {
  planned: readonly string[]
  since: string | null
  startedAt: Date
}): SyncError {
  const { planned, since, startedAt } = facts
  const some = planned.length <= 5 ? planned.join(', ') : `${planned.length} resources`
  return syncError(
    'SYNC_BACKFILL_DIFFERS',
    `A backfill of ${some}${since === null ? '' : ` since ${since}`}, started ${startedAt.toISOString()}, has not ended. ` +
      'Run "backfill" alone to continue it, or add --restart to replace it by this one.',
    { facts: { planned, since, startedAt: startedAt.toISOString() } },
  )
}

export const catalogNotWritable = (facts: { path: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_NOT_WRITABLE',
    `${facts.path} cannot be written: ${causeText(cause)}. Name a writable folder with --write FOLDER, and copy the files ` +
      'from there into src/resources/.',
    { facts, cause },
  )

export const bundleNotWritable = (facts: { path: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_NOT_WRITABLE',
    `${facts.path} cannot be written: ${causeText(cause)}. Name another place behind --bundle.`,
    {
      facts,
      cause,
    },
  )

/** @param facts.why in the middle of a sentence. */
export const checkFailed = (facts: { why: string }, cause?: unknown): SyncError =>
  syncError(
    'SYNC_CHECK_FAILED',
    `This could not be checked: ${facts.why}. Fix that, and run "doctor" again; if it stays, report this line.`,
    { facts, cause },
  )
