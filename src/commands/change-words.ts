/** Changes as a person reads them, on 80 columns. */
import type { Resource } from '../resource.ts'
import type { SeenChange, SeenDecision } from '../store/changes.ts'
import type { Planned } from '../sync/plan.ts'
import { ago, textTable } from './words.ts'

const WIDTH = 78

const clipped = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text)

/** A value in at most so many characters. */
function shown(value: unknown, width = 24): string {
  const text = value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value)
  return clipped(text.replaceAll(/\s+/g, ' '), width)
}

const DECIDED: Readonly<Record<string, string>> = {
  park: 'ScopeStack has another value: set aside',
  'remote-wins': 'ScopeStack has another value, which stays',
  'local-wins': 'ScopeStack has another value, which is overwritten',
  same: 'ScopeStack has it already',
  undone: 'as it was',
}

function columnOf(resource: Resource | undefined, { member, entry }: Pick<SeenDecision, 'member' | 'entry'>): string {
  const name = resource?.columns.find((column) => column.member === member)?.name ?? member
  return entry === undefined ? name : `${name}.${entry}`
}

/** `domain  old.test → new.test`, and below it what ScopeStack holds where that is something else. */
function differences(resource: Resource | undefined, decisions: readonly SeenDecision[], deletion: boolean): string[] {
  const names = decisions.map((one) => clipped(columnOf(resource, one), 28))
  const width = Math.max(0, ...names.map(({ length }) => length))
  return decisions.flatMap((one, index) => {
    const head = `    ${names[index]!.padEnd(width)}  `
    const line = head + (deletion ? shown(one.base, 48) : `${shown(one.base)} → ${shown(one.local)}`)
    const remark = DECIDED[one.decision]
    if (remark === undefined) return [line]
    const held = one.decision === 'same' || one.decision === 'undone' ? '' : ` (${shown(one.remote, 20)})`
    return [line, clipped(`${' '.repeat(head.length)}${remark}${held}`, WIDTH)]
  })
}

const FATE: Readonly<Record<Planned['fate'], string>> = {
  send: '',
  nothing: 'nothing is sent',
  park: 'is set aside: both sides changed it',
  gone: 'is no longer in ScopeStack',
  look: 'is looked for first: its answer was lost',
  after: 'after the new row it refers to',
}

export function planText(planned: readonly Planned[], catalog: ReadonlyMap<string, Resource>): string {
  if (planned.length === 0) return 'Nothing waits to be sent.'
  const parts = planned.map(({ change, method, path, fate, decisions }) => {
    const remark = change.op === 'delete' && fate === 'gone' ? 'is gone already' : FATE[fate]
    const head = `${method} ${path}${remark === '' ? '' : `  ${remark}`}`
    // Of a deletion only what stands in its way.
    const told = change.op === 'delete' ? decisions.filter(({ decision }) => decision !== 'send') : decisions
    return [head, ...differences(catalog.get(change.resource), told, change.op === 'delete')].join('\n')
  })
  const n = planned.length
  return `${parts.join('\n\n')}\n\n${n} record${n === 1 ? '' : 's'}. Nothing was sent.`
}

export const planJson = ({ change, method, path, fate, decisions }: Planned) => ({
  type: 'planned',
  change: change.id,
  method,
  path,
  fate,
  fields: decisions,
})

export function listText(changes: readonly SeenChange[], catalog: ReadonlyMap<string, Resource>): string {
  if (changes.length === 0) return 'No change waits, and none is parked.'
  const fieldsOf = ({ resource, attributes, relationships }: SeenChange): string =>
    Object.keys({ ...attributes, ...relationships })
      .map((member) => columnOf(catalog.get(resource), { member }))
      .join(', ')
  const table = textTable([
    ['change', 'state', 'op', 'record', 'columns', 'made'],
    ...changes.map((change) => [
      String(change.id),
      change.state,
      change.op,
      clipped(`${change.resource} ${change.recordId}`, 25),
      clipped(fieldsOf(change), 14),
      ago(change.madeAt),
    ]),
  ])
  const parked = changes.filter(({ state, reason }) => state === 'parked' && reason !== null)
  const reasons = parked.map(({ id, reason }) => wrapped(`${id}: ${reason!}`, '  '))
  return reasons.length === 0 ? table : `${table}\n\n${reasons.join('\n')}`
}

export function changeText(change: SeenChange, catalog: ReadonlyMap<string, Resource>): string {
  const { id, op, resource, recordId, state, madeAt, madeBy, attempts, reason, errors, supersededBy, answerId } = change
  const declared = catalog.get(resource)
  const lines = [
    `Change ${id}: ${op} of ${resource} ${recordId}, ${state}`,
    `  made ${madeAt.toISOString()} by ${madeBy}`,
  ]
  if (attempts > 0) lines.push(`  sent ${attempts} time${attempts === 1 ? '' : 's'} without success`)
  if (answerId !== null && answerId !== recordId) lines.push(`  in ScopeStack as ${answerId}`)
  if (supersededBy !== null) lines.push(`  taken up by change ${supersededBy}`)
  if (reason !== null) lines.push('', wrapped(reason, '  '))
  for (const { column, message } of errors ?? []) lines.push(`    ${column ?? 'the record'}: ${message}`)
  lines.push('', ...differences(declared, change.decisions ?? plainly(change), op === 'delete'))
  return lines.join('\n').trimEnd()
}

/** Before anything was decided. */
function plainly({ attributes, relationships, base }: SeenChange): SeenDecision[] {
  const was = { ...base.attributes, ...base.relationships }
  return Object.entries({ ...attributes, ...relationships }).map(([member, local]) => ({
    member,
    base: was[member] ?? null,
    local,
    remote: null,
    decision: 'send',
  }))
}

/** Broken between words; later lines are indented a little more. */
export function wrapped(text: string, indent: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    if ((lines.at(-1) + word).length + indent.length >= WIDTH && lines.at(-1) !== '') lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '' : ' '}${word}`
  }
  return lines.map((line, index) => `${indent}${index === 0 ? '' : '  '}${line}`).join('\n')
}
