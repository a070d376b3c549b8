/** `COMMENT ON` statements for the mirror, from the catalog: analysts read them in their tools. */
import type { Resource } from '../../catalog/resource.ts'
import { quote } from '../connection/database.ts'
import { SYNC_COLUMNS } from './columns.ts'

/**
 * @param existing `table` and `table.column` to the present comment. Equal comments are skipped, since each COMMENT takes a lock
 *   that readers would wait behind.
 */
export function commentStatements(resources: readonly Resource[], existing: ReadonlyMap<string, string>): string[] {
  const statements: string[] = []
  const want = (name: string, target: string, comment: string): void => {
    if (existing.get(name) !== comment) statements.push(`comment on ${target} is '${comment.replaceAll("'", "''")}'`)
  }
  for (const { table, comment, columns } of resources) {
    const column = (name: string, text: string): void =>
      want(`${table}.${name}`, `column scopestack.${quote(table)}.${quote(name)}`, text)
    want(table, `table scopestack.${quote(table)}`, comment)
    column('id', 'Id of the record in ScopeStack.')
    for (const { name, comment: text } of columns) column(name, text)
    for (const [name, text] of Object.entries(SYNC_COLUMNS)) column(name, text)
  }
  return statements
}
