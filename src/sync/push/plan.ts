/** What a push would do: nothing is claimed, recorded or sent. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import { isLocal, type Change, type Decision, type Members } from '../../store/changes/change.ts'
import { coalesceChanges } from '../../store/changes/coalesce.ts'
import { DEPARTED, OPEN } from '../../store/changes/states.ts'
import { countChanges, listOpenChanges } from '../../store/outbox/changes.ts'
import { localReference, possibleWrites, type PushDeps } from './attempt.ts'
import { decide } from './conflict.ts'
import { holdsWhatWasSent, naturalKeyOf, findByNaturalKey } from './find-created.ts'
import { idsToRead, listRequest, readRecords, type RemoteList } from './read-remote.ts'

export interface PlannedChange {
  readonly change: Change
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  /**
   * `look`: searches first whether it arrived · `after`: the record it refers to is created first · `refused`: ScopeStack
   * refuses to show the record · `exists`: ScopeStack has a record with the same natural key, and would get another one.
   */
  readonly action: 'send' | 'nothing' | 'park' | 'gone' | 'look' | 'after' | 'refused' | 'exists'
  readonly decisions: readonly Decision[]
  /** Of a create: the members and values by which it is searched for before it is sent; null when it has none. */
  readonly lookUp?: Members | null
  /** Of a create: records with the same key, as after the restore of a backup from before it was sent. */
  readonly existing?: readonly Existing[]
}

interface Existing {
  readonly id: string
  /** It holds every value that would be sent. */
  readonly same: boolean
}

const METHOD = { create: 'POST', update: 'PATCH', delete: 'DELETE' } as const
/** A plan is for reading. */
const MOST_CHANGES = 1000
const TOGETHER = 100

/** @returns the plan, and how many changes come after those in it. */
export async function plan(
  deps: PushDeps,
  signal: AbortSignal,
): Promise<{ readonly planned: PlannedChange[]; readonly behind: number }> {
  const open = await listOpenChanges(deps.sql, MOST_CHANGES)
  const sums = [...Map.groupBy(open, ({ resource, recordId }) => `${resource} ${recordId}`).values()].flatMap(
    (changes) => {
      const first = changes.find(({ state }) => OPEN.includes(state))!
      if (DEPARTED.includes(first.state)) return [first]
      const together = changes.filter(({ state }) => state === 'waiting' || state === 'parked')
      return coalesceChanges(deps.catalog.get(first.resource)!, together).change ?? []
    },
  )
  const planned: PlannedChange[] = []
  for (const [type, changes] of Map.groupBy(sums, ({ resource }) => resource)) {
    const resource = deps.catalog.get(type)!
    const from = { resource, list: await listRequest(deps, resource), signal }
    for (let at = 0; at < changes.length; at += TOGETHER) {
      const some = changes.slice(at, at + TOGETHER)
      const remote = await readRecords(deps, from, idsToRead(some))
      for (const change of some) {
        const held = remote.get(change.recordId) ?? null
        planned.push(await withExisting(deps, from, planOf(deps, resource, change, held)))
      }
    }
  }
  const { waiting = 0, sending = 0 } = await countChanges(deps.sql)
  const behind = Math.max(0, waiting + sending - open.filter(({ state }) => OPEN.includes(state)).length)
  return { planned: inOrder(planned), behind }
}

/** With the records that have the natural key of a create. */
async function withExisting(deps: PushDeps, from: RemoteList, planned: PlannedChange): Promise<PlannedChange> {
  const { change, action, lookUp: key } = planned
  if (action !== 'send' || key === undefined || key === null) return planned
  const found = await findByNaturalKey(deps, from, key).catch((error: unknown) => {
    // The plan is shown without them.
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    return null
  })
  if (found === null || found.length === 0) return planned
  const existing = found.map((record) => ({ id: record.id, same: holdsWhatWasSent(from.resource, record, change) }))
  return { ...planned, action: 'exists', existing }
}

/** The oldest first, and changes that refer to a new row after it. */
function inOrder(planned: readonly PlannedChange[]): PlannedChange[] {
  const byRecord = new Map(planned.map((one) => [one.change.recordId, one]))
  const ordered = new Set<PlannedChange>()
  const place = (one: PlannedChange, above: ReadonlySet<PlannedChange>): void => {
    if (ordered.has(one) || above.has(one)) return
    const { attributes, relationships } = one.change
    for (const id of Object.values({ ...attributes, ...relationships })) {
      const parent = isLocal(id) ? byRecord.get(id) : undefined
      if (parent !== undefined) place(parent, new Set([...above, one]))
    }
    ordered.add(one)
  }
  for (const one of planned.toSorted((a, b) => a.change.id - b.change.id)) place(one, new Set())
  return [...ordered]
}

function planOf(
  deps: PushDeps,
  resource: Resource,
  change: Change,
  remote: RemoteRecord | SyncError | null,
): PlannedChange {
  const { op, recordId, state } = change
  const list = `/${deps.slug}/v1/${resource.type}`
  const planned = { change, method: METHOD[op], path: op === 'create' ? list : `${list}/${recordId}` }
  const refers = localReference(resource, change) !== undefined
  if (op === 'create') {
    const action = DEPARTED.includes(state) ? 'look' : refers ? 'after' : 'send'
    const given = Object.entries({ ...change.attributes, ...change.relationships })
    const decisions = given.map(([member, local]) => ({
      member,
      base: null,
      local,
      remote: null,
      decision: 'send' as const,
    }))
    return { ...planned, action, decisions, lookUp: naturalKeyOf(resource, change) }
  }
  if (remote === null) return { ...planned, action: 'gone', decisions: [] }
  if (remote instanceof SyncError) return { ...planned, action: 'refused', decisions: [] }
  const { action, decisions } = decide(
    resource,
    change,
    remote,
    deps.rules,
    possibleWrites(change, DEPARTED.includes(state)),
  )
  return { ...planned, action: action === 'send' && refers ? 'after' : action, decisions }
}
