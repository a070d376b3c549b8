import { confirmLease } from '../../store/fleet/leases.ts'
/** Reads a resource until it is proved whole, or so often that it never will be. */
import { countSeen, openPass, readPassEvidence, type Snapshot } from '../../store/progress/checkpoint.ts'
import { countParked } from '../../store/progress/parked-records.ts'
import { assessCompleteness, type Parent } from '../list/completeness.ts'
import { needsBothEnds } from '../list/list-facts.ts'
import { createEtagCheck, distrustEtags } from '../list/page-cache.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { startPass, type PassDeps } from './snapshot-pass.ts'
import type { BatchWriter } from './write-batch.ts'

export interface SnapshotProgress {
  /** Records read, those of an interrupted run included. */
  readonly records: number
  /** Of these, the ones an interrupted run had read. */
  readonly resumed: number
  readonly total: number | null
}

interface Options {
  readonly deps: PassDeps
  readonly begun: Snapshot
  readonly committer: BatchWriter
  readonly parent: Parent | null
  readonly refused: readonly string[]
  /** Once something of it is written; with nothing in it, at its end. */
  readonly onAnswer: () => Promise<void>
  readonly onProgress: (progress: SnapshotProgress) => void
}

/** What is not proved by then keeps changing, or never will be. */
const PASSES = 3
/** Passes of the other list, where two are read, are numbered from here on. */
export const SECOND_LIST = 10

export async function readPasses({ deps, begun, committer, parent, refused, onAnswer, onProgress }: Options) {
  const { sql, resource, question, lease, signal } = deps
  const { type } = resource
  const { from } = question.read
  const tally = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  // Records that come with another list are not what its count speaks of.
  const shown = (count: number | null): number | null => (from === 'included' ? null : count)
  // Of what an earlier process read, another mirror knows which members were met.
  let parsedAll = begun.position === null && begun.chains === null
  let transferredAll = parsedAll
  let answered = false
  const etagsLie = createEtagCheck()
  for (let snapshot = begun; ; snapshot = next(snapshot)) {
    const { pass } = snapshot
    const open = () =>
      sql.begin(async (tx) => {
        await confirmLease(tx, lease)
        await openPass(tx, type, { pass, chains: null, count: null, pageSize: null })
      })
    if (snapshot !== begun) await withDbRetry(open, signal)
    const { seen: resumed, lastPage } = await withDbRetry(() => countSeen(sql, type, pass), signal)
    const { count, pages: listPages, transfersAll, batches } = await startPass(deps, snapshot, lastPage + 1)
    let records = resumed
    let total = count
    transferredAll &&= transfersAll
    let misled = false
    onProgress({ records, resumed, total: shown(total) })
    for await (const batch of batches) {
      const { inserted, updated, unchanged, parked } = await committer.write(batch, { pass, firstCount: count }, signal)
      if (!answered) await onAnswer()
      answered = true
      if (etagsLie(batch.pages)) {
        await distrustEtags(deps)
        misled = !transfersAll
      }
      tally.inserted += inserted
      tally.updated += updated
      tally.unchanged += unchanged
      tally.parked += parked
      tally.pages += batch.pages.length
      // In a later pass, a page is known by what this process has parsed in the first.
      if (snapshot === begun) parsedAll &&= batch.pages.every(({ known }) => !known)
      records += batch.pages.reduce((sum, { ids }) => sum + ids.length, 0)
      total = batch.pages.at(-1)?.recordCount ?? total
      onProgress({ records, resumed, total: shown(total) })
    }
    const { seen, carriers, fresh, steady, full, parked } = await withDbRetry(
      async () => ({
        ...(await countSeen(sql, type, pass)),
        ...(await readPassEvidence(sql, type)),
        parked: await countParked(sql, type, begun.startedAt),
      }),
      signal,
    )
    const carried = from === 'included'
    const verdict = assessCompleteness({
      read: from,
      ordered: question.ordered,
      far: needsBothEnds(question),
      seen: carried ? carriers : seen,
      // What came along says nothing of which records of the list were known.
      fresh: carried ? carriers : fresh,
      count,
      pages: listPages,
      steady,
      full,
      parked,
      refused,
      parent,
    })
    // What was believed to be unchanged before the lie showed is read once more, and no ETag is believed then.
    if (!misled && (!verdict.again || pass % SECOND_LIST >= PASSES)) {
      // A page where two chains meet was read twice, and so was everything in a second pass.
      const unchanged = Math.max(0, Math.min(tally.unchanged, seen - tally.inserted - tally.updated - parked))
      return {
        ...tally,
        unchanged,
        verdict,
        parked,
        seen,
        expected: shown(total),
        listPages,
        parsedAll,
        transferredAll,
      }
    }
  }
}

const next = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  pass: snapshot.pass + 1,
  chains: null,
  position: null,
})
