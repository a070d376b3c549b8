/**
 * Brings a resource up to date with the fewest requests that the server allows.
 *
 *   it has an updated-at field        ──► records changed since the watermark, by filter or newest first
 *   it belongs to projects            ──► the children of the projects that changed, and the deletes among them
 *   neither, or neither is accepted   ──► a snapshot
 *
 * Where both hold, both are done: a document changes without its project, and is deleted without a trace of its own.
 * Other deletes, and changes that leave no trace in `updated-at`, are for the nightly snapshot.
 */
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { PARENT_RESOURCE, pruneChangedParents, recordPushedProjects } from '../../store/progress/changed-projects.ts'
import { recountRows } from '../../store/progress/checkpoint.ts'
import { readWithheldMembers } from '../../store/progress/drift.ts'
import { changeColumn, saveChangesAsOf } from '../../store/progress/watermark.ts'
import { NOTHING_READ, outcomeInRun, worstOutcome } from '../../store/runs/runs.ts'
import { isReadAsDeclared } from '../list/declared-columns.ts'
import { withNewFacts } from '../list/list-facts.ts'
import { isBadRequest, isNotInOrder } from '../list/list-request.ts'
import { openReadPlan } from '../list/open-read-plan.ts'
import { withoutUnusedAsProved } from '../list/unused-types.ts'
import { planThatHidesNone } from '../snapshot/hidden-records.ts'
import type { SnapshotDeps, SnapshotOptions, SnapshotResult } from '../snapshot/snapshot-options.ts'
import { flagWithheld } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { pullByProject } from './by-project.ts'
import { pullChangedRecords } from './changed-records.ts'
import { openProjectChildren } from './project-children.ts'
import { restoreRows, type RestoredRows } from './restore-rows.ts'
import { changeStrategyFor } from './strategy.ts'

/** @returns undefined where a snapshot is needed. */
export async function pullIncremental(
  deps: SnapshotDeps,
  options: SnapshotOptions,
): Promise<SnapshotResult | undefined> {
  const { sql, catalog } = deps
  const { resource, known, lease, signal } = options
  const { type, table, byProject } = resource
  if (type === PARENT_RESOURCE) {
    const followers = [...catalog.values()].flatMap((one) => (one.byProject === undefined ? [] : one.type))
    await withDbRetry(() => pruneChangedParents(sql, followers), signal)
    await lease.transaction((tx) => recordPushedProjects(tx))
  }
  if (known.asOf === null || !isReadAsDeclared(known.capabilities, resource)) return undefined
  const children = await byProjects(deps, options)
  const own = byProject !== undefined && children === undefined ? undefined : await byChanges(deps, options)
  if (children === undefined && own === undefined) return undefined
  const read = children === undefined ? own! : own === undefined ? children : together(children, own)
  const back = await restoreRows(deps, options)
  const brought = { inserted: back.inserted, updated: back.updated, deleted: back.deleted }
  // Those of this read are in its outcome.
  const earlier = read.parked > 0 ? OK : stillParked(back.parked)
  const sum = { ...together(read, { ...NOTHING_READ, ...brought, ...earlier }), expected: read.expected }
  const withheld = await withDbRetry(() => readWithheldMembers(sql, type), signal)
  const held = flagWithheld(resource, withheld, sum)
  const result = children === undefined ? held : await heldAgainstProjects(deps, options, held)
  if (result.inserted + result.updated + result.deleted > 0) {
    await withDbRetry(() => recountRows(sql, type, table), signal)
  }
  if (result.outcome === 'ok') await lease.transaction((tx) => saveChangesAsOf(tx, type, known.now))
  return result
}

/** Which projects changed is known only as far as they were read: children of the others may be out of date. */
async function heldAgainstProjects(
  { sql }: SnapshotDeps,
  { runId, signal }: SnapshotOptions,
  result: SnapshotResult,
): Promise<SnapshotResult> {
  if (runId === undefined) return result
  const projects = await withDbRetry(() => outcomeInRun(sql, runId, PARENT_RESOURCE), signal)
  if (projects === undefined || !['failed', 'forbidden', 'incomplete'].includes(projects)) return result
  const message = `In this run ${PARENT_RESOURCE} ended as ${projects}, so what changed below them is not known for all. It is read with them.`
  return together(result, { ...NOTHING_READ, outcome: 'incomplete', message })
}

const OK = { outcome: 'ok', message: null } as const

/** Nothing that changed in ScopeStack would show that such a record can be read by now. */
function stillParked({ rejected, unusable }: RestoredRows['parked']) {
  const parked = rejected + unusable
  if (parked === 0) return OK
  const kept = 'they are parked, with the reason, in sync.parked.'
  const messages = [
    rejected > 0 ? `${rejected} that the database refused before could not be written again: ${kept}` : '',
    unusable > 0
      ? `${unusable} that could not be loaded before could not be read again: ${kept} Each full read does it.`
      : '',
  ]
  return { outcome: 'incomplete', message: messages.filter(Boolean).join(' '), parked } as const
}

async function byChanges(deps: SnapshotDeps, { resource, known, aheadMs, lease, since, signal }: SnapshotOptions) {
  const { watermark, capabilities } = known
  if (changeColumn(resource) === undefined) return undefined
  const opened = await openReadPlan(deps, resource, known, signal)
  const { plan } = opened
  const { request } = plan
  // The changes would have to be requested from both lists.
  if (plan.also !== undefined) return undefined
  if (watermark === null || plan.read.from !== 'list' || request === null) return undefined
  try {
    const strategy = await changeStrategyFor({ ...deps, capabilities }, resource, request, signal)
    if (strategy === 'none') return undefined
    // An incremental read would not see what the filters hide by now.
    const checked = await planThatHidesNone(deps, resource, opened, signal)
    if (checked === undefined) return undefined
    const from = since ?? watermark
    const result = await pullChangedRecords(deps, {
      resource,
      request: withoutUnusedAsProved(request, capabilities),
      strategy,
      watermark: from,
      known,
      aheadMs,
      followAll: since !== null,
      lease,
      signal,
    })
    const learned = withNewFacts(checked, known.now)
    if (learned !== undefined) await opened.remember(learned)
    return result
  } catch (error) {
    // The snapshot finds the read plan again, and the next run the strategy.
    if (isBadRequest(error)) await withDbRetry(() => capabilities.forget('changes'), signal)
    else if (isPastPagingLimit(error)) return undefined
    else if (isNotInOrder(error)) await withDbRetry(() => capabilities.save('changes', 'none'), signal)
    else throw error
    return undefined
  }
}

async function byProjects(deps: SnapshotDeps, { resource, known, lease, signal }: SnapshotOptions) {
  const { byProject } = resource
  if (byProject === undefined) return undefined
  const opened = await openReadPlan(deps, resource, known, signal)
  if (opened.plan.also !== undefined) return undefined
  const { capabilities } = known
  const children = await openProjectChildren(deps, { resource, within: byProject, opened, capabilities, signal })
  return await pullByProject(deps, { resource, plan: opened.plan, known, children, lease, signal })
}

function together(one: SnapshotResult, other: SnapshotResult): SnapshotResult {
  const messages = [one.message, other.message].filter((message) => message !== null)
  return {
    outcome: worstOutcome([one, other]),
    message: messages.length === 0 ? null : messages.join(' '),
    expected: null,
    seen: one.seen + other.seen,
    inserted: one.inserted + other.inserted,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    deleted: one.deleted + other.deleted,
    parked: one.parked + other.parked,
    pages: one.pages + other.pages,
  }
}
