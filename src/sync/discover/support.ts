/** What the server was found to take, for each resource: the capabilities that reads have kept, as plain facts. */
import type { ReadMethod } from '../../catalog/resource.ts'
import type { Database } from '../../store/connection/database.ts'
import { readCapabilities, type FoundCapability } from '../../store/progress/capabilities.ts'
import { negotiatedRequest, type ReadPlan } from '../list/read-plan.ts'
import { missingParts, partName } from '../list/request-parts.ts'

export interface Support {
  readonly resource: string
  /** How changed records can be requested; null: not tried. */
  readonly changes: 'filter' | 'sort' | 'none' | null
  /** The read method that works; null: none has yet. */
  readonly from: ReadMethod['from'] | null
  /** Includes and filters that the server refuses. */
  readonly refused: readonly string[]
  /** Records a page, where the server takes fewer than are wanted. */
  readonly pageSize: number | null
  /** The list is not ordered by id. */
  readonly unordered: boolean
  /** The far pages are refused, so that it is read from both ends. */
  readonly cut: boolean
  /** Its ETags were wrong once, so that every page is transferred. */
  readonly etagsWrong: boolean
  /** The account does not have it. */
  readonly absent: boolean
}

const NAMES = ['question', 'changes', 'etags', 'absent'] as const

export async function readSupport(sql: Database): Promise<Support[]> {
  const found = Map.groupBy(await readCapabilities(sql, NAMES), ({ resource }) => resource)
  return [...found].map(([resource, those]) => supportOf(resource, those))
}

function supportOf(resource: string, found: readonly FoundCapability[]): Support {
  const valueOf = (name: (typeof NAMES)[number]): unknown => found.find((one) => one.name === name)?.value
  const plan = valueOf('question') as ReadPlan | undefined
  const changes = valueOf('changes')
  return {
    resource,
    changes: changes === 'filter' || changes === 'sort' || changes === 'none' ? changes : null,
    ...planFacts(plan),
    etagsWrong: valueOf('etags') === 'lied',
    absent: valueOf('absent') !== undefined,
  }
}

type PlanFacts = Pick<Support, 'from' | 'refused' | 'pageSize' | 'unordered' | 'cut'>

function planFacts(plan: ReadPlan | undefined): PlanFacts {
  if (plan === undefined) return { from: null, refused: [], pageSize: null, unordered: false, cut: false }
  const accepted = negotiatedRequest(plan)
  const missing = plan.wanted === null || accepted === null ? [] : missingParts(plan.wanted, accepted)
  const size = plan.learned?.most?.size ?? accepted?.pageSize ?? null
  return {
    from: plan.read.from,
    refused: missing.filter(({ kind }) => kind !== 'size').map(partName),
    pageSize: size !== null && size < (plan.wanted?.pageSize ?? 0) ? size : null,
    unordered: !plan.ordered,
    cut: plan.learned?.farAt !== undefined,
  }
}
