/** What the server was found to support, for each resource, and when it was last probed. */
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

export interface Capability {
  readonly value: unknown
  readonly ageMs: number
}

/** The stored value and its age. */
export async function readCapability(sql: Database, resource: string, name: string): Promise<Capability | undefined> {
  const [row] = await sql<Capability[]>`
    select value, (extract(epoch from now() - probed_at) * 1000)::float8 as "ageMs" from sync.capabilities
    where resource = ${resource} and name = ${name}`
  return row
}

export const saveCapability = (sql: Database, resource: string, name: string, value: unknown): Promise<void> =>
  saveCapabilities(sql, resource, { [name]: value })

/** @param values by name. */
export async function saveCapabilities(
  sql: Database | Transaction,
  resource: string,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  await sql`
    insert into sync.capabilities (resource, name, value)
    select ${resource}, key, value from jsonb_each(${sql.json(values as never)}::jsonb)
    on conflict (resource, name) do update set value = excluded.value, probed_at = now()`
}

export async function forgetCapability(sql: Database, resource: string, name: string): Promise<void> {
  await sql`delete from sync.capabilities where resource = ${resource} and name = ${name}`
}

export interface FoundCapability {
  readonly resource: string
  readonly name: string
  readonly value: unknown
}

/** All that was found out of these names, of every resource. */
export async function readCapabilities(sql: Database, names: readonly string[]): Promise<FoundCapability[]> {
  return await sql<FoundCapability[]>`
    select resource, name, value from sync.capabilities
    where name = any(${arrayLiteral(names)}::text[]) order by resource, name`
}
