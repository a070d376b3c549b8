/** The record of every run, in the same database as the data it speaks of. */
import type { Database, Transaction } from './database.ts'

/** `suspect` is for the sweep: a list that is empty, or much shorter, where it was not. */
export type Outcome = 'ok' | 'incomplete' | 'suspect' | 'forbidden' | 'failed'

export interface ResourceOutcome {
  readonly resource: string
  readonly outcome: Outcome
  readonly startedAt: Date
  readonly expected: number | null
  readonly seen: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly parked: number
  readonly pages: number
  readonly code: string | null
  readonly message: string | null
}

export async function beginRun(sql: Database, run: { kind: string; holder: string; version: string }): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into sync.runs (kind, holder, version) values (${run.kind}, ${run.holder}, ${run.version})
    returning id::int`
  return row!.id
}

export async function recordOutcome(
  sql: Database | Transaction,
  runId: number,
  outcome: ResourceOutcome,
): Promise<void> {
  const row = {
    run_id: runId,
    resource: outcome.resource,
    outcome: outcome.outcome,
    started_at: outcome.startedAt,
    expected: outcome.expected,
    seen: outcome.seen,
    inserted: outcome.inserted,
    updated: outcome.updated,
    unchanged: outcome.unchanged,
    parked: outcome.parked,
    pages: outcome.pages,
    code: outcome.code,
    message: outcome.message,
  }
  await sql`
    insert into sync.run_outcomes ${sql(row)}
    on conflict (run_id, resource) do update set
      outcome = excluded.outcome, finished_at = now(), code = excluded.code, message = excluded.message`
}

/** @param error why the run itself ended early; null when it went through all resources. */
export async function endRun(sql: Database, runId: number, outcome: Outcome, error: string | null): Promise<void> {
  await sql`update sync.runs set finished_at = now(), outcome = ${outcome}, error = ${error} where id = ${runId}`
}
