/** The connection pool, and the classes of its errors. */
import postgres from 'postgres'
import { parseDatabaseUrl, type DatabaseUrl, type Host } from '../../config/database-url.ts'
import {
  databaseFull,
  databaseLimit,
  databaseReadOnly,
  databaseRejected,
  databaseUnreachable,
} from '../../errors/database.ts'
import { SyncError } from '../../errors/sync-error.ts'
import { parseExact } from '../../exact-json.ts'
import { readAddress, sessionOf, tlsOf } from './address.ts'
import { DriverSocket, type ServerRoute } from './driver-socket.ts'
import { hostsOf, onlyHost } from './hosts.ts'
import { openServerProbe } from './server-probe.ts'
import { Watch } from './watch.ts'

export type Database = postgres.Sql
export type Transaction = postgres.TransactionSql

/**
 * Behind a pooler it needs session pooling: leases and the lock of migrations belong to a session.
 *
 * @param url `postgres://…`
 * @param connections one for each resource that is read at once, and a few for bookkeeping.
 * @throws SyncError SYNC_CONFIG
 */
export function openDatabase(url: string, { connections = 5 }: { connections?: number } = {}): Database {
  return connect(readAddress(url), routeTo(url), connections)
}

/** The route to the server of DATABASE_URL, for both drivers. */
export function routeTo(url: string, searchPath?: string): ServerRoute {
  const address = readAddress(url)
  return { ...placeOf(url, address), session: sessionOf(address, searchPath) }
}

/** This process's connections to a database, by either driver. */
export const connectionsTo = (url: string): { busy: number; idle: number } =>
  reached.get(url)?.watch?.counts() ?? { busy: 0, idle: 0 }

type Place = Omit<ServerRoute, 'session'>

/** Shared by all connections of this process to a database, with what is known of its hosts. */
const reached = new Map<string, Place>()

function placeOf(url: string, address: DatabaseUrl): Place {
  const known = reached.get(url)
  if (known !== undefined) return known
  const [tls, session] = [tlsOf(address), sessionOf(address)]
  const isReadOnly = (host: Host) => queryReadOnly(address, { hosts: onlyHost(host), tls, session })
  const hosts = hostsOf(address, { isAway: isConnectionLoss, isReadOnly })
  // Without the settings of a session, for which the server reads all that it has: it comes every ten seconds.
  const bare = { startup: session.startup, statement: '' }
  const visitor = openServerProbe((seconds) => connect(address, { hosts, tls, session: bare }, 1, seconds), isAway)
  const place: Place = { hosts, tls, watch: new Watch(visitor) }
  reached.set(url, place)
  return place
}

async function queryReadOnly(address: DatabaseUrl, route: ServerRoute): Promise<boolean> {
  const seconds = hostSeconds(address)
  const sql = connect(address, route, 1, seconds)
  // The server may hang after its greeting, and this connection is not watched. Without a connect timeout there is no limit here either.
  const late = seconds > 0 ? setTimeout(() => void sql.end({ timeout: 0 }), 2 * seconds * 1000) : undefined
  try {
    const [row] = await sql<{ is: boolean }[]>`
      select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is`
    return row!.is
  } finally {
    clearTimeout(late)
    await sql.end({ timeout: 1 })
  }
}

function connect(
  address: DatabaseUrl,
  route: ServerRoute,
  connections: number,
  seconds = connectTimeoutSeconds(address),
): Database {
  const { database, user, password } = address
  // Not the URL itself: the driver would send what it does not know to the server, and cut an IPv6 address at its colons.
  const sql = postgres({
    database,
    user,
    // As a function: the driver would replace an empty password by PGPASSWORD.
    password: () => password,
    max: connections,
    onnotice: () => {},
    connect_timeout: seconds,
    idle_timeout: IDLE_SECONDS,
    // Its query for array types at each connect fails unhandled when the server goes away just then; we read no arrays.
    fetch_types: false,
    ssl: false,
    // Its types do not know these, though it documents them.
    ...({ host: ['-'], port: [0], socket: () => new DriverSocket(route) } as object),
  })
  sql.options.parsers[JSONB] = parseExact
  return sql
}

/** Then a connection without work is closed. What is done every half minute keeps one or two, so that an edit finds one open. */
const IDLE_SECONDS = 40

const hostSeconds = ({ options }: DatabaseUrl): number => Number(options.get('connect_timeout') || 10)

/** With several hosts, each of them may use up its timeout first. */
export const connectTimeoutSeconds = (address: DatabaseUrl): number =>
  hostSeconds(address) * (address.hosts.length === 1 ? 1 : address.hosts.length + 1)

/** Its oid in pg_type. */
const JSONB = 3802

/**
 * A connection beside the pool that lives as long as this process. After a loss, the next statement opens another.
 *
 * @param onNotify gets the channel and the payload of each notification.
 * @param onLoss is called when the connection has closed.
 */
export const openSession = (
  sql: Database,
  onNotify: (channel: string, payload: string) => void,
  onLoss: () => void,
): Database =>
  // The driver's types omit that parsed options are options, and `onnotify`.
  postgres({ ...(sql.options as object), ...LASTING, onnotify: onNotify, onclose: onLoss } as object)

const LASTING = { max: 1, idle_timeout: 0, max_lifetime: null }

/** One connection without session settings and prepared statements, for checks before anything else. */
export function openBareConnection(url: string): Database {
  const { hosts, tls, session } = routeTo(url)
  const sql = connect(readAddress(url), { hosts, tls, session: { startup: session.startup, statement: '' } }, 1)
  // Simple statements, so that nothing is prepared.
  return postgres({ ...(sql.options as object), prepare: false })
}

/**
 * Must come first in a transaction that holds locks. When a connection breaks without being closed, the server keeps its
 * transaction and the locks for as long as the kernel trusts the peer, two hours by default; meanwhile the repeated batch
 * waits for them. With these limits a transaction ends within a minute: by the first setting between statements, by the
 * others inside one, such as a COPY. It waits half a minute for another transaction's lock, since it blocks others meanwhile. A
 * transaction that a limit ended is tried again (`isLimitError`).
 *
 * Local to the transaction, and not startup parameters, which PgBouncer refuses.
 */
export const limitWaits = async (tx: Transaction): Promise<void> => void (await tx`select ${waitLimits(tx)}`)

/** The same as columns of another statement. */
export const waitLimits = (tx: Transaction) => tx`
  set_config('idle_in_transaction_session_timeout', '60s', true), set_config('lock_timeout', '30s', true),
  set_config('tcp_keepalives_idle', '30', true), set_config('tcp_keepalives_interval', '10', true),
  set_config('tcp_keepalives_count', '3', true)`

/** How often a transaction may lose to another one; each time it waits behind the winner. */
const MOST_LOSSES = 7

/** Runs a transaction, and again when it lost to another one. @param act has no effect outside the database. */
export async function transact<T>(sql: Database, act: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await sql.begin(act)) as T
    } catch (error) {
      if (!(isLostRace(error) || isCancelled(error)) || attempt >= MOST_LOSSES) throw error
    }
  }
}

/** `host:port/database`, the part of the URL without secrets. */
export function addressOf(url: string): string {
  const read = parseDatabaseUrl(url)
  if (typeof read === 'string') return 'DATABASE_URL'
  const places = read.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  return `${places.join(',')}/${read.database}`
}

const LOST = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_)/
/**
 * Startup, shutdown, killed by an administrator, out of connections, connection failures; and read-only, the error of a server
 * that became a standby: the next connection finds the primary.
 */
const UNAVAILABLE = /^(57P0[1-4]|53300|08...|25006)$/
/** Authentication, no such database, no privilege; and TLS that does not satisfy sslmode. */
const REFUSED = /^(28...|3D000|42501|ERR_(TLS|SSL)_.*|.*CERT.*|UNABLE_TO_.*)$/

/** A server without a free connection is not away. */
const isAway = (error: unknown): boolean => isConnectionLoss(error) && codeOf(error) !== '53300'

/** True when the same statement may succeed once the server is back. */
export const isConnectionLoss = (error: unknown): boolean => LOST.test(codeOf(error)) || UNAVAILABLE.test(codeOf(error))

/**
 * True when a limit ended it (time, lock, idleness, memory, temporary files), or a person by pg_cancel_backend. Our limits are
 * those of `limitWaits`; others come from an administrator or DATABASE_URL. It may be tried again; if it fails again, other
 * work may still succeed.
 */
export const isLimitError = (error: unknown): boolean => LIMIT_OF.has(codeOf(error))

/** Names of the limits: the server's messages come in the language of lc_messages. */
const LIMIT_OF: ReadonlyMap<string, string> = new Map([
  ['57014', 'statement_timeout, or a person by pg_cancel_backend()'],
  ['55P03', 'lock_timeout, while another transaction held the lock (see pg_locks)'],
  ['25P03', 'idle_in_transaction_session_timeout'],
  ['25P04', 'transaction_timeout'],
  ['57P05', 'idle_session_timeout'],
  ['53200', 'its memory (work_mem, shared_buffers, max_locks_per_transaction, the machine)'],
  ['53400', 'temp_file_limit, or another of its limits'],
])

const isCancelled = (error: unknown): boolean => /^(57014|53[24]00)$/.test(codeOf(error))

/** Names the limit of a limit error; returns other errors unchanged. */
export const explainLimit = (error: unknown): unknown =>
  isLimitError(error) ? databaseLimit({ limit: LIMIT_OF.get(codeOf(error))! }, error) : error

/** True when Postgres ended it in favour of another transaction: a deadlock, or a serialization failure. */
export const isLostRace = (error: unknown): boolean => /^40(P01|001)$/.test(codeOf(error))

/**
 * True when Postgres rejected the data: wrong for its type, or beyond a limit such as the size of an index entry. 25P02, a failed
 * transaction, is all that shows of the error of a COPY.
 */
export const isDataError = (error: unknown): boolean => /^(22...|23...|54...|25P02)$/.test(codeOf(error))

/** Explains a database error as a SyncError; returns other errors unchanged. */
export function explainDatabase(error: unknown, url: string): unknown {
  if (error instanceof SyncError) return error
  if (isLimitError(error)) return explainLimit(error)
  const where = addressOf(url)
  if (codeOf(error) === '25006') return databaseReadOnly({ where }, error)
  if (isConnectionLoss(error)) return databaseUnreachable({ where }, error)
  if (REFUSED.test(codeOf(error))) return databaseRejected({ where }, error)
  if (codeOf(error) === '53100') return databaseFull({ where }, error)
  return error
}

export function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (!(error instanceof Error)) return ''
  // pg wraps the cause in an error of its own without a code.
  return 'code' in error && typeof error.code === 'string' ? error.code : codeOf(error.cause)
}

/** `"default"`: every name is quoted, since some attributes are named like SQL keywords. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
