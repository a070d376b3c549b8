/**
 * What it means that Postgres refuses a statement over a mirrored table. The tables belong to analysts and integrators as
 * well: a trigger, a constraint, a type or a right of theirs may refuse one row, or all of them.
 */
import type { Resource } from '../../catalog/resource.ts'
import { codeOf, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

/** What the server tells of an error, as the driver passes it on. */
export interface DatabaseRejection {
  readonly code: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
  readonly routine?: string
  readonly schema_name?: string
  readonly table_name?: string
  readonly column_name?: string
  readonly constraint_name?: string
}

/**
 * Not about what was to be written: connections, logging in, the transaction's own state, lost races, resources, shutting
 * down, a role that changed, locks that were not had, damaged files.
 */
const OTHERWISE = /^(08...|25(?!P02)...|28...|3D...|40...|53...|55006|55P0[34]|57...|58...|F0...|XX00[12])$/

/**
 * True when the server refused the statement for what it says: its values, a constraint, a trigger, the table's shape, a
 * right. Whatever a function raises is that, in any class: `exec_stmt_raise` is PL/pgSQL's RAISE.
 *
 * 25P02, a transaction that has failed, is what is left to see of the error of a COPY.
 */
export function isRejectedByDatabase(error: unknown): error is Error & DatabaseRejection {
  const code = codeOf(error)
  if (!/^[0-9A-Z]{5}$/.test(code) || !(error instanceof Error) || !('severity' in error)) return false
  return !OTHERWISE.test(code) || ('routine' in error && error.routine === 'exec_stmt_raise')
}

/** Undefined column or table, no right, wrong kind of table, generated column, no replica identity, not supported. */
const OF_THE_TABLE = /^(42...|428C9|55000|0A000)$/

/** True when no row of the table would fare better; what a function of somebody's own fails with may depend on the row. */
export const isTableFault = (error: unknown, { columns }: Resource): boolean =>
  isRejectedByDatabase(error) &&
  !/function /.test(error.where ?? '') &&
  (OF_THE_TABLE.test(error.code) ||
    // A column of somebody's own that must hold something: no row of ours gives it any.
    (error.code === '23502' &&
      error.column_name !== undefined &&
      !OURS.test(error.column_name) &&
      !columns.some(({ name }) => name === error.column_name)))

const OURS = /^(id|sync_(extra|hash|changed_at|deleted_at))$/

/** What was said, with what said it. */
export async function describeRejection(
  sql: Database | Transaction,
  table: string,
  { message, detail, where, constraint_name: constraint }: DatabaseRejection,
): Promise<string> {
  const said = `${message.replace(/\.$/, '')}${detail === undefined ? '' : `: ${detail.replace(/\.$/, '')}`}.`
  const functions = [...(where ?? '').matchAll(/function ([^\s(]+)\(/g)].map(([, name]) => name!)
  const triggers =
    functions.length === 0
      ? []
      : await sql<{ name: string }[]>`
          select t.tgname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
          join pg_namespace n on n.oid = c.relnamespace join pg_proc p on p.oid = t.tgfoid
          join pg_namespace s on s.oid = p.pronamespace
          where n.nspname = 'scopestack' and c.relname = ${table} and not t.tgisinternal
            and array[p.proname::text, s.nspname || '.' || p.proname] && ${arrayLiteral(functions)}::text[]
          order by 1`
  const by = triggers.map(({ name }) => `trigger ${name}`)
  if (constraint !== undefined && !said.includes(constraint)) by.push(`constraint ${constraint}`)
  return by.length === 0 ? said : `${said} It is ${by.join(', ')} of scopestack.${table} that refuses it.`
}
