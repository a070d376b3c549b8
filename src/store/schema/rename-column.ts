/** Renames a column with what has its name: its index, and the column of the living view, which others may be made of. */
import { quote, type Transaction } from '../connection/database.ts'

/** As drizzle calls it, so that a release that declares the column finds it. PostgreSQL cuts it at 63 bytes. */
export const indexName = (table: string, column: string): string => `${table}_${column}_idx`.slice(0, 63)

export async function renameColumn(
  tx: Transaction,
  table: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  await tx.unsafe(`alter table scopestack.${quote(table)} rename column ${quote(from)} to ${quote(to)}`)
  await tx.unsafe(
    `alter index if exists scopestack.${quote(indexName(table, from))} rename to ${quote(indexName(table, to))}`,
  )
  const [live] = await tx`
    select from pg_attribute where attrelid = to_regclass(${`scopestack_live.${quote(table)}`}) and attname = ${from}`
  if (live === undefined) return
  await tx.unsafe(`alter view scopestack_live.${quote(table)} rename column ${quote(from)} to ${quote(to)}`)
}
