/** Rebases the queued changes of a record after an earlier one is settled or discarded. */
import type { Resource } from '../../catalog/resource.ts'
import type { Transaction } from '../connection/database.ts'
import { changeColumns, jsonbValue, type Change } from './claim.ts'

export type ChangeBase = Change['base']

/** @param bases of the later changes, in their order. */
export async function rebaseQueued(
  tx: Transaction,
  { type }: Resource,
  { id, recordId }: Pick<Change, 'id' | 'recordId'>,
  bases: (later: readonly Change[]) => readonly ChangeBase[],
): Promise<void> {
  const later = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where o.record_id = ${recordId} and o.resource = ${type} and o.id > ${id} and o.state in ('waiting', 'parked')
    order by o.id for update`
  if (later.length === 0) return
  for (const [index, base] of bases(later).entries()) {
    await tx`update sync.outbox set base = ${jsonbValue(tx, base)} where id = ${later[index]!.id}`
  }
}
