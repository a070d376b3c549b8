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
  /** To Postgres, at its last heartbeat; null of a release that does not say. */
  readonly connections: number | null
}

/** A process counts as dead after four missed heartbeats. */
export const HEARTBEAT_EVERY_MS = 15_000
export const ALIVE_SECONDS = 60
/** How long a killed process is shown. */
const KEPT = '7 days'

/**
 * Not waited for until it is on disk: after a crash of the server it is made again within seconds. (Nor is the table unlogged: it could
 * not be read on a standby, where the oldest process that lived tells of it.)
 *
 * @returns the database's clock, in milliseconds since the epoch.
 */
export async function recordHeartbeat(
  sql: Database,
  {
    id,
    holder,
    version,
    parts,
    connections,
  }: Pick<Process, 'holder' | 'version' | 'parts' | 'connections'> & { readonly id: string },
): Promise<number> {
  const [row] = await sql<[{ now: number }]>`
    insert into sync.processes as p (id, holder, version, parts, connections)
    select ${id}, ${holder}, ${version}, ${arrayLiteral(parts)}::text[], ${connections}::int
    from (select set_config('synchronous_commit', 'off', true)) as unwaited
    on conflict (id) do update set seen_at = now(), connections = excluded.connections
    returning (extract(epoch from clock_timestamp()) * 1000)::float8 as now`
  return row.now
}

/** Those that were killed long ago. */
export async function removeOldProcesses(sql: Database): Promise<void> {
  await sql`delete from sync.processes where seen_at < now() - ${KEPT}::interval`
}

export async function removeProcess(sql: Database, id: string): Promise<void> {
  await sql`delete from sync.processes where id = ${id}`
}

/** Living processes of the same release, besides this one, that take jobs. */
export async function countOtherWorkers(
  sql: Database,
  { holder, version }: Pick<Process, 'holder' | 'version'>,
): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct holder)::int as n from sync.processes
    where holder <> ${holder} and version = ${version} and 'worker' = any(parts)
      and seen_at > now() - make_interval(secs => ${ALIVE_SECONDS})`
  return row!.n
}

/** The newest first. */
export async function readProcesses(sql: Database): Promise<Process[]> {
  return await sql<Process[]>`
    select holder, version, to_jsonb(parts) as parts, started_at as "startedAt", seen_at as "seenAt",
      seen_at > now() - make_interval(secs => ${ALIVE_SECONDS}) as alive, connections
    from sync.processes order by seen_at desc, id`
}
