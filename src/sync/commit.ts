/** Writes one batch: its rows, the ids it held and the cursor in one transaction (S1), proved by the lease (S7). */
import type { RemoteRecord } from '../resource.ts'
import { advanceSnapshot } from '../store/cursors.ts'
import { isDataError, type Database, type Transaction } from '../store/database.ts'
import { noteDrift, park, type DriftNote } from '../store/findings.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import type { Loaded, Mirror } from '../store/mirror.ts'
import type { Batch } from './read.ts'
import { reconnecting } from './reconnect.ts'

export interface Tally {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly parked: number
}

export interface Committer {
  commit(batch: Batch, signal: AbortSignal): Promise<Tally>
}

interface Deps {
  readonly sql: Database
  readonly type: string
  readonly lease: Lease
  readonly mirror: Mirror
}

export function createCommitter({ sql, type, lease, mirror }: Deps): Committer {
  /** Drift is noted once a run: a member that is in every record would otherwise cost a statement a page. */
  const noted = new Set<string>()

  async function write(batch: Batch, careful: boolean): Promise<{ tally: Tally; notes: DriftNote[] }> {
    const records = batch.pages.flatMap((page) => page.records)
    return await sql.begin(async (tx: Transaction) => {
      await confirmLease(tx, lease)
      const loaded = await (careful ? mirror.loadOneByOne(tx, records) : mirror.load(tx, records))
      const notes = loaded.drift.filter((note) => !noted.has(keyOf(note))).filter(firstOfItsKey())
      await noteDrift(tx, type, notes)
      const aside = [...batch.pages.flatMap((page) => page.unusable), ...rejectedRecords(loaded, records)]
      await park(
        tx,
        type,
        aside.map(({ id, ...rest }) => ({ recordId: id, ...rest })),
      )
      await advanceSnapshot(tx, type, progressOf(batch))
      const { inserted, updated, unchanged } = loaded
      return { tally: { inserted, updated, unchanged, parked: aside.length }, notes }
    })
  }

  return {
    async commit(batch, signal) {
      // Written twice is written once (S2), so a lost answer to COMMIT needs no other care.
      const { tally, notes } = await reconnecting(() => write(batch, false), signal).catch((error: unknown) => {
        if (!isDataError(error)) throw error
        // One row that Postgres refuses fails the whole statement; row by row, only that one is set aside.
        return reconnecting(() => write(batch, true), signal)
      })
      for (const note of notes) noted.add(keyOf(note))
      return tally
    },
  }
}

function progressOf({ pages, position }: Batch) {
  return {
    nextPage: (pages.at(-1)?.number ?? 0) + 1,
    firstCount: pages[0]?.recordCount ?? null,
    position,
    pages: pages.flatMap(({ number, records, unusable, carriers }) => [
      {
        number,
        // A record set aside was met all the same: it is the mirror that lacks it, not the reading.
        ids: [...records.map(({ id }) => id), ...unusable.flatMap(({ id }) => (id === null ? [] : [id]))],
      },
      ...(carriers === undefined ? [] : [{ number: -number, ids: carriers }]),
    ]),
  }
}

function rejectedRecords(loaded: Loaded, records: readonly RemoteRecord[]) {
  return loaded.rejected.map(({ id, reason: why }) => ({
    id,
    reason: why,
    body: records.findLast((record) => record.id === id) ?? null,
  }))
}

const keyOf = ({ member, kind }: DriftNote): string => `${kind} ${member}`

function firstOfItsKey(): (note: DriftNote) => boolean {
  const met = new Set<string>()
  return (note) => met.size < met.add(keyOf(note)).size
}
