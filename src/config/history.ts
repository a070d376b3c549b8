/** Settings of the history. */
import { listBy, number, orElse } from './kinds.ts'

/** What a report on the past needs: stages, amounts and approvals. */
export const DEFAULT_HISTORY: readonly string[] = [
  'projects',
  'crm-opportunities',
  'project-versions',
  'project-approvals',
]

export const HISTORY_VARIABLES = {
  SYNC_HISTORY: {
    group: 'Sync',
    about:
      'Resources whose earlier versions are kept in schema scopestack_history, by type and comma separated; all, or off. What is recorded begins with what stands when it is named.',
    kind: orElse(DEFAULT_HISTORY, listBy(',')),
    example: DEFAULT_HISTORY.join(','),
  },
  SYNC_HISTORY_DAYS: {
    group: 'Sync',
    about: 'Days after which a version that has ended is deleted from the history. 0: never.',
    kind: orElse(0, number(0, 36_500, true)),
    example: '0',
  },
} as const
