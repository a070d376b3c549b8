/** All members that no release describes, for a person: those with a decision, and those that wait for the next run. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../connection/database.ts'
import { readDecisions, type ColumnDecision } from './decisions.ts'

export interface ListedMember extends Omit<ColumnDecision, 'state' | 'decidedAt' | 'decidedBy'> {
  /** `new`: found, and nothing is decided yet. */
  readonly state: ColumnDecision['state'] | 'new'
  readonly since: Date
  readonly decidedBy: string | null
}

/** Without those that the catalog declares by now, but for a column that is kept beside the declared one. */
export async function readMemberList(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  resources?: readonly string[],
): Promise<ListedMember[]> {
  const decided = (await readDecisions(sql)).map(({ decidedAt, ...one }): ListedMember => ({
    ...one,
    since: decidedAt,
  }))
  const known = new Set(decided.map(({ resource, member }) => `${resource} ${member}`))
  const found = await sql<{ resource: string; member: string; since: Date }[]>`
    select resource, member, first_seen_at as since from sync.drift where kind = 'undeclared'`
  const others = found.filter(({ resource, member }) => !known.has(`${resource} ${member}`))
  const isDeclared = ({ resource, member }: { resource: string; member: string }): boolean =>
    catalog.get(resource)?.columns.some((column) => column.member === member) === true
  return [...decided, ...others.map((one): ListedMember => ({ ...UNDECIDED, ...one }))]
    .filter((one) => one.state === 'kept' || one.state === 'declared' || !isDeclared(one))
    .filter(({ resource }) => resources === undefined || resources.includes(resource))
    .toSorted((one, other) => compare(one.resource, other.resource) || compare(one.member, other.member))
}

const UNDECIDED = {
  part: null,
  column: null,
  kind: null,
  target: null,
  state: 'new',
  pinned: false,
  decidedBy: null,
  reason: null,
  evidence: 0,
  filledAt: null,
} as const

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
