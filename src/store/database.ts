/** The pool, and what its failures mean. */
import postgres from 'postgres'
import { databaseFull, databaseRefused, databaseUnreachable } from '../errors.ts'
import { SyncError } from '../sync-error.ts'
import { DriverSocket, tlsMode } from './socket.ts'

export type Database = postgres.Sql
export type Transaction = postgres.TransactionSql

/**
 * @param url `postgres://…`
 * @param connections one for each resource that is read at once, and a few for the books.
 */
export function openDatabase(url: string, { connections = 10 }: { connections?: number } = {}): Database {
  return postgres(url, {
    max: connections,
    onnotice: () => {},
    connect_timeout: 10,
    // Its query for array types at each connect fails unhandled when the server goes away just then; we read no arrays.
    fetch_types: false,
    connection: { application_name: 'scopestack-sync', TimeZone: 'UTC' },
    ssl: false,
    // Its types do not know the option, which it documents.
    ...({
      socket: ({ host, port }: { host: string[]; port: number[] }) =>
        new DriverSocket({ host: host[0] ?? 'localhost', port: port[0] ?? 5432, tls: tlsMode(url) }),
    } as object),
  })
}

/** A connection beside the pool that lives as long as this process; when it is lost, the next statement opens another. */
export const openSession = (sql: Database): Database =>
  // The driver's types leave out that its own parsed options are options.
  postgres({ ...(sql.options as object), max: 1, idle_timeout: 0, max_lifetime: null })

/** `host:port/database`, the part of an address that may be shown. */
export function addressOf(url: string): string {
  if (!URL.canParse(url)) return 'DATABASE_URL'
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

const LOST = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_)/
/** Starting up, shutting down, killed by an administrator, out of connections, out of time, connection failures. */
const UNAVAILABLE = /^(57P0[1-5]|53300|25P0[34]|08...)$/
/** Authentication, no such database, no right, read only. */
const REFUSED = /^(28...|3D000|42501|25006)$/

/** True when the same statement may succeed once the server is back. */
export const isConnectionLoss = (error: unknown): boolean => LOST.test(codeOf(error)) || UNAVAILABLE.test(codeOf(error))

/**
 * True when it is the data that Postgres would not take: wrong for its type, or past a limit such as an index entry's.
 * 25P02, a transaction that has failed, is what is left to see of the error of a COPY.
 */
export const isDataError = (error: unknown): boolean => /^(22...|23...|54...|25P02)$/.test(codeOf(error))

/** The database's failures in our words; anything else as it is. */
export function explainDatabase(error: unknown, url: string): unknown {
  if (error instanceof SyncError) return error
  const where = addressOf(url)
  if (isConnectionLoss(error)) return databaseUnreachable({ where }, error)
  if (REFUSED.test(codeOf(error))) return databaseRefused({ where }, error)
  if (codeOf(error) === '53100') return databaseFull({ where }, error)
  return error
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** `"default"`: every name is quoted, since attributes are named after words that SQL keeps for itself. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
