/** Nothing fails by these: `status`, `doctor`, /readyz and alerts report them. */
import type { Entry } from './entry.ts'

export const PROBLEMS = {
  SYNC_NOT_READY: {
    scope: 'notice',
    remedy: 'wait',
    meaning: '/readyz: a part of `start` is not ready, or does not respond.',
    action: 'Wait while it starts; if it stays, look at the log of the process.',
  },
  SYNC_CHECK_FAILED: {
    scope: 'notice',
    remedy: 'stop',
    meaning: '`doctor`: a check could not be made, or did not end in time.',
    action: 'Fix what the message names, and run `doctor` again; if it stays, report the message.',
  },
  SYNC_SCHEMA_OLDER: {
    scope: 'notice',
    remedy: 'stop',
    meaning: 'The tables are those of an older version of the program: `status` shows only what they have.',
    action: 'Run `migrate`; `pull` and `start` do it as well.',
  },
  SYNC_OVERDUE: {
    scope: 'notice',
    remedy: 'stop',
    meaning:
      'A tick of the schedule has passed, and no `start` has made its run; or no run has ended well for two intervals.',
    action: 'Check that a `start` runs, and look at `status` and at its log.',
  },
  SYNC_RECORDS_PARKED: {
    scope: 'record',
    remedy: 'retry',
    meaning: 'Records of ScopeStack are parked: the database rejects them.',
    action: 'Read the reasons in sync.parked; the next runs try them again.',
  },
  SYNC_CHANGES_PARKED: {
    scope: 'record',
    remedy: 'park',
    meaning: 'Local edits are parked.',
    action: 'Decide about them: `changes list`.',
  },
  SYNC_EDITS_LOST: {
    scope: 'record',
    remedy: 'stop',
    meaning: 'Triggers of mirrored tables are missing or disabled, so local edits are not noticed.',
    action: 'Run `migrate` as the owner of the tables, then `verify`.',
  },
} as const satisfies Record<string, Entry>
