/** The record of every run, in the same database as the data. */
import type { ErrorCode } from '../../errors/table.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { storable } from '../values/codec.ts'

/**
 * `suspect`: a list is empty, or much shorter than before · `absent`: an optional resource that ScopeStack does not offer to
 * this account.
 */
export type Outcome = 'ok' | 'absent' | 'incomplete' | 'suspect' | 'forbidden' | 'failed'

/** What was read of a resource, and what became of it in the mirror; `expected` is null where the server counts nothing. */
export interface RecordCounts {
  readonly expected: number | null
  readonly seen: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
  readonly parked: number
  readonly pages: number
}

export const NOTHING_READ: RecordCounts = {
  expected: null,
  seen: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  parked: 0,
  pages: 0,
}

export interface ResourceOutcome extends RecordCounts {
  readonly resource: string
  readonly outcome: Outcome
  /** By a monotonic clock. */
  readonly tookMs: number
  readonly code: ErrorCode | null
  readonly message: string | null
}

export async function beginRun(sql: Database, run: { kind: string; holder: string; version: string }): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into sync.runs (kind, holder, version) values (${run.kind}, ${run.holder}, ${run.version})
    returning id::int`
  return row!.id
}

/** The first outcome stands: a worker that reports later did not do the work. */
export async function recordOutcome(
  sql: Database | Transaction,
  runId: number,
  outcome: ResourceOutcome,
): Promise<void> {
  const { resource, tookMs, expected, seen, inserted, updated, unchanged, deleted, parked, pages, code, message } =
    outcome
  await sql`
    insert into sync.run_outcomes (run_id, resource, outcome, started_at, expected, seen, inserted, updated, unchanged,
      deleted, parked, pages, code, message)
    values (${runId}, ${resource}, ${outcome.outcome}, now() - make_interval(secs => ${tookMs / 1000}), ${expected},
      ${seen}, ${inserted}, ${updated}, ${unchanged}, ${deleted}, ${parked}, ${pages}, ${code},
      -- It may quote the server, which may send anything.
      ${message === null ? null : storable(message)})
    on conflict (run_id, resource) do nothing`
}

/**
 * @param error why the run itself ended early; null when it went through all resources.
 * @returns false when it had ended before.
 */
export async function endRun(
  sql: Database | Transaction,
  runId: number,
  outcome: Outcome,
  error: string | null,
): Promise<boolean> {
  const { count } = await sql`
    update sync.runs set finished_at = now(), outcome = ${outcome}, error = ${error === null ? null : storable(error)}
    where id = ${runId} and finished_at is null`
  return count === 1
}

/** The outcome of a resource in a run; undefined if it has none yet, or is not part of the run. */
export async function outcomeInRun(sql: Database, runId: number, resource: string): Promise<Outcome | undefined> {
  const [row] = await sql<{ outcome: Outcome }[]>`
    select outcome from sync.run_outcomes where run_id = ${runId} and resource = ${resource}`
  return row?.outcome
}

const FROM_BEST: readonly Outcome[] = ['ok', 'forbidden', 'suspect', 'incomplete', 'failed']

/** No person has to look at it. */
export const isSuccess = (outcome: Outcome): boolean => outcome === 'ok' || outcome === 'absent'

/** An absent resource does not affect the outcome of a run. */
export function worstOutcome(outcomes: readonly { readonly outcome: Outcome }[]): Outcome {
  const ranks = outcomes.map(({ outcome }) => (isSuccess(outcome) ? 0 : FROM_BEST.indexOf(outcome)))
  return FROM_BEST[Math.max(0, ...ranks)]!
}
