/** Which commands a person may give for a change, by its state. */
import { usage } from '../../errors/commands.ts'
import { isCode } from '../../errors/sync-error.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { ChangeDetails } from './changes.ts'

export type ChangeAction = 'retry' | 'discard' | 'resolve'

const DONE = { retry: 'retried', discard: 'discarded' } as const

/** @throws SyncError SYNC_USAGE */
export function checkActionAllowed(decide: ChangeAction, { id, op, state, code, held }: ChangeDetails): void {
  if (decide === 'resolve') {
    if (state !== 'parked') {
      const now =
        state === 'waiting'
          ? 'waits to be sent'
          : state === 'sending'
            ? 'is being sent just now'
            : `is ${state} already`
      throw usage(`Change ${id} ${now}; nothing is left to decide.`)
    }
    if (!isCode(code, 'SYNC_PUSH_CONFLICT')) throw usage(`Change ${id} is no conflict. ${instead(id, code)}`)
  } else if (state !== 'parked' && state !== 'waiting' && (state !== 'sending' || held || op === 'create')) {
    const sending = held ? 'is being sent just now' : 'was sent, and its outcome is being looked up'
    const now = state === 'sending' ? sending : `is ${state}`
    throw usage(`Change ${id} ${now}, so it cannot be ${DONE[decide]}.`)
  }
}

function instead(id: number, code: ErrorCode | null): string {
  if (isCode(code, 'SYNC_PUSH_GONE', 'SYNC_PUSH_UNSUPPORTED')) return `"changes discard ${id}" discards it.`
  if (isCode(code, 'SYNC_PUSH_INVALID')) {
    return `ScopeStack refused it: edit the row again, or discard it with "changes discard ${id}".`
  }
  if (isCode(code, 'SYNC_PUSH_FORBIDDEN')) return `ScopeStack does not allow it: "changes retry ${id}" when it does.`
  return `"changes show ${id}" says what helps.`
}
