/** What a push would send, as a person reads it, and for machines. */
import type { Resource } from '../../catalog/resource.ts'
import { thousands } from '../../report/words.ts'
import { clipped } from '../../screen/width.ts'
import { memberName } from '../../store/changes/fields.ts'
import type { PlannedChange } from '../../sync/push/plan.ts'
import { differences, value } from './change-fields.ts'
import { wrapped } from './format.ts'

const ACTION: Readonly<Record<PlannedChange['action'], string>> = {
  send: '',
  nothing: 'nothing is sent',
  park: 'is parked: both sides changed it',
  gone: 'is no longer in ScopeStack',
  look: 'is looked up first: its response was lost',
  after: 'after the new row it refers to',
  refused: 'is parked: ScopeStack does not report its values',
  exists: 'exists already, and would be created twice',
}

interface PlanText {
  readonly catalog: ReadonlyMap<string, Resource>
  /** Changes that were not looked at. */
  readonly behind?: number
  /** Nothing is cut. */
  readonly wide: boolean
}

export function planText(planned: readonly PlannedChange[], { catalog, behind = 0, wide }: PlanText): string[] {
  if (planned.length === 0) return ['Nothing waits to be sent.']
  const parts = planned.flatMap(({ change, method, path, action, decisions, lookUp, existing = [] }) => {
    const deletion = change.op === 'delete'
    const remark = isTrueThere({ action, decisions })
      ? TRUE_THERE
      : deletion && action === 'gone'
        ? 'is gone already'
        : ACTION[action]
    const head = `${method} ${path}${remark === '' ? '' : `  ${remark}`}`
    // Of a deletion only what stands in its way.
    const shown = deletion ? decisions.filter(({ decision }) => decision !== 'send') : decisions
    const resource = catalog.get(change.resource)
    return [
      head,
      ...differences(resource, shown, { deletion, wide }),
      ...lookedUp(resource, lookUp, wide),
      ...alike(change.id, existing),
      '',
    ]
  })
  const n = planned.length
  const more = behind === 0 ? '' : ` ${thousands(behind)} more change${behind === 1 ? ' waits' : 's wait'} behind them.`
  return [...parts, `${thousands(n)} record${n === 1 ? '' : 's'}.${more} Nothing was sent.`]
}

const TRUE_THERE = 'is true in ScopeStack already: nothing is sent'

const isTrueThere = ({ action, decisions }: Pick<PlannedChange, 'action' | 'decisions'>): boolean =>
  action === 'nothing' && decisions.length > 0 && decisions.every(({ decision }) => decision === 'same')

/** What is there by its name. */
const alike = (change: number, existing: NonNullable<PlannedChange['existing']>): string[] =>
  existing.flatMap(({ id, same }) =>
    wrapped(
      same
        ? `exists already as ${id}, with all these values: if it was sent before, "changes discard ${change}" discards it`
        : `exists already as ${id}, by its name and with other values: "changes discard ${change}" discards this one`,
      '    ',
    ),
  )

/** The fields by which a new row is recognized, so that it is created once. */
function lookedUp(resource: Resource | undefined, key: PlannedChange['lookUp'], wide: boolean): string[] {
  if (key === undefined) return []
  const fields = Object.entries(key ?? {}).map(
    ([member, given]) => `${memberName(resource, { member })} = ${wide ? value(given) : clipped(value(given), 40)}`,
  )
  return key === null
    ? wrapped('has no field to be looked up by: a lost response parks it as unknown', '    ')
    : wrapped(`looked up before it is created: ${fields.join(', ')}`, '    ')
}

/** `lookUp` is there for new rows: null where there is nothing to look it up by. */
export const planJson = ({ change, method, path, action, decisions, lookUp, existing }: PlannedChange) => ({
  type: 'planned',
  change: change.id,
  method,
  path,
  action,
  fields: decisions,
  ...(lookUp === undefined ? {} : { lookUp }),
  ...(existing === undefined ? {} : { existing }),
})
