/** How far incremental reading has come. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'

/** The column that tells when a record last changed, where there is one (API notes §4). */
export const changeColumn = ({ columns }: Resource): string | undefined =>
  columns.find(({ member, kind }) => member === 'updated-at' && kind === 'timestamp')?.name

/** Null until the resource was read whole once. */
export async function readWatermark(sql: Database, resource: string): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`select watermark as at from sync.cursors where resource = ${resource}`
  return row?.at ?? null
}

/** The newest change time the table holds, and one record that has it. */
export async function newestRow(sql: Database, resource: Resource): Promise<{ id: string; at: Date } | undefined> {
  const column = changeColumn(resource)
  if (column === undefined) return undefined
  const [row] = await sql<{ id: string; at: Date }[]>`
    select id, ${sql(column)} as at from scopestack.${sql(resource.table)}
    where sync_deleted_at is null and ${sql(column)} is not null order by 2 desc limit 1`
  return row
}

/**
 * To the newest change the table holds, and never past `began`: a change that was made while we read may not be there
 * yet. Going back is right too, when the remote's clock was wrong once. Of a table that holds no time there is none: our
 * clock says nothing of the remote's.
 */
export async function advanceWatermark(tx: Transaction, resource: Resource, began: Date): Promise<void> {
  const column = changeColumn(resource)
  if (column === undefined) return
  await tx`
    update sync.cursors set watermark = (
      select least(max(${tx(column)}), ${began}::timestamptz) from scopestack.${tx(resource.table)}
      where sync_deleted_at is null having max(${tx(column)}) is not null)
    where resource = ${resource.type}`
}

/** The clock that every time of ours is by. */
export async function databaseTime(sql: Database): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`select now() as at`
  return row!.at
}

/** When a reading of changes that held all there were began. */
export async function saveChangesAsOf(tx: Transaction, resource: string, began: Date): Promise<void> {
  await tx`
    update sync.cursors set changes_as_of = greatest(changes_as_of, ${began}::timestamptz) where resource = ${resource}`
}

/** Forward only, after a reading that held every change. */
export async function moveWatermark(tx: Transaction, resource: string, to: Date): Promise<void> {
  await tx`update sync.cursors set watermark = greatest(watermark, ${to}::timestamptz) where resource = ${resource}`
}
