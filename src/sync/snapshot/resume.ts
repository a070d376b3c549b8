/** Goes on with an interrupted snapshot where that is safe, and begins one otherwise. */
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../store/connection/database.ts'
import { readAsOf, type Snapshot } from '../../store/progress/checkpoint.ts'
import type { Parent } from '../list/completeness.ts'
import { orderOf, type ReadPlan } from '../list/read-plan.ts'
import type { SnapshotOptions } from './snapshot-options.ts'

/** The first pages of an older one would count as newer than they are. */
const RESUME_WITHIN_MS = 12 * 60 * 60_000

/** A snapshot, and whether an earlier run has begun it; a new one is saved with its first pass. */
export interface OpenSnapshot extends Omit<Snapshot, 'ageMs'> {
  readonly isNew: boolean
}

export interface Earlier {
  /** The unfinished snapshot of an earlier run. */
  readonly left: Snapshot | undefined
  /** The database's clock. A snapshot's time is the database's, like every time that is compared with it. */
  readonly now: Date
}

/** @param digest of the request and the declaration: a snapshot of another one is begun again. */
export async function resumeOrBegin(
  sql: Database,
  { resumeFrom }: Pick<SnapshotOptions, 'resumeFrom'>,
  plan: ReadPlan,
  digest: string,
  { left, now }: Earlier,
): Promise<OpenSnapshot> {
  const { read, also } = plan
  const byParent = read.from === 'each' || read.from === 'below'
  const request = { way: read, digest, ...(also === undefined ? {} : { lists: 2 }) }
  const isUsable =
    left !== undefined &&
    isDeepStrictEqual(requestOf(left), request) &&
    (resumeFrom === null ? left.ageMs < RESUME_WITHIN_MS : left.startedAt >= resumeFrom) &&
    // In any other order the proof counts records known before, and which ones were known could have changed since.
    // What is read without chains, like a single document, has no place to go on from.
    (byParent || (orderOf(plan) === 'from-end' && ((left.chains as unknown[] | null) ?? []).length > 0))
  if (isUsable) return { ...left, isNew: false }
  // Saved at the beginning: the first parents are read as of that time, however late the last ones are read.
  const saved = byParent ? { ...request, parentsAsOf: await readAsOf(sql, read.parent) } : request
  const fresh = { chains: null, position: null, firstCount: null, pageSize: null }
  return { startedAt: now, request: saved, pass: 1, ...fresh, isNew: true }
}

/** Without the parents' time that is saved beside it. */
function requestOf({ request }: Pick<Snapshot, 'request'>): unknown {
  const { parentsAsOf: _, ...rest } = (request ?? {}) as Record<string, unknown>
  return request === null ? null : rest
}

/** Null where the records are not read parent by parent. */
export function parentOf({ request }: Pick<Snapshot, 'request'>, { read }: ReadPlan): Parent | null {
  if (read.from !== 'each' && read.from !== 'below') return null
  const { parentsAsOf = null } = (request ?? {}) as { parentsAsOf?: string | Date | null }
  return { type: read.parent, asOf: parentsAsOf === null ? null : new Date(parentsAsOf) }
}
