/**
 * A release declares a member that has become a column by itself. Its migration says `ADD COLUMN`, which would fail where the
 * column is there, or make a second one. The release takes the column over, whatever its name and type:
 *
 *   same type, same name       nothing is to be done
 *   same type, another name    the column is renamed, with its index
 *   another type               it is given a name that is free, the declared column is added, and filled from it
 *   pinned by a person         likewise: it stays as it is, under its name where that is free, beside the declared one
 *
 * Views of users refer to a column and not to its name, so they stay, and show what they showed: a column that a view depends on
 * stays beside the declared one and is kept up to date with it. One that nothing depends on goes once its values are taken over.
 * ALTER TYPE would write the whole table anew behind a lock on it, and PostgreSQL refuses it under a view.
 */
import { catalog } from '../../catalog/registry.ts'
import type { Column, Resource } from '../../catalog/resource.ts'
import { quote, type Transaction } from '../connection/database.ts'
import { keepInStep } from './added-trigger.ts'
import { SQL_TYPE } from './columns.ts'
import { renameColumn } from './rename-column.ts'

/** As drizzle-kit writes it. */
const ADD_COLUMN = /^\s*ALTER TABLE "scopestack"\."(\w+)" ADD COLUMN "(\w+)" /
const CREATE_INDEX = /^\s*CREATE INDEX "(\w+)" ON "scopestack"\."(\w+)" /

interface Held {
  readonly member: string
  readonly column: string
  readonly kind: Column['kind']
  readonly part: Column['from']
  readonly target: string | null
  readonly pinned: boolean
}

/** @returns the statements to run instead of one of a migration: most often itself. */
export async function adopting(
  tx: Transaction,
  statement: string,
  resources: ReadonlyMap<string, Resource> = catalog,
): Promise<readonly string[]> {
  const [, table, name] = ADD_COLUMN.exec(statement) ?? []
  if (table !== undefined && name !== undefined) {
    const resource = [...resources.values()].find((one) => one.table === table)
    const column = resource?.columns.find((one) => one.name === name)
    return (await isKept(tx)) ? await adoptColumn(tx, { statement, table, name, resource, column }) : [statement]
  }
  const [, index, on] = CREATE_INDEX.exec(statement) ?? []
  if (index === undefined || on === undefined) return [statement]
  // The column came with its index.
  const [there] = await tx`
    select from pg_class i join pg_index x on x.indexrelid = i.oid join pg_class c on c.oid = x.indrelid
    where i.relname = ${index.slice(0, 63)} and c.relname = ${on} and i.relnamespace = to_regnamespace('scopestack')`
  return there === undefined ? [statement] : []
}

/** Of a database that this very run migrates from before there were such columns, there is none. */
async function isKept(tx: Transaction): Promise<boolean> {
  const [row] = await tx<{ there: boolean }[]>`select to_regclass('sync.columns') is not null as there`
  return row!.there
}

interface Adding {
  readonly statement: string
  readonly table: string
  readonly name: string
  readonly resource: Resource | undefined
  /** As the release declares it; undefined where a later migration takes it away again. */
  readonly column: Column | undefined
}

async function adoptColumn(
  tx: Transaction,
  { statement, table, name, resource, column }: Adding,
): Promise<readonly string[]> {
  const type = resource?.type ?? table.replaceAll('_', '-')
  const held = await tx<Held[]>`
    select member, column_name as "column", kind, part, target, pinned from sync.columns
    where resource = ${type} and state in ('added', 'kept') and column_name is not null`
  const inTheWay = held.find((one) => one.column === name)
  // An attribute and a relationship may share a name.
  const its = held.find(
    ({ member, part }) => member === column?.member && (part === 'attribute') === (column.from === 'attribute'),
  )
  if (inTheWay === undefined && its === undefined) return [statement]
  const isTaken = its !== undefined && isSame(its, column!) && (its.column === name || !its.pinned)
  if (inTheWay !== undefined && !(isTaken && inTheWay === its)) await moveAway(tx, table, type, inTheWay)
  if (its !== undefined) await recordDeclared(tx, type, its, { name, isTaken })
  await keepInStep(tx, { type, table })
  if (!isTaken) return [statement]
  if (its.column !== name) await renameColumn(tx, table, { from: its.column, to: name })
  return []
}

/** @param isTaken the column is the declared one from now on; else it stays beside it. */
async function recordDeclared(
  tx: Transaction,
  type: string,
  { member }: Held,
  { name, isTaken }: { readonly name: string; readonly isTaken: boolean },
): Promise<void> {
  await tx`
    update sync.columns set state = ${isTaken ? 'declared' : 'kept'}, decided_at = now(), filled_at = null,
      column_name = case when ${isTaken} then null else column_name end, reason = ${`declared as column ${name}`}
    where resource = ${type} and member = ${member}`
}

const isSame = (held: Held, { kind, from, target }: Column): boolean =>
  SQL_TYPE[held.kind] === SQL_TYPE[kind] && held.part === from && (from === 'attribute' || held.target === target)

/** The column keeps its values and its views, under a name that says what it is. */
async function moveAway(tx: Transaction, table: string, type: string, { member, column }: Held): Promise<void> {
  const taken = await tx<{ name: string }[]>`
    select attname as name from pg_attribute where attrelid = ${`scopestack.${quote(table)}`}::regclass and not attisdropped`
  const names = new Set(taken.map((one) => one.name))
  let free = `${column.slice(0, 57)}_added`
  for (let n = 2; names.has(free); n++) free = `${column.slice(0, 54)}_added_${n}`
  await renameColumn(tx, table, { from: column, to: free })
  await tx`update sync.columns set column_name = ${free} where resource = ${type} and member = ${member}`
}
