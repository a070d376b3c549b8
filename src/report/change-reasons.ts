/** Why a change is parked or waits, in sentences that end with what the reader can do. */
import { withCode } from '../errors/sync-error.ts'
import { DEPARTED, PARKED } from '../store/changes/states.ts'
import type { SendBlockers } from '../store/outbox/blockers.ts'
import type { ChangeDetails } from '../store/outbox/changes.ts'

export const reasonOf = ({ id, code, reason }: Pick<ChangeDetails, 'id' | 'code' | 'reason'>): string | null =>
  reason === null ? null : withCode(withId(reason, id), code)

/** Why and for how long; null where it only has to be sent. */
export function waitsBecause(
  change: Pick<ChangeDetails, 'id' | 'op' | 'code' | 'reason' | 'state'>,
  waits: SendBlockers | undefined,
): string | null {
  if (waits === undefined || waits.held) return null
  const { record, parent, seconds } = waits
  if (record !== null && record.state === 'waiting')
    return `Goes together with change ${record.change} of the same record.`
  if (record !== null) return `Waits for change ${record.change} of the same record${standing(record)}.`
  if (parent !== null) return `Waits for change ${parent.change}, the new row that it refers to${standing(parent)}.`
  const next = change.op === 'create' && DEPARTED.includes(change.state) ? 'Next lookup' : 'Next try'
  const reason = reasonOf(change)
  return `${next} in ${seconds} s${reason === null ? '.' : `: ${reason}`}`
}

const standing = ({ change, state }: NonNullable<SendBlockers['record']>): string =>
  PARKED.includes(state) ? `, which is parked: see "changes show ${change}"` : ''

/** A sentence that names our commands, with the id to copy. */
export const withId = (text: string, id: number): string =>
  text.replaceAll(/"changes (show|retry|discard|resolve)(?=[ "])/g, `"changes $1 ${id}`)
