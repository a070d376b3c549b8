/** The functions of schema sync as this version's migrations made them, held against those that stand in the database. */
import type { Database } from '../connection/database.ts'
import { migrationSpan, readMigrations } from './migration-files.ts'

interface Made {
  readonly body: string
  /** Its definition, and what was altered of it since, in order. */
  readonly statements: readonly string[]
}

export interface Functions {
  /** Missing, or with another body. Empty where the schema is of another version: it may have others. */
  readonly wrong: ReadonlySet<string>
  readonly made: ReadonlyMap<string, Made>
}

const NAMED = /^(CREATE FUNCTION|CREATE OR REPLACE FUNCTION|ALTER FUNCTION|DROP FUNCTION) sync\.([a-z_]+)/m

export async function readFunctions(sql: Database): Promise<Functions> {
  const [books] = await sql<
    { at: number | null }[]
  >`select max(created_at)::float8 as at from sync.__drizzle_migrations`
  if (books?.at !== migrationSpan().newest) return { wrong: new Set(), made: new Map() }
  const made = new Map<string, Made>()
  for (const statement of readMigrations().flatMap(({ statements }) => statements)) {
    const [, verb, name] = NAMED.exec(statement) ?? []
    if (verb === undefined || name === undefined) continue
    if (verb === 'DROP FUNCTION') made.delete(name)
    else if (verb === 'ALTER FUNCTION') {
      const before = made.get(name)
      if (before !== undefined) made.set(name, { ...before, statements: [...before.statements, statement] })
    } else {
      const [begin, end] = [statement.indexOf('$$'), statement.lastIndexOf('$$')]
      // Without a text of its own it is bound to what it calls, and cannot be compared.
      if (begin < end)
        made.set(name, {
          body: statement.slice(begin + 2, end),
          statements: [statement.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION')],
        })
    }
  }
  const held = await sql<{ name: string; body: string }[]>`
    select p.proname as name, p.prosrc as body from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'sync'`
  const bodies = new Map(held.map(({ name, body }) => [name, body]))
  return { wrong: new Set([...made].flatMap(([name, { body }]) => (bodies.get(name) === body ? [] : [name]))), made }
}

/** As they were made. One that was dropped is nobody's to call, as all of them are. */
export async function restoreFunctions(sql: Database): Promise<void> {
  const { wrong, made } = await readFunctions(sql)
  if (wrong.size === 0) return
  await sql.begin(async (tx) => {
    for (const name of wrong) {
      const [there] =
        await tx`select from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'sync' and p.proname = ${name}`
      for (const statement of made.get(name)!.statements) await tx.unsafe(statement)
      if (there === undefined && !OPEN.has(name)) await tx.unsafe(`revoke execute on function sync.${name} from public`)
    }
  })
}

/** Those that everybody may call, for what they do with nobody's rights but their caller's. */
const OPEN: ReadonlySet<string> = new Set(['may_be_sent', 'local_refs', 'user_defined_values_of'])
