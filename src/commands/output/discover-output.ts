/** What was discovered, as a person reads it. */
import { relative } from 'node:path'
import { thousands } from '../../report/words.ts'
import { visible } from '../../screen/visible.ts'
import { padEnd, widthOf } from '../../screen/width.ts'
import type { Finding } from '../../sync/discover/difference.ts'
import type { Discovered, DiscoverReport } from '../../sync/discover/discover.ts'
import type { WrittenFile } from '../../sync/discover/write-catalog.ts'

/** A list that only may exist is no difference when it does not. */
export const differs = ({ resource, declared, state, findings }: Discovered): boolean =>
  !declared || findings.length > 0 || state === 'failed' || (state === 'absent' && resource.confidence !== 'low')

/** A block for a resource that differs; nothing for one that does not. */
export function describeResource(found: Discovered): string[] {
  const { resource, declared, state, findings, met } = found
  if (state !== 'read' || (declared && findings.length === 0)) return []
  const lines = findings.map((finding) => describeFinding(finding, met)).map((words) => words.map(visible))
  if (!declared) lines.unshift(['absent', resource.type, 'not declared by any file'])
  const width = Math.max(...lines.map(([, member = '']) => widthOf(member)))
  return [
    `${resource.type}: ${sampled(found)}`,
    ...lines.map(([word = '', member = '', remark = '']) =>
      `  ${word.padEnd(7)}  ${padEnd(member, width)}  ${remark}`.trimEnd(),
    ),
    '',
  ]
}

function sampled({ met, total }: Discovered): string {
  const records = `record${met === 1 ? '' : 's'}`
  return total === null || total === met
    ? `${thousands(met)} ${records} read`
    : `${thousands(met)} of ${thousands(total)} records sampled`
}

function describeFinding(finding: Finding, met: number): [word: string, member: string, remark: string] {
  const { member } = finding
  switch (finding.kind) {
    case 'attribute':
      return ['new', member, describeAttribute(finding, met)]
    case 'relationship': {
      const { shape, types } = finding
      if (shape === null) return ['new', member, 'relationship; its type is not reported']
      return ['new', member, `${shape}, ${types.length === 0 ? 'no record so far' : types.join(' or ')}`]
    }
    case 'misfit': {
      const { declared, suggests, misfits, values } = finding
      const better = suggests === null || suggests === declared ? '' : `; ${suggests} would`
      return ['misfit', member, `${misfitsAmong(misfits, values)} not fit ${declared}${better}`]
    }
    case 'shape':
      return ['leads', member, `${finding.seen}, declared ${finding.declared}`]
    case 'end':
      return ['leads', member, `to ${finding.types.join(', ')}, declared ${finding.declared}`]
    case 'gone':
      return ['gone', member, 'no record carries it']
    case 'refused':
      return ['refused', member, 'the server refuses it']
  }
}

function describeAttribute(
  { suggests, carried, told: values, misfits = 0 }: Extract<Finding, { kind: 'attribute' }>,
  met: number,
): string {
  const where = carried < met ? `, in ${thousands(carried)} of them` : ''
  if (suggests === null) return `no value so far${where}`
  const basis = values === 1 ? ', from one value' : ''
  const exceptions = misfits > 0 ? `, which ${misfitsAmong(misfits, values)} not fit` : ''
  return suggests + where + basis + exceptions
}

const misfitsAmong = (misfits: number, values: number): string =>
  misfits === values
    ? count(misfits, 'value does', 'values do')
    : `${thousands(misfits)} of ${thousands(values)} values ${misfits === 1 ? 'does' : 'do'}`

/** @param offer says how the differences are written. */
export function describeSummary({ discovered, document }: DiscoverReport, offer: boolean): string[] {
  const declared = discovered.filter((found) => found.declared)
  const differing = declared.filter(differs)
  const named = (state: Discovered['state'], pick: (found: Discovered) => boolean = () => true): string[] =>
    declared.filter((found) => found.state === state && pick(found)).map(({ resource }) => resource.type)
  const same = declared.filter((found) => found.state === 'read' && found.met > 0 && !differs(found)).length
  const lines = [
    `${same} of ${count(declared.length, 'resource is', 'resources are')} as declared, ${differing.length} ${differing.length === 1 ? 'differs' : 'differ'}.`,
    ...listed(
      'Without a record, so nothing to compare',
      named('read', ({ met }) => met === 0),
    ),
    ...listed('The role may not see (403)', named('forbidden')),
    ...listed('Absent, the server has no such list (404)', named('absent')),
    ...discovered
      .filter(({ state }) => state === 'failed')
      .flatMap(({ resource, message }) => listed(`Failed, ${resource.type}`, [message])),
    ...documentLines(document),
  ]
  if (offer && discovered.some(isWritten))
    lines.push('', 'To write them into the catalog: npm run -s sync -- discover --write')
  return lines
}

const isWritten = ({ declared, findings }: Discovered): boolean =>
  !declared || findings.some(({ kind }) => kind !== 'gone' && kind !== 'refused')

function documentLines(document: DiscoverReport['document']): string[] {
  if (document === undefined) return []
  if (document === null) return ['The API serves no description of itself (Swagger) at the usual addresses.']
  const { address, undeclared } = document
  return undeclared.length === 0
    ? [`Every list of the API's own description, ${address}, is declared.`]
    : listed(`Lists of the API's own description, ${address}, not declared`, undeclared)
}

/** Every path is named: what was there is overwritten. */
export function describeWritten({ discovered }: DiscoverReport, written: readonly WrittenFile[]): string[] {
  const done = new Set(written.flatMap(({ closed }) => closed))
  const left = discovered.flatMap(({ resource, findings }) =>
    findings.filter((finding) => !done.has(finding)).map(({ member }) => `${resource.type}.${member}`),
  )
  const lines = [
    '',
    written.length === 0 ? 'Nothing was written.' : `${count(written.length, 'file', 'files')} written:`,
  ]
  for (const { path, replaced, closed } of written) {
    const members = closed.length === 0 ? 'no member' : count(closed.length, 'member', 'members')
    lines.push(`  ${(replaced ? 'replaced' : 'new').padEnd(8)}  ${members.padEnd(10)}  ${shortest(path)}`)
  }
  lines.push(...listed('Left to you', left))
  if (left.length > 0) lines.push('  What they carry stays in sync_extra.')
  if (written.length > 0) {
    lines.push(
      '',
      'Next: read them, say in the comments what the members mean, then',
      '  npm run format && npm run db:generate     makes the migration',
      '  npm run -s sync -- migrate                the next pull fills the columns',
    )
  }
  return lines
}

function shortest(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}

const count = (n: number, one: string, many: string): string => `${thousands(n)} ${n === 1 ? one : many}`

const WIDTH = 80

/** `Head: a, b, c`, broken between words and indented below. */
function listed(head: string, names: readonly string[]): string[] {
  if (names.length === 0) return []
  const lines: string[] = []
  let line = `${head}:`
  for (const word of names.map(visible).join(', ').split(' ')) {
    if (widthOf(line) + 1 + widthOf(word) > WIDTH) {
      lines.push(line)
      line = ` `
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
