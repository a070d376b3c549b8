/** Changes as a person reads them: on 80 columns of a terminal, and uncut where a program reads. */
import type { Resource } from '../../catalog/resource.ts'
import { decisionsOf, reasonOf, waitsBecause } from '../../report/change-reasons.ts'
import { ago, thousands } from '../../report/words.ts'
import { visible } from '../../screen/visible.ts'
import { clipped } from '../../screen/width.ts'
import { memberName } from '../../store/changes/fields.ts'
import { PARKED, SETTLED, wordOf } from '../../store/changes/states.ts'
import type { ChangeDetails, SendBlockers } from '../../store/outbox/changes.ts'
import { fullDifferences } from './change-fields.ts'
import { textTable, wrapped } from './format.ts'

export interface Listed {
  readonly changes: readonly ChangeDetails[]
  readonly waits: ReadonlyMap<number, SendBlockers>
  /** How many older ones are left out. */
  readonly more: number
  /** By the database's clock, like the times of changes. */
  readonly now: Date
}

/** @param wide nothing is cut. */
export function listText(
  { changes, waits, more, now }: Listed,
  catalog: ReadonlyMap<string, Resource>,
  wide: boolean,
): string[] {
  if (changes.length === 0) return ['No change waits, and none is parked.']
  const cut = (text: string, width: number): string => (wide ? text : clipped(visible(text), width))
  const fieldsOf = ({ resource, attributes, relationships }: ChangeDetails): string =>
    Object.keys({ ...attributes, ...relationships })
      .map((member) => memberName(catalog.get(resource), { member }))
      .join(', ')
  const table = textTable([
    ['change', 'state', 'op', 'record', 'columns', 'made'],
    ...changes.map((change) => [
      String(change.id),
      wordOf(change.state),
      change.op,
      cut(`${change.resource} ${change.recordId}`, 25),
      cut(fieldsOf(change), 14),
      ago(change.madeAt, now),
    ]),
  ])
  const reasons = changes.flatMap((change) => {
    const why = PARKED.includes(change.state) ? reasonOf(change) : waitsBecause(change, waits.get(change.id))
    return why === null ? [] : wrapped(`${change.id}: ${why}`, '  ')
  })
  const rest = more > 0 ? [`  … ${thousands(more)} more, older ones; --json has all.`] : []
  return [...table, ...(reasons.length > 0 ? ['', ...reasons] : []), ...(more > 0 ? ['', ...rest] : [])]
}

export const changeJson = (change: ChangeDetails, waits: SendBlockers | undefined) => ({
  ...change,
  state: wordOf(change.state),
  reason: reasonOf(change),
  waits: waitsJson(waits) ?? null,
})

/** With the states by their words. */
export function waitsJson(waits: SendBlockers | undefined) {
  if (waits === undefined) return undefined
  const named = (one: SendBlockers['record']) => one && { ...one, state: wordOf(one.state) }
  return { ...waits, record: named(waits.record), parent: named(waits.parent) }
}

export function changeText(
  change: ChangeDetails,
  waits: SendBlockers | undefined,
  catalog: ReadonlyMap<string, Resource>,
): string[] {
  const { id, op, resource, recordId, state, madeAt, madeBy, code, errors, supersededBy, answerId } = change
  const lines = [
    `Change ${id}: ${op} of ${resource} ${recordId}, ${wordOf(state)}`,
    `  made ${madeAt.toISOString()} by ${madeBy}`,
  ]
  if (answerId !== null && answerId !== recordId) lines.push(`  in ScopeStack as ${answerId}`)
  if (supersededBy !== null) lines.push(`  taken up by change ${supersededBy}`)
  // What was to be done about it has been done.
  const settled = SETTLED.includes(state)
  if (settled && code !== null) lines.push(`  had been parked: ${code}`)
  const why = settled ? null : PARKED.includes(state) ? reasonOf(change) : waitsBecause(change, waits)
  if (why !== null) lines.push('', ...wrapped(why, '  '))
  for (const { column, message } of errors ?? []) lines.push(`    ${column ?? 'the record'}: ${message}`)
  const decisions = decisionsOf(change)
  lines.push('', ...fullDifferences(catalog.get(resource), decisions, op === 'delete'))
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
}
