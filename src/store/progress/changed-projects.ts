/**
 * Changed projects, in sync.changed_parents. Each resource whose records belong to projects reads those of changed projects
 * again, and stores up to which entry it has followed. Every writer of a project adds an entry, whichever read method brought
 * it: once loaded, a project no longer counts as changed for the next read. Only the holder of the projects' lease writes
 * here, so the ids commit in their order.
 */
import { noteProjects } from '../changes/writes.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { isPartlyAccepted } from '../mirror/local-edits.ts'

/** The one resource by whose records others are read. */
export const PARENT_RESOURCE = 'projects'

/** Part of the transaction that writes the rows. One entry a record, so that the table stays small without followers. */
export async function recordChangedParents(
  tx: LeasedTransaction,
  resource: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const noted = arrayLiteral(ids)
  await tx`delete from sync.changed_parents where resource = ${resource} and record_id = any(${noted}::text[])`
  await tx`
    insert into sync.changed_parents (resource, record_id)
    select distinct ${resource}, id from unnest(${noted}::text[]) as id`
}

/**
 * Adds projects whose local edits were pushed: the loaded response may reflect a change of their children, and no later read
 * finds the project changed. The next read does it, since it holds the lease.
 */
export async function recordPushedProjects(tx: LeasedTransaction): Promise<void> {
  // By its name, as the index outbox_unnoted_idx has it.
  const settled = tx`
    resource = 'projects' and (state in ('sent', 'superseded') or ${isPartlyAccepted(tx)}) and record_id not like 'local-%'`
  await recordChangedParents(tx, PARENT_RESOURCE, await noteProjects(tx, settled))
}

export interface ChangedParents {
  readonly ids: readonly string[]
  /** The next value of `followed`, once they are done. */
  readonly upTo: number
  /** How many there are without the limit. */
  readonly left: number
}

/** Up to `limit` changed projects that `child` has not followed yet, oldest first. */
export async function readChangedParents(sql: Database, child: string, limit: number): Promise<ChangedParents> {
  const [row] = await sql<ChangedParents[]>`
    with left_over as materialized (
      select id, record_id from sync.changed_parents
      where resource = ${PARENT_RESOURCE} and id > coalesce((select followed from sync.cursors where resource = ${child}), 0)),
    next as (select id, record_id from left_over order by id limit ${limit})
    select coalesce((select json_agg(record_id) from next), '[]') as ids,
      coalesce((select max(id) from next), 0)::float8 as "upTo",
      (select count(*)::int from left_over) as left`
  return row!
}

export const saveFollowed = (tx: LeasedTransaction, child: string, upTo: number): Promise<void> =>
  moveFollowed(tx, child, tx`${upTo}::bigint`)

/** A complete snapshot covers all entries from before it began, of any process. */
export const followFrom = (tx: LeasedTransaction, child: string, began: Date): Promise<void> =>
  moveFollowed(
    tx,
    child,
    tx`(select coalesce(max(id), 0) from sync.changed_parents where resource = ${PARENT_RESOURCE} and noted_at <= ${began})`,
  )

async function moveFollowed(tx: LeasedTransaction, child: string, upTo: ReturnType<LeasedTransaction>): Promise<void> {
  await tx`
    insert into sync.cursors (resource, followed) values (${child}, ${upTo})
    on conflict (resource) do update set followed = greatest(coalesce(cursors.followed, 0), excluded.followed)`
}

/** Deletes entries that every follower has processed; a resource that was never synced starts with a snapshot. */
export async function pruneChangedParents(sql: Database, followers: readonly string[]): Promise<void> {
  await sql`
    delete from sync.changed_parents
    where resource = ${PARENT_RESOURCE} and id <= (
      select min(coalesce(followed, 0)) from sync.cursors where resource = any(${arrayLiteral(followers)}::text[]))`
}
