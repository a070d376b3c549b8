/**
 * A row that was created here has a local id, `local-…`, until ScopeStack's response brings the real one. An application may
 * use the local id later, or in a transaction that commits later: sync.local_ids maps it to the real id, which replaces it
 * when such a change is about to be sent.
 */
import type { Column, Resource } from '../../catalog/resource.ts'
import { dropReference, exchangeId, renameRecord, type Exchange } from '../changes/writes.ts'
import { quote, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { bisect } from '../mirror/bisect.ts'
import { disableCapture, tableOf } from '../schema/capture-triggers.ts'

/** Replaces a local id by the real one: in the row, in rows that refer to it, and in the outbox. */
export async function replaceLocalId(
  tx: Transaction,
  catalog: ReadonlyMap<string, Resource>,
  resource: Resource,
  local: string,
  real: string,
): Promise<void> {
  const exchange = { target: resource.type, local, real }
  const table = tableOf(resource)
  await tx`
    insert into sync.local_ids (resource, local_id, real_id) values (${resource.type}, ${local}, ${real})
    on conflict (resource, local_id) do update set real_id = excluded.real_id, made_at = excluded.made_at`
  // A pull may have loaded the record before the response came.
  await tx.unsafe(`delete from ${table} where id = $2 and exists (select from ${table} where id = $1)`, [local, real])
  await tx.unsafe(`update ${table} set id = $2, sync_hash = '' where id = $1`, [local, real])
  const referring = tx`refs <> '{}' and refs @> array[${refOf(exchange)}]::text[]`
  for (const other of catalog.values()) {
    for (const column of other.columns) {
      const { name, from, target, writable } = column
      if (from === 'to-many' || target !== resource.type) continue
      await tx.unsafe(`update ${tableOf(other)} set ${quote(name)} = $2 where ${quote(name)} = $1`, [local, real])
      if (writable) await exchangeId(tx, column, exchange, tx`resource = ${other.type} and ${referring}`)
    }
  }
  await renameRecord(tx, exchange)
  await dropReference(tx, refOf(exchange), referring)
}

/**
 * Replaces local ids in changes that are about to be sent, and in their rows.
 *
 * @returns ids of the changes that it altered.
 */
export async function resolveLocalIds(tx: Transaction, changes: readonly number[]): Promise<ReadonlySet<number>> {
  const found = await tx<(Exchange & Pick<Column, 'member' | 'from' | 'name'> & Referring)[]>`
    select o.id::float8 as id, o.record_id as "recordId", k.relation, c.name, c.member, c."from",
      l.resource as target, l.local_id as local, l.real_id as real
    from sync.outbox o join sync.captured k on k.type = o.resource
    cross join lateral jsonb_to_recordset(k.columns) as c(name text, member text, "from" text, target text)
    cross join lateral (select case c."from" when 'attribute' then 'attributes' else 'relationships' end as side) as s
    -- OFFSET 0: each is looked up by its key, also when the planner underestimates the table.
    cross join lateral (
      select * from sync.local_ids known where known.resource = c.target and known.local_id in (
        case s.side when 'attributes' then o.attributes else o.relationships end ->> c.member, o.base #>> array[s.side, c.member])
      offset 0) as l
    where o.id = any(${arrayLiteral(changes.map(String))}::bigint[])`
  if (found.length > 0) await disableCapture(tx)
  for (const { id, recordId, relation, name, ...exchange } of found) {
    await exchangeId(tx, exchange, exchange, tx`id = ${id}`)
    await dropReference(tx, refOf(exchange), tx`id = ${id}`)
    // A locked or rejected row is left alone: the response will bring the same value.
    const inRow = (savepoint: Transaction) =>
      savepoint.unsafe(
        `update ${relation} set ${quote(name)} = $3 where id in (
         select id from ${relation} where id = $1 and ${quote(name)} = $2 for update skip locked)`,
        [recordId, exchange.local, exchange.real],
      )
    await bisect<number, unknown>(tx, [id], inRow, () => undefined)
  }
  return new Set(found.map(({ id }) => id))
}

interface Referring {
  readonly id: number
  readonly recordId: string
  readonly relation: string
}

/** `clients/local-…`, as sync.local_refs makes it. */
const refOf = ({ target, local }: Exchange): string => `${target}/${local}`
