/**
 * Brings rows back to what ScopeStack holds whose local edits were parked or discarded. A snapshot does so by itself; a
 * reading of changes does not meet them, since nothing changed there.
 */
import { owedRows } from '../store/edited.ts'
import { createMirror } from '../store/mirror.ts'
import { askerOf } from './ask.ts'
import { load } from './load.ts'
import { openQuestion } from './question.ts'
import { reconnecting } from './reconnect.ts'
import type { SnapshotDeps, SnapshotOptions } from './snapshot.ts'
import { AT_ONCE } from './sweep.ts'

/** What is not found by its address is left for the next snapshot, which may bury it. */
export async function bringBack(
  deps: SnapshotDeps,
  { resource, lease, signal }: SnapshotOptions,
): Promise<{ inserted: number; updated: number }> {
  const { sql, client, slug, concurrency } = deps
  const { type } = resource
  const total = { inserted: 0, updated: 0 }
  const owed = await reconnecting(() => owedRows(sql, type, AT_ONCE), signal)
  if (owed.length === 0) return total
  const { question } = await openQuestion(deps, resource, signal)
  const ask = askerOf({ client, slug, resource, question, signal })
  const loading = { sql, type, lease, mirror: createMirror(resource), signal }
  for (let start = 0; start < owed.length; start += concurrency) {
    const answers = await Promise.all(owed.slice(start, start + concurrency).map(ask))
    const records = answers.flatMap((answer) => (typeof answer === 'string' ? [] : answer))
    const { inserted, updated } = await load(loading, { records, unusable: [] })
    total.inserted += inserted
    total.updated += updated
  }
  return total
}
