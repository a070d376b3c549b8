/** Reads a resource until it is proved complete, three passes at most. */
import { confirmLease } from '../../store/fleet/leases.ts'
import { countSeen, openPass, readPassEvidence, type Snapshot } from '../../store/progress/checkpoint.ts'
import { countParked } from '../../store/progress/parked-records.ts'
import { assessCompleteness, type Parent } from '../list/completeness.ts'
import { needsBothEnds } from '../list/list-facts.ts'
import { createEtagCheck, distrustEtags } from '../list/page-cache.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { startPass, type PassDeps } from './snapshot-pass.ts'
import type { BatchWriter, Tally } from './write-batch.ts'

export interface SnapshotProgress {
  /** Records read, those of an interrupted run included. */
  readonly records: number
  /** Those of them that an interrupted run had read. */
  readonly resumed: number
  readonly total: number | null
}

interface Options {
  readonly deps: PassDeps
  readonly begun: Snapshot
  readonly committer: BatchWriter
  readonly parent: Parent | null
  readonly refused: readonly string[]
  /** Called once something that was read is written. */
  readonly onAnswer: () => Promise<void>
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** A list that is not proved complete by then keeps changing, or never can be. */
const PASSES = 3
/** Where two lists are read, the passes of the second one are numbered from here. */
export const SECOND_LIST = 10

/** Over all passes. */
interface Totals {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly parked: number
  readonly pages: number
}

export async function readPasses(options: Options) {
  const { deps, begun } = options
  const reading = createReading(options)
  for (let snapshot = begun; ; snapshot = nextPass(snapshot)) {
    if (snapshot !== begun) await openEmptyPass(deps, snapshot.pass)
    const { count, pages: listPages, total, misled } = await reading.readPass(snapshot)
    const { completeness, seen, parked } = await assess(options, snapshot.pass, count, listPages)
    // Pages that were taken as unchanged before the ETags proved wrong are read once more, without ETags.
    if (misled || (completeness.again && snapshot.pass % SECOND_LIST < PASSES)) continue
    const { totals, parsedAll, transferredAll } = reading
    // The page where two chains meet was read twice, and so was everything in a second pass.
    const unchanged = Math.max(0, Math.min(totals.unchanged, seen - totals.inserted - totals.updated - parked))
    const counts = { ...totals, unchanged, parked, seen, expected: reading.shown(total) }
    return { ...counts, completeness, listPages, parsedAll, transferredAll }
  }
}

function createReading({ deps, begun, committer, onAnswer, onProgress }: Options) {
  const { sql, resource, plan, signal } = deps
  const etagsLie = createEtagCheck()
  let responded = false
  return {
    totals: { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 } as Totals,
    /** An earlier process's part of the read was seen by another mirror. */
    parsedAll: begun.position === null && begun.chains === null,
    transferredAll: begun.position === null && begun.chains === null,

    /** The count of a list does not count the records in its `included`. */
    shown: (count: number | null): number | null => (plan.read.from === 'included' ? null : count),

    async readPass(snapshot: Snapshot) {
      const { pass } = snapshot
      const { seen: resumed, lastPage } = await withDbRetry(() => countSeen(sql, resource.type, pass), signal)
      const { count, pages, transfersAll, batches } = await startPass(deps, snapshot, lastPage + 1)
      this.transferredAll &&= transfersAll
      let records = resumed
      let total = count
      let misled = false
      onProgress({ records, resumed, total: this.shown(total) })
      for await (const batch of batches) {
        this.count(await committer.write(batch, { pass, firstCount: count }, signal), batch.pages.length)
        if (!responded) await onAnswer()
        responded = true
        if (etagsLie(batch.pages)) {
          await distrustEtags(deps)
          misled = !transfersAll
        }
        // In a later pass a page is cached because this process has parsed it in the first.
        if (snapshot === begun) this.parsedAll &&= batch.pages.every(({ known }) => !known)
        records += batch.pages.reduce((sum, { ids }) => sum + ids.length, 0)
        total = batch.pages.at(-1)?.recordCount ?? total
        onProgress({ records, resumed, total: this.shown(total) })
      }
      return { count, pages, total, misled }
    },

    count(written: Tally, pages: number): void {
      this.totals = {
        inserted: this.totals.inserted + written.inserted,
        updated: this.totals.updated + written.updated,
        unchanged: this.totals.unchanged + written.unchanged,
        parked: this.totals.parked + written.parked,
        pages: this.totals.pages + pages,
      }
    },
  }
}

async function openEmptyPass({ sql, resource, lease, signal }: PassDeps, pass: number): Promise<void> {
  const open = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await openPass(tx, resource.type, { pass, chains: null, count: null, pageSize: null })
    })
  await withDbRetry(open, signal)
}

async function assess(
  { deps, begun, refused, parent }: Options,
  pass: number,
  count: number | null,
  pages: number | null,
) {
  const { sql, resource, plan, signal } = deps
  const { type } = resource
  const read = async () => ({
    ...(await countSeen(sql, type, pass)),
    ...(await readPassEvidence(sql, type)),
    parked: await countParked(sql, type, begun.startedAt),
  })
  const { seen, carriers, fresh, steady, full, parked } = await withDbRetry(read, signal)
  const carried = plan.read.from === 'included'
  const completeness = assessCompleteness({
    read: plan.read.from,
    ordered: plan.ordered,
    far: needsBothEnds(plan),
    seen: carried ? carriers : seen,
    // The included records do not show which records of the list were known.
    fresh: carried ? carriers : fresh,
    count,
    pages,
    steady,
    full,
    parked,
    refused,
    parent,
  })
  return { completeness, seen, parked }
}

const nextPass = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  pass: snapshot.pass + 1,
  chains: null,
  position: null,
})
