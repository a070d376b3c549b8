/**
 * Adds, renames and drops columns of mirrored tables under the lease of the resource. ALTER TABLE needs the table for itself, for
 * a few milliseconds; while it waits, all that comes behind it waits, too. So it waits for a tenth of a second at most, and not
 * at all behind a report that is open for an hour: then the next run tries again.
 *
 * A new column has no default, so that PostgreSQL writes no row for it. It is filled afterwards, without a lock (`fill.ts`).
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Resource } from '../../catalog/resource.ts'
import { codeOf, quote, type Transaction } from '../connection/database.ts'
import { arrayLiteral, literal } from '../connection/literals.ts'
import type { Lease, LeasedTransaction } from '../fleet/leases.ts'
import { keepInStep } from '../schema/added-trigger.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import { indexName, renameColumn } from '../schema/rename-column.ts'
import { saveDecisions, type AddedColumn, type NewDecision } from './decisions.ts'

/** Of one try. */
const WAIT_MS = 100
const TRIES = 3

/** The table is used by another session, the role is not its owner, the table has too many columns, a view depends on it. */
const EXPECTED = /^(55P03|42501|54011|54000|2BP01|42701)$/

/**
 * Changes the table in one short transaction.
 *
 * @returns null when it is done; else why PostgreSQL did not let it, which is no failure.
 */
export async function alterTable(
  lease: Lease,
  act: (tx: Transaction) => Promise<void>,
): Promise<{ readonly code: string; readonly message: string } | null> {
  for (let attempt = 1; ; attempt++) {
    const refused = await lease.transaction(async (tx) => await inSavepoint(tx, act))
    if (refused?.code !== '55P03' || attempt === TRIES) return refused
    // Readers that have come meanwhile are served first.
    await delay(WAIT_MS * attempt)
  }
}

/** The error would end the transaction, and `withDbRetry` would take it for a limit that passes. */
async function inSavepoint(tx: LeasedTransaction, act: (tx: Transaction) => Promise<void>) {
  try {
    await tx.savepoint(async (own) => {
      await own`select set_config('lock_timeout', ${`${WAIT_MS}ms`}, true)`
      await act(own)
    })
    return null
  } catch (error) {
    const code = codeOf(error)
    if (!EXPECTED.test(code)) throw error
    return { code, message: (error as Error).message }
  }
}

export type NewColumn = NewDecision & Pick<AddedColumn, 'part' | 'column' | 'kind'> & { readonly comment: string }

/** Of one resource, all in one statement. */
export async function addColumns(tx: Transaction, resource: Resource, columns: readonly NewColumn[]): Promise<void> {
  const table = tableOf(resource)
  const added = columns.map(({ column, kind }) => `add column ${quote(column)} ${SQL_TYPE[kind]}`)
  await tx.unsafe(`alter table ${table} ${added.join(', ')}`)
  const comments = columns.map(
    ({ column, comment }) => `comment on column ${table}.${quote(column)} is ${literal(comment)}`,
  )
  await tx.unsafe(comments.join(';\n'))
  await saveDecisions(tx, resource.type, columns)
  // From here on they are reported as columns, and not as undeclared.
  await tx`
    delete from sync.drift where resource = ${resource.type} and kind = 'undeclared'
      and member = any(${arrayLiteral(columns.map(({ member }) => member))}::text[])`
  await keepInStep(tx, resource)
}

/** @param becomes what the member is without the column. */
export async function dropColumn(
  tx: Transaction,
  resource: Resource,
  { member, column }: AddedColumn,
  becomes: Pick<NewDecision, 'state' | 'reason'> & { readonly decidedBy: string },
): Promise<void> {
  // Of a view that is read just now nothing is released, and PostgreSQL refuses what comes next.
  await tx`select from sync.release_live_columns(${resource.table}, ${arrayLiteral([column])}::text[])`
  await tx.unsafe(`alter table ${tableOf(resource)} drop column ${quote(column)}`)
  await tx`
    update sync.columns set state = ${becomes.state}, reason = ${becomes.reason}, decided_by = ${becomes.decidedBy},
      decided_at = now(), column_name = null, kind = null, pinned = false, filled_at = null
    where resource = ${resource.type} and member = ${member}`
  await keepInStep(tx, resource, [column])
}

export async function renameAdded(
  tx: Transaction,
  resource: Resource,
  { member, column }: AddedColumn,
  { name, by }: { readonly name: string; readonly by: string },
): Promise<void> {
  await renameColumn(tx, resource.table, { from: column, to: name })
  await tx`
    update sync.columns set column_name = ${name}, decided_by = ${by}, decided_at = now()
    where resource = ${resource.type} and member = ${member}`
  await keepInStep(tx, resource, [column])
}

/** A column of another type beside the one there is; what an earlier try has left is used. */
export async function prepareRetyped(
  tx: Transaction,
  resource: Resource,
  { column, kind }: AddedColumn,
): Promise<void> {
  const table = tableOf(resource)
  await tx.unsafe(`alter table ${table} drop column if exists ${quote(column)}`)
  await tx.unsafe(`alter table ${table} add column ${quote(column)} ${SQL_TYPE[kind]}`)
}

export interface Retyping {
  readonly from: AddedColumn
  readonly to: AddedColumn
}

/** The one takes the other's place. */
export async function finishRetyped(
  tx: Transaction,
  resource: Resource,
  { from, to }: Retyping,
  by: string,
): Promise<void> {
  const table = tableOf(resource)
  const [held] = await tx<{ comment: string | null }[]>`
    select col_description(attrelid, attnum) as comment from pg_attribute
    where attrelid = ${table}::regclass and attname = ${from.column}`
  await tx`select from sync.release_live_columns(${resource.table}, ${arrayLiteral([from.column, to.column])}::text[])`
  await tx.unsafe(`alter table ${table} drop column ${quote(from.column)}`)
  await tx.unsafe(`alter table ${table} rename column ${quote(to.column)} to ${quote(from.column)}`)
  if (typeof held?.comment === 'string') {
    await tx.unsafe(`comment on column ${table}.${quote(from.column)} is ${literal(held.comment)}`)
  }
  await tx`
    update sync.columns set kind = ${to.kind}, decided_by = ${by}, decided_at = now()
    where resource = ${resource.type} and member = ${from.member}`
  await keepInStep(tx, resource)
}

/** A to-one is joined by its id, as a declared one is. @param indexes the names of those that are there. */
export async function indexColumns(lease: Lease, resource: Resource, columns: readonly string[]): Promise<void> {
  for (const column of columns) {
    // SHARE keeps edits waiting while it is built, and no reader; nor does it wait for one.
    await alterTable(lease, async (tx) => {
      await tx.unsafe(
        `create index if not exists ${quote(indexName(resource.table, column))} on ${tableOf(resource)} (${quote(column)})`,
      )
    })
  }
}

export const tableOf = ({ table }: Resource): string => `scopestack.${quote(table)}`
