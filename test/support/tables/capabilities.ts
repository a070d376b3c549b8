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
