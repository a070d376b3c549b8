/** Whether a server and its database are fit for the mirror, checked before anything is written. */
import { databaseUnfit, serverTooOld } from '../../errors/database.ts'
import { addressOf, type Database } from '../connection/database.ts'

/** The oldest supported version. The tests run on it; older ones lack SQL that the statements use. */
export const OLDEST = 15

export interface ServerVersion {
  /** `150018` for 15.18. */
  readonly number: number
  readonly version: string
}

export async function readServerVersion(sql: Database): Promise<ServerVersion> {
  const [found] = await sql<ServerVersion[]>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version`
  return found!
}

/** @throws SyncError SYNC_DATABASE_REFUSED below PostgreSQL 15, before anything is created. */
export function assertSupportedVersion({ number, version }: ServerVersion): void {
  // Before version 10 the number had another form, which is smaller still.
  if (Math.floor(number / 10_000) < OLDEST) throw serverTooOld({ version, oldest: OLDEST })
}

export interface Fitness {
  readonly encoding: string
  readonly standby: boolean
  readonly readOnly: string | null
  readonly replica: string | null
}

/** @throws SyncError SYNC_DATABASE_UNFIT that names the setting. */
export async function checkDatabase(sql: Database, url: string): Promise<void> {
  const problem = findDatabaseProblem(await readFitness(sql))
  if (problem !== null) throw databaseUnfit({ where: addressOf(url), ...problem })
}

export async function readFitness(sql: Database): Promise<Fitness> {
  const [facts] = await sql<Fitness[]>`
    select current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
      (select source from pg_settings where name = 'default_transaction_read_only' and setting = 'on') as "readOnly",
      (select source from pg_settings where name = 'session_replication_role' and setting <> 'origin') as replica`
  return facts!
}

interface Problem {
  readonly problem: string
  readonly remedy: string
  readonly passes?: boolean
}

export function findDatabaseProblem({ encoding, standby, readOnly, replica }: Fitness): Problem | null {
  if (encoding !== 'UTF8') {
    return {
      problem: `its encoding is ${encoding}, which cannot hold every text of ScopeStack`,
      remedy: "Make another database: create database … encoding 'UTF8' template template0",
    }
  }
  if (standby) {
    const remedy = 'Name the primary in DATABASE_URL, or several hosts of which one is'
    return { problem: 'it is a standby, which cannot be written to', remedy, passes: true }
  }
  // A setting for this role or database is intended, so it is not overridden.
  if (readOnly !== null) {
    return {
      problem: `default_transaction_read_only is on, ${placeOf(readOnly)}`,
      remedy: WRITES_AGAIN[readOnly] ?? FOR_ROLE,
    }
  }
  // Without triggers, edits would be lost silently, and user-defined fields would become stale.
  if (replica !== null) {
    return {
      problem: `session_replication_role is not "origin", ${placeOf(replica)}, so that no trigger sees an edit`,
      remedy: 'Take the setting back: alter database … reset session_replication_role (or alter role …)',
    }
  }
  return null
}

const PLACES: Readonly<Record<string, string>> = {
  database: 'set for the database',
  user: 'set for the role',
  'database user': 'set for the role in this database',
  client: 'set in DATABASE_URL',
  session: 'set in DATABASE_URL',
}

const FOR_ROLE = 'Switch it off for the role of DATABASE_URL: alter role … set default_transaction_read_only = off'

/** A session's own setting goes before that of a role, which goes before that of a database. */
const WRITES_AGAIN: Readonly<Record<string, string>> = {
  database: 'Take it back: alter database … reset default_transaction_read_only',
  'database user': 'Take it back: alter role … in database … reset default_transaction_read_only',
  client: 'Take it out of DATABASE_URL',
  session: 'Take it out of DATABASE_URL',
}

const placeOf = (source: string): string => PLACES[source] ?? 'set for the whole server'

/** A successful check holds this long. */
const ENOUGH_MS = 5_000

/**
 * Checks that the database is writable: a standby, and a server without space for its log, still serve reads. It locks the row of
 * the newest migration: that is a write (a record in the log, flushed at the commit) that leaves nothing to clean up and blocks
 * no other transaction.
 */
export function createWriteCheck(sql: Database): () => Promise<void> {
  let proved = -Infinity
  return async () => {
    if (performance.now() - proved < ENOUGH_MS) return
    await sql`
      select from sync.__drizzle_migrations
      where id = (select max(id) from sync.__drizzle_migrations) for no key update`
    proved = performance.now()
  }
}
