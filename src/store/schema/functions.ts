/** Compares the functions of schema sync in the database with those of this version's migrations, and restores them. */
import type { Database, Transaction } from '../connection/database.ts'
import type { ChangeTables } from './ddl.ts'
import { lastMigration, migrationSpan, readMigrations } from './migration-files.ts'

interface Made {
  readonly body: string
  /** Its definition and later alterations, in order. */
  readonly statements: readonly string[]
}

export interface Functions {
  /** Missing functions, and those with another body. Empty if the schema is of another version, which may have others. */
  readonly wrong: ReadonlySet<string>
  readonly made: ReadonlyMap<string, Made>
}

const NAMED = /^(CREATE FUNCTION|CREATE OR REPLACE FUNCTION|ALTER FUNCTION|DROP FUNCTION) sync\.([a-z_]+)/m
const BODY = /\bAS (\$\w*\$)([^]*)\1/

export async function readFunctions(sql: Database | Transaction): Promise<Functions> {
  if ((await lastMigration(sql)) !== migrationSpan().newest) return { wrong: new Set(), made: new Map() }
  const made = new Map<string, Made>()
  for (const statement of readMigrations().flatMap(({ statements }) => statements)) {
    const [, verb, name] = NAMED.exec(statement) ?? []
    if (verb === undefined || name === undefined) continue
    if (verb === 'DROP FUNCTION') made.delete(name)
    else if (verb === 'ALTER FUNCTION') {
      const before = made.get(name)
      if (before !== undefined) made.set(name, { ...before, statements: [...before.statements, statement] })
    } else {
      // Postgres keeps no text of a SQL-standard body.
      const body = BODY.exec(statement)?.[2] ?? ''
      made.set(name, { body, statements: [statement.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION')] })
    }
  }
  const held = await sql<{ name: string; body: string }[]>`
    select p.proname as name, p.prosrc as body from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'sync'`
  const bodies = new Map(held.map(({ name, body }) => [name, body]))
  return { wrong: new Set([...made].flatMap(([name, { body }]) => (bodies.get(name) === body ? [] : [name]))), made }
}

/** Restores them as created. A dropped function loses its grants, so PUBLIC is revoked again. */
export async function restoreFunctions(sql: Database, change: ChangeTables): Promise<void> {
  if ((await readFunctions(sql)).wrong.size === 0) return
  await change(async (tx) => {
    // Another process may have restored them meanwhile.
    const { wrong, made } = await readFunctions(tx)
    for (const name of wrong) {
      const [there] =
        await tx`select from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'sync' and p.proname = ${name}`
      for (const statement of made.get(name)!.statements) await tx.unsafe(statement)
      if (there === undefined && !OPEN.has(name)) await tx.unsafe(`revoke execute on function sync.${name} from public`)
    }
  })
}

/** Functions that PUBLIC may call: they run with the rights of the caller. */
const OPEN: ReadonlySet<string> = new Set([
  'may_be_sent',
  'blocker_of',
  'local_refs',
  'user_defined_values_of',
  'is_day',
  'column_text',
  'column_texts',
  'lines_by_catalog_service',
  'lines_by_line_of_business',
  'lines_by_location',
  'lines_by_phase',
  'lines_by_resource',
  'lines_by_resource_and_status',
  'lines_by_service',
  'project_versions',
  'recorded_projects',
])
