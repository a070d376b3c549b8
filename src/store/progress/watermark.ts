/** The watermark: up to which modification time a resource has been read incrementally. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../connection/database.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import type { CompleteList } from '../mirror/tombstones.ts'

/** The column with the time of a record's last modification, if there is one (API notes §4). */
export const changeColumn = ({ columns }: Resource): string | undefined =>
  columns.find(({ member, kind }) => member === 'updated-at' && kind === 'timestamp')?.name

/** Null until the first complete read. */
export async function readWatermark(sql: Database, resource: string): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`select watermark as at from sync.cursors where resource = ${resource}`
  return row?.at ?? null
}

/** The newest modification time in the table, and a record that has it. */
export async function newestRow(sql: Database, resource: Resource): Promise<{ id: string; at: Date } | undefined> {
  const column = changeColumn(resource)
  if (column === undefined) return undefined
  const [row] = await sql<{ id: string; at: Date }[]>`
    select id, ${sql(column)} as at from scopestack.${sql(resource.table)}
    where sync_deleted_at is null and ${sql(column)} is not null order by 2 desc limit 1`
  return row
}

/**
 * Sets the watermark to the newest modification time in the table, and never past `began`: a record that was modified during
 * the read may not be there yet. It may go back, if the remote's clock was wrong once. A table without any time has no
 * watermark: our clock says nothing about the remote's.
 */
export async function advanceWatermark(
  tx: LeasedTransaction,
  resource: Resource,
  began: Date,
  _proof: CompleteList,
): Promise<void> {
  const column = changeColumn(resource)
  if (column === undefined) return
  await tx`
    update sync.cursors set watermark = (
      select least(max(${tx(column)}), ${began}::timestamptz) from scopestack.${tx(resource.table)}
      where sync_deleted_at is null having max(${tx(column)}) is not null)
    where resource = ${resource.type}`
}

/** The database's clock, which all our times are by. */
export async function databaseTime(sql: Database): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`select now() as at`
  return row!.at
}

/** Records when an incremental read that brought every change began. */
export async function saveChangesAsOf(tx: LeasedTransaction, resource: string, began: Date): Promise<void> {
  await tx`
    update sync.cursors set changes_as_of = greatest(changes_as_of, ${began}::timestamptz) where resource = ${resource}`
}

/** Moves the watermark forward only, after an incremental read that brought every change. */
export async function moveWatermark(
  tx: LeasedTransaction,
  resource: string,
  to: Date,
  _proof: CompleteList,
): Promise<void> {
  await tx`update sync.cursors set watermark = greatest(watermark, ${to}::timestamptz) where resource = ${resource}`
}
