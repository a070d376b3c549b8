/** The processes of `start`, by their heartbeats, which the database's clock stamps. */
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

export interface Process {
  /** `host, process 12` */
  readonly holder: string
  readonly version: string
  readonly parts: readonly string[]
  readonly startedAt: Date
  readonly seenAt: Date
  /** False: it was killed, or cannot reach the database. A process that ends normally is removed. */
  readonly alive: boolean
}

/** A process counts as dead after four missed heartbeats. */
export const HEARTBEAT_EVERY_MS = 15_000
const ALIVE_SECONDS = 60
/** How long a killed process is shown. */
const KEPT = '7 days'

export async function recordHeartbeat(
  sql: Database,
  { id, holder, version, parts }: Pick<Process, 'holder' | 'version' | 'parts'> & { readonly id: string },
): Promise<void> {
  await sql`
    insert into sync.processes as p (id, holder, version, parts)
    values (${id}, ${holder}, ${version}, ${arrayLiteral(parts)}::text[])
    on conflict (id) do update set seen_at = now()`
  await sql`delete from sync.processes where seen_at < now() - ${KEPT}::interval`
}

export async function removeProcess(sql: Database, id: string): Promise<void> {
  await sql`delete from sync.processes where id = ${id}`
}

/** The newest first. */
export async function readProcesses(sql: Database): Promise<Process[]> {
  return await sql<Process[]>`
    select holder, version, to_jsonb(parts) as parts, started_at as "startedAt", seen_at as "seenAt",
      seen_at > now() - make_interval(secs => ${ALIVE_SECONDS}) as alive
    from sync.processes order by seen_at desc, id`
}
