/**
 * The migrations of this version, as drizzle-kit writes them: a journal beside them names them in order, and each is a file of
 * statements. Read here and not by drizzle-orm, which would cost every command a third of a second of CPU.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, Transaction } from '../connection/database.ts'

export const MIGRATIONS_FOLDER = join(import.meta.dirname, '../../../migrations')

export interface Migration {
  /** When it was generated: `sync.__drizzle_migrations` knows it by this. */
  readonly createdAt: number
  /** SHA-256 of the file, as drizzle's migrator keeps it. */
  readonly hash: string
  readonly statements: readonly string[]
}

interface Journal {
  readonly entries: readonly { readonly tag: string; readonly when: number }[]
}

const BREAK = '--> statement-breakpoint'

const journal = (): Journal =>
  JSON.parse(readFileSync(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8')) as Journal

export const readMigrations = (): Migration[] =>
  journal().entries.map(({ tag, when }) => {
    const text = readFileSync(join(MIGRATIONS_FOLDER, `${tag}.sql`), 'utf8')
    const hash = createHash('sha256').update(text).digest('hex')
    return { createdAt: when, hash, statements: text.split(BREAK) }
  })

/** When the newest that has run was generated; 0: none has. */
export async function lastMigration(of: Database | Transaction): Promise<number> {
  const [row] = await of<{ at: number | null }[]>`
    select max(created_at)::float8 as at from sync.__drizzle_migrations`
  return row?.at ?? 0
}

/** When the first and the newest were generated. */
export function migrationSpan(): { readonly first: number; readonly newest: number } {
  const times = journal().entries.map(({ when }) => when)
  return { first: Math.min(...times), newest: Math.max(...times) }
}
