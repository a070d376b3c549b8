/**
 * The one place that writes what was read from ScopeStack: into the rows of a resource, in one transaction under its lease.
 *
 *   records ──► load           rows that differ are written; what makes no row, or the database rejects, comes back
 *           ──► drift          undeclared members, values that do not fit: once a run each
 *           ──► park           records without a row, with the reason
 *           ──► changed        projects among them, whose children are to be read again
 *           ──► mark deleted   with the proof that a complete list lacked them (S6)
 *           ──► also           the caller's checkpoint, so that rows and checkpoint commit together (S1)
 *
 * One row that Postgres rejects fails its whole statement. Then everything is written again row by row, and only that one is
 * parked (S8). Writing twice changes nothing (S2), so a lost response to COMMIT needs no other care.
 */
import type { RemoteRecord, Resource } from '../catalog/resource.ts'
import type { Lease, LeasedTransaction } from '../store/fleet/leases.ts'
import type { LoadResult } from '../store/mirror/load-result.ts'
import type { Mirror } from '../store/mirror/load.ts'
import { isRejectedByDatabase } from '../store/mirror/rejections.ts'
import { markDeleted, markDeletedOneByOne, type ProvedMissing } from '../store/mirror/tombstones.ts'
import { PARENT_RESOURCE, recordChangedParents } from '../store/progress/changed-projects.ts'
import { recordDrift, type DriftNote } from '../store/progress/drift.ts'
import {
  closeParkedRecords,
  parkRecords,
  readRejectedAmong,
  type UnusableRecord,
} from '../store/progress/parked-records.ts'
import { changeTime } from './record-times.ts'

interface WriteContext {
  readonly resource: Resource
  readonly lease: Lease
  readonly mirror: Mirror
  /**
   * Which of the projects that were read count as changed: those that were written, or would have been but for local edits;
   * of these only what changed since a time; or all.
   */
  readonly follow?: 'written' | 'all' | Date
}

interface ToWrite {
  readonly records: readonly RemoteRecord[]
  readonly unusable?: readonly UnusableRecord[]
  /** Rows that are marked deleted. */
  readonly gone?: ProvedMissing
}

export interface Written extends LoadResult {
  readonly deleted: number
  /** What was parked, with its body. */
  readonly parked: readonly UnusableRecord[]
}

export interface RecordWriter {
  /** @param also part of the transaction. */
  write(found: ToWrite, also?: (tx: LeasedTransaction, loaded: LoadResult) => Promise<unknown>): Promise<Written>
  /** The same for records that were requested one by one: those of them that were parked before are closed. */
  writeRequested(found: ToWrite): Promise<Written>
}

/** In one run: a record with 100,000 undeclared members must not cost as many statements. */
const MOST_NOTED = 1_000

/** Made once for each reading of a resource, like its mirror. */
export function createRecordWriter({ resource, lease, mirror, follow = 'written' }: WriteContext): RecordWriter {
  const { type } = resource
  /** Drift is recorded once a run: a member of every record would otherwise cost a statement a page. */
  const noted = new Set<string>()

  const loadOneByOne = async (tx: LeasedTransaction, records: readonly RemoteRecord[]): Promise<LoadResult> => {
    const ids = records.map(({ id }) => id)
    return await mirror.loadOneByOne(tx, records, await readRejectedAmong(tx, type, ids))
  }

  const write: RecordWriter['write'] = async ({ records, unusable = [], gone }, also) => {
    const act = (careful: boolean) =>
      lease.transaction(async (tx) => {
        const loaded = await (careful ? loadOneByOne(tx, records) : mirror.load(tx, records))
        const notes = firstOfEach(loaded.drift, noted).slice(0, Math.max(0, MOST_NOTED - noted.size))
        await recordDrift(tx, type, notes)
        if (type === PARENT_RESOURCE) await recordChangedParents(tx, type, changedAmong(records, loaded, follow))
        const mark = careful ? markDeletedOneByOne : markDeleted
        const marked = gone === undefined ? NONE_MARKED : await mark(tx, resource, gone)
        const kept = marked.rejected.map((one) => ({ ...one, body: null, byDatabase: true }))
        const parked = [...unusable, ...rejectedRecords(loaded, records), ...kept]
        await parkRecords(tx, type, parked)
        await also?.(tx, loaded)
        return { notes, written: { ...loaded, deleted: marked.count, parked } }
      })
    const { notes, written } = await act(false).catch((error: unknown) => {
      if (!isRejectedByDatabase(error)) throw error
      return act(true)
    })
    for (const note of notes) noted.add(keyOf(note))
    return written
  }

  return {
    write,
    writeRequested: (found) =>
      write(found, async (tx) => {
        await closeParkedRecords(tx, type, [...(found.gone?.ids ?? []), ...found.records.map(({ id }) => id)])
      }),
  }
}

const NONE_MARKED = { count: 0, rejected: [] }

const keyOf = ({ member, kind }: DriftNote): string => `${kind} ${member}`

function firstOfEach(drift: readonly DriftNote[], noted: ReadonlySet<string>): DriftNote[] {
  const notes = new Map<string, DriftNote>()
  for (const note of drift) {
    const key = keyOf(note)
    if (!noted.has(key) && !notes.has(key)) notes.set(key, note)
  }
  return [...notes.values()]
}

function changedAmong(
  records: readonly RemoteRecord[],
  { written, left }: LoadResult,
  follow: 'written' | 'all' | Date,
): string[] {
  if (follow === 'all') return records.map(({ id }) => id)
  const ids = [...written, ...left]
  if (follow === 'written') return ids
  const since = follow.getTime()
  const recent = new Set(records.filter((record) => (changeTime(record) ?? 0) >= since).map(({ id }) => id))
  return ids.filter((id) => recent.has(id))
}

function rejectedRecords(loaded: LoadResult, records: readonly RemoteRecord[]): UnusableRecord[] {
  const refused = new Set(loaded.rejectedByDatabase)
  return loaded.rejected.map(({ id, reason: why }) => ({
    id,
    reason: why,
    body: records.findLast((record) => record.id === id) ?? null,
    byDatabase: refused.has(id),
  }))
}
