/**
 * Writes findings into the source text of a resource's file. The text is edited in place rather than made anew from the
 * resource, which knows nothing of the comments between its lines, nor of anything that a later version declares.
 *
 * Names come from the remote and end up in a program: what is not a plain word is left to a person.
 */
import { boolean, defineResource, text, to, type Kind, type Resource } from '../../catalog/resource.ts'
import type { Finding, Shape } from './difference.ts'

export interface Written {
  readonly text: string
  /** Findings that the text now says. The others need a person. */
  readonly closed: readonly Finding[]
}

type Group = 'attributes' | 'toOne' | 'toMany'
const GROUPS: readonly Group[] = ['attributes', 'toOne', 'toMany']
const GROUP_OF = { 'to-one': 'toOne', 'to-many': 'toMany' } as const

/** The formatter's. */
const WIDTH = 120

/** Members whose names can stand in a file. */
const PLAIN = /^[A-Za-z0-9][\w-]*\??$/

const isPlainName = (name: string): boolean => PLAIN.test(name) && name.length <= 100

/** The file of a resource that has none yet, without its members. */
export function emptySource({ type, comment, read }: Resource): string {
  const path =
    read.from === 'list' && read.path !== type ? `\n  read: { from: 'list', path: ${literal(read.path)} },` : ''
  const line = `  comment: ${literal(comment)},`
  return `import { defineResource } from '${DECLARATION}'

export default defineResource(${literal(type)}, {
  comment:${line.length > WIDTH ? `\n    ${literal(comment)}` : ` ${literal(comment)}`},
  confidence: 'low',${path}
  attributes: {},
})
`
}

/** @param source of the file that declares `resource`, as the formatter leaves it. */
export function writeFindings(source: string, resource: Resource, findings: readonly Finding[]): Written {
  const lines = source.split('\n')
  const names = new Set(['id', ...resource.columns.map(({ name }) => name)])
  const closed = findings.filter((finding) => {
    switch (finding.kind) {
      case 'attribute': {
        const { member, suggests } = finding
        if (suggests === null || !isPlainName(member)) return false
        return insert(lines, 'attributes', member, suggests, attributeComment(member, suggests), names, suggests)
      }
      case 'relationship': {
        const { member, shape, types } = finding
        const [type] = types
        if (shape === null || type === undefined || types.length > 1) return false
        if (!isPlainName(member) || !isPlainName(type)) return false
        const call = `to(${literal(type)}, `
        return insert(lines, GROUP_OF[shape], member, call, endComment(member, shape, type), names)
      }
      case 'misfit':
        return widen(lines, finding)
      case 'end':
        return lead(lines, finding)
      default:
        return false
    }
  })
  return { text: closed.length === 0 ? source : withImports(lines.join('\n')), closed }
}

/** Adds `member` at the end of its group; false where the text has another form than the formatter gives it. */
function insert(
  lines: string[],
  group: Group,
  member: string,
  call: string,
  comment: string,
  names: Set<string>,
  kind?: Kind,
): boolean {
  const [, end] = rangeOf(lines, group) ?? openGroup(lines, group) ?? []
  if (end === undefined) return false
  const column = columnFor(member, group, kind, names)
  const begin = call.includes('(') ? call : `${call}(`
  lines.splice(end, 0, ...callLines(`${keyOf(member)}: ${begin}`, literal(comment), column))
  return true
}

/** First line of the group's members, and the line that ends them. */
function rangeOf(lines: readonly string[], group: Group): [number, number] | undefined {
  const start = lines.indexOf(`  ${group}: {`)
  const end = start < 0 ? -1 : lines.indexOf('  },', start)
  return end < 0 ? undefined : [start + 1, end]
}

/** Makes room for a group that is empty, or not there: behind the one before it. */
function openGroup(lines: string[], group: Group): [number, number] | undefined {
  const empty = lines.indexOf(`  ${group}: {},`)
  if (empty >= 0) {
    lines.splice(empty, 1, `  ${group}: {`, '  },')
    return [empty + 1, empty + 1]
  }
  // It is there, and written in another way.
  if (lines.some((line) => line.startsWith(`  ${group}:`))) return undefined
  const before = GROUPS.slice(0, GROUPS.indexOf(group)).findLast(
    (other) => rangeOf(lines, other) !== undefined || lines.includes(`  ${other}: {},`),
  )
  if (before === undefined) return undefined
  const at = (rangeOf(lines, before)?.[1] ?? lines.indexOf(`  ${before}: {},`)) + 1
  lines.splice(at, 0, `  ${group}: {`, '  },')
  return [at + 1, at + 1]
}

/** The ways the formatter breaks a call that is too long: its last argument first, then all of them. */
function callLines(begin: string, comment: string, column: string | undefined): string[] {
  const options = column === undefined ? '' : `, { column: ${literal(column)} }`
  const line = `    ${begin}${comment}${options}),`
  if (line.length <= WIDTH) return [line]
  const hugging = `    ${begin}${comment}, {`
  if (column !== undefined && hugging.length <= WIDTH) return [hugging, `      column: ${literal(column)},`, '    }),']
  // `to('clients', ` has an argument on the line already.
  const open = begin.indexOf('(') + 1
  const given = begin.slice(open).trimEnd()
  return [
    `    ${begin.slice(0, open)}`,
    ...(given === '' ? [] : [`      ${given}`]),
    `      ${comment},`,
    ...(column === undefined ? [] : [`      { column: ${literal(column)} },`]),
    '    ),',
  ]
}

/** Undefined when the name made from the member will do. */
function columnFor(member: string, group: Group, kind: Kind | undefined, names: Set<string>): string | undefined {
  const made = nameOf(member, group)
  // The endings of keys, which are text so that they join.
  const misleads =
    kind !== undefined &&
    ((made?.endsWith('_id') === true && kind !== 'text') || (made?.endsWith('_ids') === true && kind !== 'texts'))
  if (made !== undefined && !names.has(made) && !misleads) {
    names.add(made)
    return undefined
  }
  const suffix = group === 'attributes' ? '_value' : group === 'toOne' ? '_end_id' : '_end_ids'
  const plain = member.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  const word = (/^(?!sync_)[a-z]/.test(plain) ? plain : `x_${plain}`).slice(0, 50).replace(/(?<!_)_+$/, '')
  const free = (number: number): string => {
    const name = word + (number === 1 ? '' : `_${number}`) + suffix
    return names.has(name) ? free(number + 1) : name
  }
  const name = free(1)
  names.add(name)
  return name
}

/** Of the column that the declaration makes of it; undefined when that is not usable. */
function nameOf(member: string, group: Group): string | undefined {
  const members = { [member]: group === 'attributes' ? text('A.') : to('a', 'A.') }
  try {
    const more = group === 'attributes' ? {} : { [group]: members }
    const attributes = group === 'attributes' ? { [member]: boolean('A.') } : {}
    return defineResource('a', { comment: 'A.', confidence: 'low', attributes, ...more }).columns[0]?.name
  } catch {
    return undefined
  }
}

/** Another kind, where it holds all that the column may hold already: any number, or any text. */
function widen(lines: string[], { member, declared, suggests }: Extract<Finding, { kind: 'misfit' }>): boolean {
  const holds =
    suggests === 'text' ? declared !== 'json' && declared !== 'texts' : suggests === 'decimal' && declared === 'integer'
  const [start = 0, end = 0] = rangeOf(lines, 'attributes') ?? []
  const begin = `    ${keyOf(member)}: ${declared}(`
  const at = lines.findIndex((line, index) => index >= start && index < end && line.startsWith(begin))
  if (!holds || at < 0) return false
  lines[at] = lines[at]!.replace(`: ${declared}(`, `: ${suggests}(`)
  return true
}

/** The type that the relationship was seen to lead to. */
function lead(lines: string[], { member, shape, declared, types }: Extract<Finding, { kind: 'end' }>): boolean {
  const [start = 0, end = 0] = rangeOf(lines, GROUP_OF[shape]) ?? []
  const begin = `    ${keyOf(member)}: to(`
  const at = lines.findIndex((line, index) => index >= start && index < end && line.startsWith(begin))
  const [type] = types
  if (at < 0 || type === undefined || types.length > 1 || !isPlainName(type)) return false
  // The type is the first argument: on the same line, or on the next.
  const where = lines[at] === begin ? at + 1 : at
  const changed = lines[where]!.replace(literal(declared), () => literal(type))
  if (changed === lines[where]) return false
  lines[where] = changed
  return true
}

/** Imports what the text calls, and no more. */
function withImports(source: string): string {
  const imported = /^import \{[^}]*\} from '\.\.\/catalog\/resource\.ts'$/m
  const called = new Set([...source.replace(imported, '').matchAll(/(?:^|[\s:])([a-z]+)\(/gi)].map(([, name]) => name!))
  const names = IMPORTABLE.filter((name) => called.has(name))
  const line = `import { ${names.join(', ')} } from '${DECLARATION}'`
  const lines = `import {\n${names.map((name) => `  ${name},\n`).join('')}} from '${DECLARATION}'`
  return source.replace(imported, () => (line.length > WIDTH ? lines : line))
}

/** From src/resources/. */
const DECLARATION = '../catalog/resource.ts'
const IMPORTABLE = 'boolean date decimal defineResource integer json text texts timestamp to'.split(' ')

const attributeComment = (member: string, kind: Kind): string => `${words(member)}; not described yet, seen as ${kind}.`

const endComment = (member: string, shape: Shape, type: string): string =>
  shape === 'to-one'
    ? `${words(member)}; not described yet (id of ${type.replaceAll('-', '_')}).`
    : `${words(member)}; not described yet (ids of ${type.replaceAll('-', '_')}).`

/** `custom-hours?` → `Custom hours` */
function words(member: string): string {
  const plain = member.replace(/\?$/, '').replaceAll(/[-_]+/g, ' ').trim()
  return /^[a-z]/i.test(plain) ? plain[0]!.toUpperCase() + plain.slice(1) : `Member ${plain}`
}

const keyOf = (member: string): string => (/^[A-Za-z_$][\w$]*$/.test(member) ? member : literal(member))

/** Single quotes, unless there are some inside, as the formatter has it. */
const literal = (value: string): string =>
  value.includes("'") ? JSON.stringify(value) : `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"')}'`
