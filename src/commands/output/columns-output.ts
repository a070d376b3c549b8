/** Members that no release describes, and their columns, as a person reads them, and a machine. */
import type { Resource } from '../../catalog/resource.ts'
import type { ListedMember } from '../../store/columns/member-list.ts'
import { SQL_TYPE } from '../../store/schema/columns.ts'
import { tableIn, wrapped } from './format.ts'

const SHOWN_AS: Readonly<Record<ListedMember['state'], string>> = {
  new: 'found',
  waiting: 'waits',
  added: 'column',
  kept: 'column, kept',
  dropped: 'dropped',
  refused: 'refused',
  declared: 'declared',
}

/** @param width of the terminal; undefined where a program reads. */
export function columnLines(
  found: readonly ListedMember[],
  catalog: ReadonlyMap<string, Resource>,
  width: number | undefined,
): string[] {
  if (found.length === 0)
    return ['ScopeStack sends nothing that this release does not describe, as far as it was read.']
  const rows = found.map((one) => [
    one.resource,
    one.member,
    SHOWN_AS[one.state] + (one.pinned ? ', pinned' : ''),
    one.column === null ? '–' : `${catalog.get(one.resource)?.table ?? one.resource}.${one.column}`,
    one.kind === null ? '–' : SQL_TYPE[one.kind],
    one.since.toISOString().slice(0, 10),
    one.decidedBy ?? '–',
  ])
  const reasons = found.flatMap(({ resource, member, reason }) =>
    reason === null
      ? []
      : width === undefined
        ? [`${resource} ${member}: ${reason}`]
        : wrapped(`${resource} ${member}: ${reason}`, '  ', width),
  )
  return [
    ...tableIn(width, [['resource', 'member', 'state', 'column', 'type', 'since', 'decided by'], ...rows]),
    ...(reasons.length === 0 ? [] : ['', ...reasons]),
  ]
}

export const columnJson = ({ kind, ...one }: ListedMember) => ({
  ...one,
  type: kind === null ? null : SQL_TYPE[kind],
})
