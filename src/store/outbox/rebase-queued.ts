/** Edits that wait behind another one of their record, and what they take for agreed once that one is over. */
import type { Resource } from '../../catalog/resource.ts'
import type { Transaction } from '../connection/database.ts'
import { columns, json, type Change } from './claim.ts'

export type Base = Change['base']

/** @param bases of the later changes, in their order. */
export async function rebaseLater(
  tx: Transaction,
  { type }: Resource,
  { id, recordId }: Pick<Change, 'id' | 'recordId'>,
  bases: (later: readonly Change[]) => readonly Base[],
): Promise<void> {
  const later = await tx<Change[]>`
    select ${columns(tx)} from sync.outbox o
    where o.record_id = ${recordId} and o.resource = ${type} and o.id > ${id} and o.state in ('waiting', 'parked')
    order by o.id for update`
  if (later.length === 0) return
  for (const [index, base] of bases(later).entries()) {
    await tx`update sync.outbox set base = ${json(tx, base)} where id = ${later[index]!.id}`
  }
}
