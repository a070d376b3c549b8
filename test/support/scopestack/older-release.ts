/** A database and a declaration as an older release had them: without some members, which the account sends all the same. */
import type { Resource } from '../../../src/catalog/resource.ts'
import { quote } from '../../../src/store/connection/database.ts'
import { arrayLiteral } from '../../../src/store/connection/literals.ts'
import { recordDeclaredColumns } from '../../../src/store/schema/capture-triggers.ts'
import { SQL_TYPE } from '../../../src/store/schema/columns.ts'
import { runMigrations } from '../../../src/store/schema/migrate.ts'
import { forgetDeclaredColumns, forgetReads } from '../tables/columns.ts'
import type { TestWorker } from './worker.ts'

/** Takes the columns from the table, and the members from the declaration. What is asked of ScopeStack stays. */
export async function hideMembers(
  { sql, catalog }: TestWorker,
  type: string,
  members: readonly string[],
): Promise<Resource> {
  const resource = catalog.get(type)!
  const hidden = resource.columns.filter(({ member }) => members.includes(member))
  if (hidden.length !== members.length) throw new Error(`Not all of ${members.join()} are members of ${type}.`)
  const drops = hidden.map(({ name }) => `drop column ${quote(name)} cascade`).join(', ')
  await sql.unsafe(`alter table scopestack.${quote(resource.table)} ${drops}`)
  await forgetDeclaredColumns(sql, type, arrayLiteral(hidden.map(({ name }) => name)))
  return { ...resource, columns: resource.columns.filter((column) => !hidden.includes(column)) }
}

/** Gives back what `hideMembers` took, as the migration of a later release that declares it. */
export async function migrateTo({ sql }: TestWorker, resource: Resource, members: readonly string[]): Promise<void> {
  const statements = resource.columns
    .filter(({ member }) => members.includes(member))
    .flatMap(({ name, kind, from }) => [
      `ALTER TABLE "scopestack"."${resource.table}" ADD COLUMN "${name}" ${SQL_TYPE[kind]};`,
      ...(from === 'to-one'
        ? [`CREATE INDEX "${resource.table}_${name}_idx" ON "scopestack"."${resource.table}" USING btree ("${name}");`]
        : []),
    ])
  const migration = { createdAt: Date.now() + 1e9, hash: 'later', statements }
  const release = { migrations: () => [migration], catalog: new Map([[resource.type, resource]]) }
  await sql.begin((tx) => runMigrations(tx, async (statement) => void (await tx.unsafe(statement)), release))
  await recordDeclaredColumns(sql, [resource])
}

/** As before the first run of a resource. */
export async function emptyResource({ sql, catalog }: TestWorker, type: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`delete from scopestack.${tx(catalog.get(type)!.table)}`
    await forgetReads(tx, type)
  })
}
