/** What the outbox knows of other creates, for the search of one whose response was lost. */
import type { Resource } from '../../catalog/resource.ts'
import type { Change } from '../changes/change.ts'
import { jsonbValue } from '../changes/writes.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { tableOf } from '../schema/capture-triggers.ts'

/** Those of `ids` that belong to another create of ours. */
export async function idsOfOtherCreates(
  sql: Database,
  { id: own, resource }: Change,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    select answer_id as id from sync.outbox
    where op = 'create' and resource = ${resource} and answer_id = any(${arrayLiteral(ids)}::text[]) and id <> ${own}`
  return new Set(rows.map(({ id }) => id))
}

/** The mirror had the record before the create was sent. A row written since then may be the created record, read by a pull. */
export async function wasMirroredBefore(
  sql: Database,
  resource: Resource,
  { id }: Change,
  made: string,
): Promise<boolean> {
  const [known] = await sql.unsafe(
    `select from sync.outbox o join ${tableOf(resource)} m on m.id = $2 where o.id = $1 and m.sync_changed_at < o.requested_at`,
    [id, made],
  )
  return known !== undefined
}

/**
 * Whether another create with the same key may be arriving now, so that the two cannot be told apart; of two that are looked
 * for at once, the older is first. A missing member and an empty text count as null, as in ScopeStack.
 *
 * @param batch ids of the changes that are being sent together.
 */
export async function hasConcurrentTwin(
  sql: Database,
  { id, resource }: Change,
  key: Readonly<Record<string, unknown>>,
  batch: readonly number[],
): Promise<boolean> {
  const [twin] = await sql`
    select from sync.outbox o
    where id = any(${`{${batch.join(',')}}`}::bigint[]) and resource = ${resource} and op = 'create' and id <> ${id}
      and (state = 'in_flight' or state in ('lost', 'accepted') and id < ${id} and not coalesce(not_before > now(), false))
      and not exists (
        select from jsonb_each(${jsonbValue(sql, key)}) as k
        where coalesce(nullif((o.attributes || o.relationships) -> k.key, '""'), 'null')
          <> coalesce(nullif(k.value, '""'), 'null'))`
  return twin !== undefined
}
