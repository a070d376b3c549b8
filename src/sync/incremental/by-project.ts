/**
 * Reads the children of changed projects again, some projects at a time, and detects deletes within those projects only,
 * behind the same three locks as in a full read (S6).
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { countLiving, unseenWithin, type CompleteList } from '../../store/mirror/tombstones.ts'
import { readChangedParents, saveFollowed } from '../../store/progress/changed-projects.ts'
import type { Known } from '../../store/progress/known.ts'
import { MAX_CHECKED, confirmAndMarkDeleted, massDeleteWarning } from '../deletes/detect-deletes.ts'
import { parkedMessage, type Completeness } from '../list/completeness.ts'
import type { ReadPage } from '../list/read-page.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import type { SnapshotDeps, SnapshotResult } from '../snapshot/snapshot-options.ts'
import { expectedMembers } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'
import { createChangeWriter } from './write-changes.ts'

export interface ProjectChildren {
  readonly pages: readonly ReadPage[]
  readonly completeness: Completeness
}

/** `project-children.ts`. */
export interface ProjectChildrenReader {
  /** Undefined when the server accepts no way to request them. */
  read(projects: readonly string[]): Promise<ProjectChildren | undefined>
  /** The least number of requests for so many projects. */
  requestsFor(projects: number): number
}

/** Their ids stand in the URL, and their children are held in memory. */
export const PROJECTS_AT_ONCE = 25

interface Options {
  readonly resource: Resource
  readonly plan: ReadPlan
  readonly known: Known
  readonly children: ProjectChildrenReader
  readonly lease: Lease
  readonly signal: AbortSignal
}

const UNPROVED = 'The lists of some projects kept changing while they were read; the next run reads them again.'

const UNSETTLED =
  'Some rows are missing from their project, and requests for them did not show why. They are kept; the full read ' +
  'of it decides that.'

/** @returns undefined when the server accepts no request for the children of some projects, or a full read costs less. */
export async function pullByProject(deps: SnapshotDeps, options: Options): Promise<SnapshotResult | undefined> {
  const { sql, deleteLimit } = deps
  const { resource, known, children, lease, signal } = options
  const { type } = resource
  const mirror = createMirror(resource, expectedMembers(known.capabilities, resource))
  const changes = createChangeWriter(createRecordWriter({ resource, lease, mirror }))
  let deleted = 0
  const doubts = new Set<string>()
  let suspect: string | null = null

  const detectDeletesWithin = async (
    list: CompleteList,
    projects: readonly string[],
    seen: readonly string[],
  ): Promise<void> => {
    const missing = await withDbRetry(() => unseenWithin(sql, resource, projects, seen), signal)
    if (missing.length === 0) return
    const living = await withDbRetry(() => countLiving(sql, resource), signal)
    suspect ??= massDeleteWarning({ type, count: missing.length, living, deleteLimit })
    if (suspect !== null) return
    const checked = missing.slice(0, MAX_CHECKED)
    const asking = { ...options, known: seen.slice(0, 3) }
    const confirmed = await confirmAndMarkDeleted(deps, asking, { ids: checked, list })
    deleted += confirmed?.deleted ?? 0
    if (checked.length < missing.length)
      doubts.add('More rows are missing from their projects than are checked at once.')
    if (confirmed === null || confirmed.unsure > 0) doubts.add(UNSETTLED)
  }

  for (;;) {
    const { ids, upTo, left } = await withDbRetry(() => readChangedParents(sql, type, PROJECTS_AT_ONCE), signal)
    if (ids.length === 0) break
    if (known.pages !== null && children.requestsFor(left) > known.pages) return undefined
    const found = await children.read(ids)
    if (found === undefined) return undefined
    await changes.write(found.pages)
    if (!found.completeness.complete) {
      doubts.add(UNPROVED)
      break
    }
    const seen = [...new Set(found.pages.flatMap((page) => page.ids))]
    await detectDeletesWithin(found.completeness.list, ids, seen)
    await lease.transaction((tx) => saveFollowed(tx, type, upTo))
  }

  const { total, ids: seen } = changes
  if (total.parked > 0) doubts.add(parkedMessage(total.parked))
  const common = { ...total, deleted, seen: seen.size, expected: null }
  if (suspect !== null) return { ...common, outcome: 'suspect', message: suspect }
  if (doubts.size === 0) return { ...common, outcome: 'ok', message: null }
  return { ...common, outcome: 'incomplete', message: [...doubts].join(' ') }
}
