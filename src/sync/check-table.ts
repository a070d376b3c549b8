/** Holds a resource's table to what it has to be, before anything is read for it, and says what is wrong when it refuses. */
import type { Resource } from '../catalog/resource.ts'
import { tableUnfit, tableRejected } from '../errors/resources.ts'
import type { Database } from '../store/connection/database.ts'
import { confirmLease, type Lease } from '../store/fleet/leases.ts'
import { clearNextDigests } from '../store/mirror/compare.ts'
import { describeRejection, isRejectedByDatabase } from '../store/mirror/refusals.ts'
import { readCapability, saveCapability } from '../store/progress/capabilities.ts'
import { readTableState } from '../store/schema/table-state.ts'
import { forgetDeclaration } from './list/declared-columns.ts'

const NAME = 'table'

/**
 * A column that was dropped and made anew holds nothing, and one that was of a narrower type for a while holds what fitted
 * it; the digests know of neither. So when the shape has changed since it was read last, every row is to be written again.
 * After a restore into another database it has, too, and its rows are as they were.
 *
 * @returns whether it has to be read whole, as if nothing of it were known.
 * @throws SyncError SYNC_TABLE_UNFIT
 */
export async function checkTable(sql: Database, resource: Resource, lease: Lease): Promise<boolean> {
  const { type, table } = resource
  const { problem, shape, database } = await readTableState(sql, resource)
  if (problem !== null) throw tableUnfit({ table: `scopestack.${table}`, problem })
  const before = (await readCapability(sql, type, NAME))?.value as { shape: string; database: string } | undefined
  if (before?.shape === shape && before.database === database) return false
  const isAnother = before !== undefined && before.database === database
  const forget = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      return await clearNextDigests(tx, resource)
    })
  for (let more = isAnother; more;) more = await forget()
  await sql.begin(async (tx) => {
    await confirmLease(tx, lease)
    await saveCapability(tx, type, NAME, { shape, database })
    if (isAnother) await forgetDeclaration(tx, resource)
  })
  return isAnother
}

/** What Postgres refused, in words that say what mends it; anything else as it is. */
export async function explainTableError(sql: Database, resource: Resource, error: unknown): Promise<unknown> {
  if (!isRejectedByDatabase(error)) return error
  const { table } = resource
  const { problem } = await readTableState(sql, resource)
  if (problem !== null) return tableUnfit({ table: `scopestack.${table}`, problem }, error)
  return tableRejected({ table: `scopestack.${table}`, said: await describeRejection(sql, table, error) }, error)
}
