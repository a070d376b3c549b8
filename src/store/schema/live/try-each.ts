/** Statements that a start does not wait for, and does not fail of: what cannot be done now is done by the next migration. */
import { codeOf, type Database } from '../../connection/database.ts'

/** @param atOnce first try all in one transaction, which is quick where each statement is. */
export async function tryEach(
  sql: Database,
  statements: readonly string[],
  { atOnce }: { atOnce: boolean },
): Promise<void> {
  if (statements.length === 0) return
  if (atOnce && (await tryOne(sql, statements.join(';')))) return
  for (const statement of statements) await tryOne(sql, statement)
}

/** @returns whether it was done. */
async function tryOne(sql: Database, statement: string): Promise<boolean> {
  try {
    await sql.unsafe(`set local lock_timeout = 300; ${statement}`)
    return true
  } catch (error) {
    if (!isLeftForLater(error)) throw error
    return false
  }
}

/** Whatever Postgres has against it, as a lock of another session, or a limit. A connection that ends is not that. */
const isLeftForLater = (error: unknown): boolean => /^(?!08|57P)[0-9A-Z]{5}$/.test(codeOf(error))
