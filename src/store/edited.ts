/** Which mirrored rows hold local edits, as a load must know. */
import type { Transaction } from './database.ts'

/**
 * Ids whose edits are on their way, or were settled since the pull under way began: what it read may be older than that.
 * It began when its lease was taken; the row is at least as new as that, which is what a snapshot promises.
 *
 * @param ids as an array literal.
 */
export async function editedRows(tx: Transaction, type: string, ids: string): Promise<ReadonlySet<string>> {
  const rows = await tx<{ id: string }[]>`
    select distinct record_id as id from sync.outbox
    where resource = ${type} and record_id = any(${ids}::text[]) and (state in ('waiting', 'sending') or
      (state in ('sent', 'superseded') and settled_at > (
        select acquired_at from sync.leases where resource = ${type} and expires_at > now())))`
  return new Set(rows.map(({ id }) => id))
}

/** Rows with parked changes show what ScopeStack holds from now on. */
export async function noteReturns(tx: Transaction, type: string, ids: string): Promise<void> {
  await tx`
    update sync.outbox set returned_at = now()
    where state = 'parked' and resource = ${type} and record_id = any(${ids}::text[]) and returned_at is null
      and op <> 'create'`
}
