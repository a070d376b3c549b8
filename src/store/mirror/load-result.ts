/** What loading a batch did. */
import type { Drift, Row } from './row.ts'

export interface LoadResult {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  /** How many ids the mirror did not hold as living before: new ones, and those marked deleted. */
  readonly fresh: number
  /** Ids of the rows written. */
  readonly written: readonly string[]
  /** Ids of the records that were not written because their rows hold local edits. */
  readonly left: readonly string[]
  /** Ids of the records that lack a member which every record carried before. */
  readonly lacking: readonly string[]
  readonly drift: readonly Drift[]
  /** Records that make no row, and rows that Postgres rejected, with the reason. */
  readonly rejected: readonly Rejected[]
  /** Ids of those that the database rejected: a person can fix that, so each run tries them again. */
  readonly rejectedByDatabase: readonly string[]
}

export type WriteResult = Omit<LoadResult, 'drift' | 'rejected' | 'rejectedByDatabase'> & {
  readonly withheld: readonly Drift[]
  readonly suppressed: readonly Rejected[]
}

export interface Rejected {
  readonly id: string
  readonly reason: string
}

export const NOTHING_WRITTEN = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  fresh: 0,
  written: [],
  left: [],
  lacking: [],
  withheld: [],
}

/** @param unencodable records that make no row. @param written in how many parts the rows were written. */
export function resultOf(
  rows: ReadonlyMap<string, Row>,
  unencodable: readonly Rejected[],
  written: readonly WriteResult[],
): LoadResult {
  const suppressed = written.flatMap((one) => one.suppressed)
  return {
    ...sumResults(written),
    drift: [...[...rows.values()].flatMap((row) => row.drift), ...written.flatMap((one) => one.withheld)],
    rejected: [...unencodable, ...suppressed],
    rejectedByDatabase: suppressed.map(({ id }) => id),
  }
}

/** The sum over batches that were written one after the other. */
function sumResults(batches: readonly WriteResult[]): Omit<WriteResult, 'withheld' | 'suppressed'> {
  const sum = (of: (one: WriteResult) => number): number => batches.reduce((total, one) => total + of(one), 0)
  return {
    inserted: sum((one) => one.inserted),
    updated: sum((one) => one.updated),
    unchanged: sum((one) => one.unchanged),
    fresh: sum((one) => one.fresh),
    written: batches.flatMap((one) => one.written),
    left: batches.flatMap((one) => one.left),
    lacking: batches.flatMap((one) => one.lacking),
  }
}
