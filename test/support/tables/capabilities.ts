/** What tests know of sync.capabilities: what was learned of the server, by resource and name, and when. */
import type { Database } from '../../../src/store/connection/database.ts'

/** Undefined where nothing is known. */
export async function readCapability(sql: Database, resource: string, name: string): Promise<unknown> {
  const [row] = await sql<{ value: unknown }[]>`
    select value from sync.capabilities where resource = ${resource} and name = ${name}`
  return row?.value
}

/** As if all of it had been learned so long ago, such as '25 hours'. */
export const learnedAgo = (sql: Database, age: string): Promise<unknown> => sql`
  update sync.capabilities set probed_at = now() - ${age}::interval`

/** As if what has that name had been learned so much earlier. */
export const learnedEarlier = (sql: Database, name: string, by: string): Promise<unknown> => sql`
  update sync.capabilities set probed_at = probed_at - ${by}::interval where name = ${name}`

/** The read plan of a list, as it is kept: how it is read, what is requested, and what was learned. */
export const readReadPlan = async (sql: Database, resource: string): Promise<Record<string, unknown> | undefined> =>
  (await readCapability(sql, resource, 'question')) as Record<string, unknown> | undefined

/** As if a fact of its read plan had been learned then. */
export const setLearned = (
  sql: Database,
  resource: string,
  path: readonly string[],
  at: string,
): Promise<unknown> => sql`
  update sync.capabilities set value = jsonb_set(value, ${`{learned,${path.join(',')}}`}::text::text[], to_jsonb(${at}::text))
  where resource = ${resource} and name = 'question'`

/** As if records had been missing for so many hours longer. */
export const missingSinceEarlier = (sql: Database, hours: number): Promise<unknown> => sql`
  update sync.capabilities
  set value = (select jsonb_agg(jsonb_set(one, '{since}',
    to_jsonb((one->>'since')::timestamptz - make_interval(hours => ${hours})))) from jsonb_array_elements(value) one)
  where name = 'missing'`

/** As if that had been learned now. */
export const insertCapability = (sql: Database, resource: string, name: string, value: string): Promise<unknown> => sql`
  insert into sync.capabilities (resource, name, value) values (${resource}, ${name}, ${sql.json(value)})`

/** As if nothing of that name had been learned. */
export const forgetCapability = (sql: Database, name: string): Promise<unknown> => sql`
  delete from sync.capabilities where name = ${name}`
