/** A few records of each type that is known by name only, so that relationships have targets. */
import { inferred } from '../model/inferred.ts'
import type { Attribute } from '../model/model.ts'
import { decimal } from '../records/numbers.ts'
import { baseTime, day, instant, type Builder } from './builder.ts'
import { task } from './texts.ts'

export function makeInferredTargets(builder: Builder): void {
  for (const type of ['external-requests', 'psa-projects', 'expense-categories', 'payment-credits'])
    makeFew(builder, type, null)
}

export function makeInferred(builder: Builder): void {
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
    if (toOne['project'] === undefined) makeFew(builder, type, null)
    else if (builder.projects > 0) makeFew(builder, type, 'project')
  }
  link(builder)
}

function makeFew(builder: Builder, type: string, parent: 'project' | null): void {
  const model = inferred.find((known) => known.type === type)
  for (let at = 0; at < 4; at += 1) {
    const attributes = Object.fromEntries(
      Object.entries(model?.attributes ?? {}).map(([name, attribute]) => [name, value(builder, name, attribute, at)]),
    )
    builder.add(type, { attributes, toOne: parent === null ? {} : { project: builder.pick('projects').id } })
  }
}

function value(builder: Builder, name: string, { kind, nullable }: Attribute, at: number): unknown {
  const { random } = builder
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

/** Relationships to types that are generated after their owners. */
function link(builder: Builder): void {
  const { records } = builder
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
