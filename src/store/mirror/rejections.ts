/**
 * What it means when Postgres rejects a statement on a mirrored table. Analysts and integrators may change these tables: a
 * trigger, a constraint, a type or a privilege of theirs can reject one row, or all of them.
 */
import type { Resource } from '../../catalog/resource.ts'
import { codeOf, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

/** The fields of a server error, as the driver passes them on. */
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
 * Errors that are not about the values: connections, authentication, the transaction's state, lost races, resources, shutdown,
 * a changed role, locks that were not obtained, damaged files.
 */
const OTHERWISE = /^(08...|25(?!P02)...|28...|3D...|40...|53...|55006|55P0[34]|57...|58...|F0...|XX00[12])$/

/**
 * True when the server rejected the statement for its content: values, a constraint, a trigger, the table's structure, a
 * privilege. An error raised by a function counts in any class: `exec_stmt_raise` is PL/pgSQL's RAISE.
 *
 * 25P02, a failed transaction, is all that shows of the error of a COPY.
 */
export function isRejectedByDatabase(error: unknown): error is Error & DatabaseRejection {
  const code = codeOf(error)
  if (!/^[0-9A-Z]{5}$/.test(code) || !(error instanceof Error) || !('severity' in error)) return false
  return !OTHERWISE.test(code) || ('routine' in error && error.routine === 'exec_stmt_raise')
}

/** Undefined column or table, no right, wrong kind of table, generated column, no replica identity, not supported. */
const OF_THE_TABLE = /^(42...|428C9|55000|0A000)$/

/** True when every row of the table would fail. The failure of a foreign function may depend on the row. */
export const isTableFault = (error: unknown, { columns, added }: Resource): boolean =>
  isRejectedByDatabase(error) &&
  !/function /.test(error.where ?? '') &&
  (OF_THE_TABLE.test(error.code) ||
    // A foreign NOT NULL column: no row of ours has a value for it.
    (error.code === '23502' &&
      error.column_name !== undefined &&
      !OURS.test(error.column_name) &&
      ![...columns, ...added].some(({ name }) => name === error.column_name)))

const OURS = /^(id|sync_(extra|hash|changed_at|deleted_at))$/

/** The server's message, with the functions, triggers and constraints that it names. */
export async function describeRejection(
  sql: Database | Transaction,
  table: string,
  { message, detail, where, constraint_name: constraint }: DatabaseRejection,
): Promise<string> {
  const text = `${message.replace(/\.$/, '')}${detail === undefined ? '' : `: ${detail.replace(/\.$/, '')}`}.`
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
  if (constraint !== undefined && !text.includes(constraint)) by.push(`constraint ${constraint}`)
  return by.length === 0 ? text : `${text} It is ${by.join(', ')} of scopestack.${table} that refuses it.`
}
