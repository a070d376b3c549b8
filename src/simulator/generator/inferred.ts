import { inferred } from '../model/inferred.ts'
import type { Attribute } from '../model/model.ts'
import { decimal } from '../records/numbers.ts'
import { baseTime, day, instant, type Making } from './making.ts'
import { task } from './texts.ts'

/** A few records for each type that is known by name only: enough for a relationship to lead somewhere. */

export function makeTargets(making: Making): void {
  for (const type of ['external-requests', 'psa-projects', 'expense-categories', 'payment-credits'])
    few(making, type, null)
}

export function makeLeftovers(making: Making): void {
  const done = new Set([
    'external-requests',
    'psa-projects',
    'expense-categories',
    'payment-credits',
    'teams',
    'questions',
  ])
  for (const { type, toOne } of inferred) {
    if (done.has(type)) continue
    if (toOne['project'] === undefined) few(making, type, null)
    else if (making.projects > 0) few(making, type, 'project')
  }
  link(making)
}

function few(making: Making, type: string, parent: 'project' | null): void {
  const model = inferred.find((known) => known.type === type)
  for (let at = 0; at < 4; at += 1) {
    const attributes = Object.fromEntries(
      Object.entries(model?.attributes ?? {}).map(([name, attribute]) => [name, value(making, name, attribute, at)]),
    )
    making.add(type, { attributes, toOne: parent === null ? {} : { project: making.must('projects').id } })
  }
}

function value(making: Making, name: string, { kind, nullable }: Attribute, at: number): unknown {
  const { random } = making
  if (nullable && random.chance(0.25)) return null
  switch (kind) {
    case 'boolean':
      return true
    case 'integer':
      return at + 1
    case 'decimal':
      return decimal(random.between(10, 900) / 2)
    case 'datetime':
      return instant(baseTime - random.between(1, 900) * day)
    case 'text':
      return `${task(random)}\r\n${task(random)}`
    default:
      return name === 'status' ? 'open' : `${task(random)} ${String(at + 1)}`
  }
}

/** Relationships into types that are made after their owners. */
function link(making: Making): void {
  const { records } = making
  const ids = (type: string): string[] => (records.table(type)?.ordered ?? []).map(({ id }) => id)
  const first = <T>(of: readonly T[] | undefined): T | undefined => of?.[0]
  const to = (type: string, name: string, target: string): void => {
    const [rec, id] = [first(records.table(type)?.ordered), first(ids(target))]
    if (rec !== undefined && id !== undefined) records.update(rec, { toOne: { [name]: id } })
  }
  const toAll = (type: string, name: string, target: string): void => {
    const rec = first(records.table(type)?.ordered)
    if (rec !== undefined) records.update(rec, { toMany: { [name]: ids(target) } })
  }
  to('surveys', 'project-survey', 'project-surveys')
  to('project-approvals', 'approval-step', 'approval-steps')
  to('project-governances', 'resource-rate', 'resource-rates')
  toAll('surveys', 'survey-responses', 'survey-responses')
  toAll('surveys', 'survey-recommendations', 'survey-recommendations')
  toAll('vendors', 'quotes', 'quotes')
  toAll('rate-tables', 'resource-rates', 'resource-rates')
  toAll('project-services', 'notes', 'notes')
  toAll('project-services', 'allocated-governances', 'project-governances')
}
