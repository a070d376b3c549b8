/**
 * What follows the columns of a table: the relations of its keys, the living views, and the view of its versions. After every change
 * of an added column.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../connection/database.ts'
import { showHistory } from '../schema/history.ts'
import { refreshLiveViews } from '../schema/live/live-views.ts'
import { recordRelations } from '../schema/live/relations.ts'

/** A view that a report reads just now follows at the next migration or change. @param resource with all its columns. */
export async function followColumns(sql: Database, resource: Resource): Promise<void> {
  await recordRelations(sql, [{ ...resource, columns: resource.added }])
  await refreshLiveViews(sql, resource.table)
  await showHistory(sql, resource.table)
}
