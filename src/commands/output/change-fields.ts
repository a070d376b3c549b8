/** The fields of a change, as both sides hold them. */
import type { Resource } from '../../catalog/resource.ts'
import { hasConflict, remarkOn, WAITS_WITH_IT } from '../../report/change-reasons.ts'
import { visible } from '../../screen/visible.ts'
import { clipped, padEnd, widthOf } from '../../screen/width.ts'
import { RULES, type Decision } from '../../store/changes/change.ts'
import { memberName } from '../../store/changes/fields.ts'
import { WIDTH } from './format.ts'

/** On one line. */
export function value(given: unknown): string {
  if (given === null || given === undefined) return '–'
  const text = typeof given === 'string' ? given : JSON.stringify(given)
  return text === '' ? '""' : visible(text)
}

/** As it is; what a line would not show, and what could be taken for something else, in quotes. */
const exactly = (given: unknown): string =>
  typeof given === 'string' && (given !== given.trim() || /[^\S ]| {2}/.test(given))
    ? visible(JSON.stringify(given))
    : value(given)

const saysWhatIsHeld = ({ decision }: Decision): boolean => RULES.some((rule) => rule === decision)

/**
 * `domain  old.test → new.test`, and below it what ScopeStack holds where that is something else.
 *
 * @param wide nothing is cut.
 */
export function differences(
  resource: Resource | undefined,
  decisions: readonly Decision[],
  { deletion, wide }: { deletion: boolean; wide: boolean },
): string[] {
  const cut = (text: string, width: number): string => (wide ? text : clipped(visible(text), width))
  const names = decisions.map((one) => cut(memberName(resource, one), 28))
  const width = Math.max(0, ...names.map(widthOf))
  const parked = hasConflict(decisions)
  return decisions.flatMap((one, index) => {
    const head = `    ${padEnd(names[index]!, width)}  `
    const { base, local, remote } = one
    const line = head + (deletion ? cut(value(base), 48) : `${cut(value(base), 24)} → ${cut(value(local), 24)}`)
    const remark = remarkOn(one, parked)
    if (remark === undefined) return [line]
    const held = saysWhatIsHeld(one) && remark !== WAITS_WITH_IT ? ` (${cut(value(remote), 20)})` : ''
    return [line, cut(`${' '.repeat(head.length)}${remark}${held}`, WIDTH)]
  })
}

/** The same in full: where a line does not hold both values, each has its own. */
export function fullDifferences(
  resource: Resource | undefined,
  decisions: readonly Decision[],
  deletion: boolean,
): string[] {
  const names = decisions.map((one) => visible(memberName(resource, one)))
  const width = Math.max(0, ...names.map(widthOf))
  const parked = hasConflict(decisions)
  return decisions.flatMap((one, index) => {
    const name = names[index]!
    const head = `    ${padEnd(name, width)}  `
    const [was, becomes] = [exactly(one.base), exactly(one.local)]
    const remark = remarkOn(one, parked)
    const held = saysWhatIsHeld(one) && remark !== WAITS_WITH_IT ? exactly(one.remote) : null
    const line = head + (deletion ? was : `${was} → ${becomes}`)
    const below =
      remark === undefined ? [] : [`${' '.repeat(head.length)}${remark}${held === null ? '' : ` (${held})`}`]
    if ([line, ...below].every((text) => widthOf(text) <= WIDTH)) return [line, ...below]
    return [
      `    ${name}${remark === undefined ? '' : `  ${remark}`}`,
      `      was         ${was}`,
      ...(deletion ? [] : [`      here        ${becomes}`]),
      ...(held === null ? [] : [`      ScopeStack  ${held}`]),
    ]
  })
}
