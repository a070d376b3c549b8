/**
 * What is between us and Postgres, and whether we get as many sessions as we need. Checked before anything is written. A pooler
 * in transaction mode gives a session to another client after each transaction: locks and settings stay with that client,
 * and prepared statements are gone. And a process with too few connections would report "started" and finish no run.
 */
import type postgres from 'postgres'
import { connectionsMissing, poolerTooSmall, transactionPooling } from '../../errors/database.ts'
import { SyncError, undefinedWhen } from '../../errors/sync-error.ts'
import { withinLimit } from '../../within-limit.ts'
import { addressOf, isConnectionLoss, openBareConnection } from '../connection/database.ts'

/**
 * @param need connections that this process uses at once; 0: it takes what there is.
 * @throws SyncError SYNC_POOLED, SYNC_CONNECTIONS; or the driver's error where Postgres cannot be reached.
 */
export async function checkConnectionPath(url: string, need: number): Promise<void> {
  const found = await readConnectionPath(url)
  const where = addressOf(url)
  if (found.kind === 'direct') {
    const { room, limit, most } = found
    if (need > room) throw connectionsMissing({ where, need, room, limit, most, enough: most >= need })
    return
  }
  if (found.kind === 'transaction pooler') throw transactionPooling({ where })
  if (need > 0) await proveRoom(url, need)
}

/** What is between us and Postgres. */
export type ConnectionPath =
  | ({ readonly kind: 'direct' } & Room)
  | { readonly kind: 'session pooler' | 'transaction pooler' }

/** Opens one connection, and a second one behind a pooler. @throws the driver's error where Postgres cannot be reached. */
export async function readConnectionPath(url: string): Promise<ConnectionPath> {
  // Without settings: in transaction mode they would reach another client.
  const sql = openBareConnection(url)
  try {
    const [facts, client] = await factsOf(sql)
    if (facts.pid === client.pid) return { kind: 'direct', ...roomOf(facts) }
    // The cancel key does not name this backend: a pooler made it.
    return { kind: (await isHandedOn(url, sql)) ? 'transaction pooler' : 'session pooler' }
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** The same, without an error when the server is away: the first statement will report that. */
export async function checkConnectionPathIfReachable(url: string, need: number): Promise<void> {
  await checkConnectionPath(url, need).catch(undefinedWhen((error) => !(error instanceof SyncError)))
}

interface Facts {
  readonly pid: number
  readonly superuser: boolean
  readonly server_limit: number
  readonly server_used: number
  readonly role_limit: number
  readonly role_used: number
  readonly database_limit: number
  readonly database_used: number
}

/** The driver's state of a connection: the cancel key from the startup. */
interface Client {
  readonly pid: number
  readonly secret: number
}

async function factsOf(sql: postgres.Sql): Promise<[Facts, Client]> {
  const result = await soon(sql.unsafe<Facts[]>(FACTS))
  return [result[0]!, clientOf(result)]
}

/** The driver's types omit it. A new connection has another secret. */
const clientOf = (result: postgres.RowList<postgres.Row[]>): Client => ({ ...(result.state as unknown as Client) })

/** Walsenders have no database, and autovacuum no user: neither counts. Our own session counts. */
const FACTS = `
  select pg_backend_pid() as pid, r.rolsuper as superuser,
    current_setting('max_connections')::int - case when r.rolsuper then 0
      else current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int
    end as server_limit,
    r.rolconnlimit as role_limit, d.datconnlimit as database_limit, a.*
  from pg_roles r, pg_database d, lateral (
    select count(*)::int as server_used, count(*) filter (where usesysid = r.oid)::int as role_used,
      count(*) filter (where datid = d.oid)::int as database_used
    from pg_stat_activity where datid is not null and usesysid is not null) a
  where r.rolname = session_user and d.datname = current_database()`

export interface Connections {
  readonly used: number
  readonly limit: number
  /** The limit that is nearest. */
  readonly of: string
}

/** How many there are, of all clients, and how many there may be. */
export async function readConnections(sql: postgres.Sql): Promise<Connections> {
  const [facts] = await sql.unsafe<Facts[]>(FACTS)
  const { most, room, limit: of } = roomOf(facts!)
  return { used: most - room + 1, limit: most, of }
}

interface Room {
  /** How many more sessions there may be, with this one. */
  readonly room: number
  /** The limit that applies. */
  readonly limit: string
  /** How many there could be without other clients. */
  readonly most: number
}

function roomOf(facts: Facts): Room {
  const limits: readonly (readonly [string, number, number])[] = [
    ['max_connections of the server', facts.server_limit, facts.server_used],
    ['CONNECTION LIMIT of the role', facts.superuser ? -1 : facts.role_limit, facts.role_used],
    ['CONNECTION LIMIT of the database', facts.superuser ? -1 : facts.database_limit, facts.database_used],
  ]
  const rooms = limits
    .filter(([, most]) => most >= 0)
    .map(([limit, most, used]): Room => ({ limit, most, room: most - used + 1 }))
  return rooms.reduce((least, one) => (one.room < least.room ? one : least))
}

const ROUNDS = 5

/**
 * Whether two transactions of one client may get two sessions (transaction pooling). There are two proofs, neither of which
 * occurs under session pooling: the session of a client changes, or two clients have the same session. Whether a pooler gives
 * the last used session next or the longest idle one, two clients that ask in turn see one of them.
 */
async function isHandedOn(url: string, first: postgres.Sql): Promise<boolean> {
  const second = openBareConnection(url)
  try {
    const seen = new Map<string, { pid: number; secret: number }>()
    const ask = async (who: string, sql: postgres.Sql | postgres.TransactionSql): Promise<boolean> => {
      const result = await soon(sql.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid'))
      const { pid } = result[0]!
      const { secret } = clientOf(result)
      const before = seen.get(who)
      // A new connection may have another session; that proves nothing.
      const moved = before?.secret === secret && before.pid !== pid
      seen.set(who, { pid, secret })
      return moved || [...seen].some(([other, its]) => other !== who && its.pid === pid)
    }
    for (let round = 0; round < ROUNDS; round++) {
      // First without a transaction: in statement mode PgBouncer closes a connection that begins one.
      for (const [who, sql] of [
        ['first', first],
        ['first', first],
        ['second', second],
      ] as const) {
        if (await ask(who, sql)) return true
      }
      const held = await second.begin(async (tx) => (await ask('second', tx)) || (await ask('first', first)))
      if (held) return true
    }
    return false
  } finally {
    await second.end({ timeout: 0 })
  }
}

/** A pooler does not show its limits to clients, so all connections are opened at once. */
async function proveRoom(url: string, need: number): Promise<void> {
  const all = Array.from({ length: need }, () => openBareConnection(url))
  try {
    const results = await Promise.allSettled(all.map((sql) => soon(sql.unsafe('select 1'))))
    const lost = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)
    const other = lost.find((error) => !isConnectionLoss(error))
    if (other !== undefined) throw other
    const room = need - lost.length
    if (room === 0) throw lost[0]
    if (room < need) throw poolerTooSmall({ where: addressOf(url), need, room }, lost[0])
  } finally {
    await Promise.all(all.map((sql) => sql.end({ timeout: 0 })))
  }
}

/** Postgres starts a session in a few milliseconds; an exhausted pooler lets a client wait for two minutes. */
const PATIENCE_SECONDS = 10

const soon = <T>(query: PromiseLike<T>): Promise<T> =>
  withinLimit(query, PATIENCE_SECONDS * 1000, () => {
    const why = `no session within ${PATIENCE_SECONDS} s; its pool is used up`
    throw Object.assign(new Error(why), { code: 'CONNECTION_NOT_GIVEN' })
  })
