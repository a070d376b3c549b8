/** Which members become columns, under which names, and why the others wait. Pure. */
import { freeColumnName, plainColumnName } from '../../catalog/column-names.ts'
import type { Resource } from '../../catalog/resource.ts'
import type { NewColumn } from '../../store/columns/alter.ts'
import type { NewDecision } from '../../store/columns/decisions.ts'
import type { Candidate, MemberEvidence } from '../../store/columns/evidence.ts'
import { decide } from './decide.ts'

/** Of one table: a server that sends what it likes must not use up the 1,600 columns that PostgreSQL has for it. */
const MOST_COLUMNS = 200

interface Deciding {
  /** `run 12` */
  readonly by: string
  /** Names of all columns of the table. */
  readonly taken: ReadonlySet<string>
}

export function chooseColumns(
  resource: Resource,
  candidates: readonly Candidate[],
  evidence: readonly MemberEvidence[],
  { by, taken: held }: Deciding,
): { readonly chosen: NewColumn[]; readonly waiting: NewDecision[] } {
  const taken = new Set([...held, ...resource.columns.map(({ name }) => name)])
  const foundOf = new Map(evidence.map((one) => [one.member, one]))
  const chosen: NewColumn[] = []
  const waiting: NewDecision[] = []
  let room = MOST_COLUMNS - resource.added.length
  for (const { member } of inOrder(candidates)) {
    const found = foundOf.get(member)
    const decision = found === undefined ? { waits: 'no row holds it' } : decide(found)
    const base = { member, decidedBy: by, evidence: found?.values ?? 0 }
    const wait = (reason: string): void =>
      void waiting.push({ ...base, part: null, column: null, kind: null, target: null, state: 'waiting', reason })
    if ('waits' in decision) wait(decision.waits)
    else if (room === 0) wait(`${MOST_COLUMNS} columns of this table were added by themselves, and no more are`)
    else {
      const column = freeColumnName(member, decision.part, taken)
      taken.add(column)
      room--
      const comment = commentOf(member, column, decision)
      chosen.push({ ...base, ...decision, column, state: 'added', reason: null, comment })
    }
  }
  return { chosen, waiting }
}

/** Of two members that make one name, the one that is spelt like it has it. */
const inOrder = (candidates: readonly Candidate[]): Candidate[] => {
  const isPlain = ({ member }: Candidate): number => (/^[a-z0-9_-]+$/.test(member) ? 0 : 1)
  return candidates.toSorted(
    (one, other) =>
      isPlain(one) - isPlain(other) || (one.member < other.member ? -1 : one.member > other.member ? 1 : 0),
  )
}

const PARTS = { attribute: 'attribute', 'to-one': 'relationship', 'to-many': 'relationship' } as const

/** What an analyst reads in a tool. @param column undefined where a person has named it. */
export function commentOf(
  member: string,
  column: string | undefined,
  { part, target }: Pick<NewColumn, 'part' | 'target'>,
): string {
  const leads = target === null ? '' : part === 'to-one' ? `: the id of one of ${target}` : `: the ids of ${target}`
  const plain = plainColumnName(member, part)
  const otherwise = column === undefined || plain === column ? '' : ` Column ${plain} was there already.`
  return `ScopeStack's ${PARTS[part]} "${member}"${leads}. Added by itself: no release has described it.${otherwise}`
}
