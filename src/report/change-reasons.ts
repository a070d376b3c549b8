/** Why a change is parked or waits, in sentences that end with what the reader can do; and what was decided about its fields. */
import { withCode } from '../errors/sync-error.ts'
import { isSent, type Decision } from '../store/changes/change.ts'
import { DEPARTED, PARKED } from '../store/changes/states.ts'
import type { ChangeDetails, SendBlockers } from '../store/outbox/changes.ts'

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

/** Before anything was decided, what it is to change. */
export const decisionsOf = (change: ChangeDetails): readonly Decision[] => change.decisions ?? plainly(change)

function plainly({ attributes, relationships, base }: ChangeDetails): Decision[] {
  const was = { ...base.attributes, ...base.relationships }
  return Object.entries({ ...attributes, ...relationships }).map(([member, local]) => ({
    member,
    base: was[member] ?? null,
    local,
    remote: null,
    decision: 'send',
  }))
}

const DECIDED: Readonly<Record<Decision['decision'], string | undefined>> = {
  send: undefined,
  park: 'ScopeStack has another value: parked',
  'remote-wins': 'ScopeStack has another value, which stays',
  'local-wins': 'ScopeStack has another value, which is overwritten',
  same: 'ScopeStack has it already',
  undone: 'as it was',
}

/** One field in conflict holds up the whole change. */
export const WAITS_WITH_IT = 'waits with it'

export const hasConflict = (decisions: readonly Decision[]): boolean =>
  decisions.some(({ decision }) => decision === 'park')

export const remarkOn = (one: Decision, parked: boolean): string | undefined =>
  parked && isSent(one) ? WAITS_WITH_IT : DECIDED[one.decision]
