/** What can go wrong when the catalog's own files are written. */
import { reason, SyncError } from './sync-error.ts'

export const notWritable = (facts: { path: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_NOT_WRITABLE',
    'stop',
    `${facts.path} cannot be written: ${reason(cause)}. Name a folder that can be with --write FOLDER, and copy the files ` +
      'from there into src/resources/.',
    { facts, cause },
  )
