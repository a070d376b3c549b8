/**
 * Projects that changed. What belongs to them is read again by its own resource, which remembers how far it has followed.
 * Whoever writes a project notes it here, by whatever way it came: a change that one reading has loaded is none any more to
 * the next. Only the holder of the projects' lease writes here, so the ids commit in their order.
 */
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isPartlyAccepted } from '../mirror/local-edits.ts'

/** The one resource whose records others are read by. */
export const PARENT_RESOURCE = 'projects'

/** In the transaction that writes the rows. One note a record, so that they stay few however long nobody follows. */
export async function recordChangedParents(tx: Transaction, resource: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const noted = arrayLiteral(ids)
  await tx`delete from sync.changed_parents where resource = ${resource} and record_id = any(${noted}::text[])`
  await tx`
    insert into sync.changed_parents (resource, record_id)
    select distinct ${resource}, id from unnest(${noted}::text[]) as id`
}

/**
 * Projects that were written from here: the answer that was loaded may tell of a change below them, and no reading will
 * find that anything changed. Noted by the next reading, which holds the lease.
 */
export async function recordPushedProjects(tx: Transaction): Promise<void> {
  const settled = await tx<{ id: string }[]>`
    update sync.outbox set noted_at = now()
    -- By its name, as the index outbox_unnoted_idx has it.
    where resource = 'projects' and (state in ('sent', 'superseded') or ${isPartlyAccepted(tx)}) and noted_at is null
      and record_id not like 'local-%'
    returning record_id as id`
  await recordChangedParents(
    tx,
    PARENT_RESOURCE,
    settled.map(({ id }) => id),
  )
}

export interface ChangedParents {
  readonly ids: readonly string[]
  /** What `followed` becomes when they are done. */
  readonly upTo: number
  /** How many there are with those behind the limit. */
  readonly left: number
}

/** Up to `limit` projects that changed and were not followed yet by `child`, oldest first. */
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

export async function saveFollowed(tx: Transaction, child: string, upTo: number): Promise<void> {
  await tx`
    insert into sync.cursors (resource, followed) values (${child}, ${upTo})
    on conflict (resource) do update set followed = greatest(coalesce(cursors.followed, 0), excluded.followed)`
}

/** A whole snapshot need not follow what was noted before it began, in whichever process that was. */
export async function followFrom(tx: Transaction, child: string, began: Date): Promise<void> {
  const [row] = await tx<{ id: number }[]>`
    select coalesce(max(id), 0)::float8 as id from sync.changed_parents
    where resource = ${PARENT_RESOURCE} and noted_at <= ${began}`
  await saveFollowed(tx, child, row!.id)
}

/** What everybody has followed. Who never began to read has nothing to catch up with. */
export async function pruneChangedParents(sql: Database, followers: readonly string[]): Promise<void> {
  await sql`
    delete from sync.changed_parents
    where resource = ${PARENT_RESOURCE} and id <= (
      select min(coalesce(followed, 0)) from sync.cursors where resource = any(${arrayLiteral(followers)}::text[]))`
}
