/** What a push would do, without doing it: nothing is claimed, noted or sent. */
import type { RemoteRecord, Resource } from '../resource.ts'
import { openChanges } from '../store/changes.ts'
import type { Change } from '../store/outbox.ts'
import { readRecords } from './check.ts'
import { decide, type Decision } from './conflict.ts'
import { foldChanges } from './push.ts'
import type { PushDeps } from './send.ts'

export interface Planned {
  readonly change: Change
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  /** `look`: whether it arrived is found out first · `after`: what it refers to is made first. */
  readonly fate: 'send' | 'nothing' | 'park' | 'gone' | 'look' | 'after'
  readonly decisions: readonly Decision[]
}

const METHOD = { create: 'POST', update: 'PATCH', delete: 'DELETE' } as const
/** A plan is for reading. */
const MOST_RECORDS = 1000
const TOGETHER = 100

export async function plan(deps: PushDeps, signal: AbortSignal): Promise<Planned[]> {
  const open = await openChanges(deps.sql, MOST_RECORDS)
  const sums = [...Map.groupBy(open, ({ resource, recordId }) => `${resource} ${recordId}`).values()].flatMap(
    (changes) => {
      const first = changes.find(({ state }) => state !== 'parked')!
      return first.state === 'sending' ? [first] : (foldChanges(deps.catalog, changes).change ?? [])
    },
  )
  const planned: Planned[] = []
  for (const [type, changes] of Map.groupBy(sums, ({ resource }) => resource)) {
    const resource = deps.catalog.get(type)!
    for (let at = 0; at < changes.length; at += TOGETHER) {
      const some = changes.slice(at, at + TOGETHER)
      const ids = some.filter(({ op }) => op !== 'create').map(({ recordId }) => recordId)
      const remote = ids.length === 0 ? new Map() : await readRecords(deps, resource, ids, signal)
      for (const change of some) planned.push(planOf(deps, resource, change, remote.get(change.recordId) ?? null))
    }
  }
  return planned.sort((a, b) => a.change.id - b.change.id)
}

function planOf(deps: PushDeps, resource: Resource, change: Change, remote: RemoteRecord | null): Planned {
  const { op, recordId, requestedAt } = change
  const list = `/${deps.slug}/v1/${resource.type}`
  const planned = { change, method: METHOD[op], path: op === 'create' ? list : `${list}/${recordId}` }
  const refers = Object.values(change.relationships).some((id) => String(id).startsWith('local-'))
  if (op === 'create') {
    const fate = requestedAt !== null ? 'look' : refers ? 'after' : 'send'
    const given = Object.entries({ ...change.attributes, ...change.relationships })
    const decisions = given.map(([member, local]) => ({
      member,
      base: null,
      local,
      remote: null,
      decision: 'send' as const,
    }))
    return { ...planned, fate, decisions }
  }
  if (remote === null) return { ...planned, fate: 'gone', decisions: [] }
  const { fate, decisions } = decide(resource, change, remote, deps.rules)
  return { ...planned, fate: fate === 'send' && refers ? 'after' : fate, decisions }
}
