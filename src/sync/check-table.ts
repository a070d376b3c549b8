/** Checks a resource's table before anything is read for it, and explains what is wrong when it rejects rows. */
import type { Resource } from '../catalog/resource.ts'
import { tableUnfit, tableRejected } from '../errors/resources.ts'
import type { Database } from '../store/connection/database.ts'
import type { Lease } from '../store/fleet/leases.ts'
import { clearNextDigests } from '../store/mirror/compare.ts'
import { describeRejection, isRejectedByDatabase } from '../store/mirror/rejections.ts'
import { closeEmptySnapshot } from '../store/progress/checkpoint.ts'
import type { Capabilities } from '../store/progress/known.ts'
import { readTableState } from '../store/schema/table-state.ts'
import { forgetDeclaration } from './list/declared-columns.ts'

const NAME = 'table'

/**
 * A column that was dropped and added again is empty, and one that had a narrower type for a while holds cut values; the
 * digests show neither. So when the table's shape has changed since the last read, every row is written again. A restore
 * into another database changes the shape, too, but its rows are intact.
 *
 * @returns whether a full read is needed, as if nothing had been read.
 * @throws SyncError SYNC_TABLE_UNFIT
 */
export async function checkTable(
  sql: Database,
  resource: Resource,
  lease: Lease,
  capabilities: Capabilities,
): Promise<boolean> {
  const { table } = resource
  const { problem, shape, database } = await readTableState(sql, resource)
  if (problem !== null) throw tableUnfit({ table: `scopestack.${table}`, problem })
  const before = capabilities.get(NAME)?.value as { shape: string; database: string } | undefined
  if (before?.shape === shape && before.database === database) return false
  const isAnother = before !== undefined && before.database === database
  if (isAnother) await writeAllAgain(resource, lease, capabilities)
  // Last: until then, the next run finds that the shape has changed.
  await capabilities.save(NAME, { shape, database })
  return isAnother
}

/** The next read is a full one, and writes every row, whatever its digest says. */
export async function writeAllAgain(resource: Resource, lease: Lease, capabilities: Capabilities): Promise<void> {
  for (let more = true; more;) more = await lease.transaction((tx) => clearNextDigests(tx, resource))
  // An interrupted snapshot would not read its first pages again.
  await lease.transaction((tx) => closeEmptySnapshot(tx, resource.type, true))
  await forgetDeclaration(capabilities)
}

/** What Postgres refused, in words that say what helps; anything else as it is. */
export async function explainTableError(sql: Database, resource: Resource, error: unknown): Promise<unknown> {
  if (!isRejectedByDatabase(error)) return error
  const { table } = resource
  const { problem } = await readTableState(sql, resource)
  if (problem !== null) return tableUnfit({ table: `scopestack.${table}`, problem }, error)
  return tableRejected({ table: `scopestack.${table}`, said: await describeRejection(sql, table, error) }, error)
}
