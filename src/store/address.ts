/** Where Postgres is, and how it is spoken to: what DATABASE_URL says, for the driver and for its socket. */
import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import { parseDatabaseUrl, type DatabaseUrl } from '../database-url.ts'
import { configInvalid } from '../errors.ts'
import { reason } from '../sync-error.ts'

export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export interface Tls {
  readonly mode: TlsMode
  /** Whose certificates are trusted, where it is not for Node to say. */
  readonly ca: string[] | undefined
}

/** @throws SyncError SYNC_CONFIG for an address that cannot be obeyed to the letter. */
export function readAddress(url: string): DatabaseUrl {
  const read = parseDatabaseUrl(url)
  if (typeof read === 'string') throw configInvalid([`DATABASE_URL ${read}.`])
  return read
}

/** `?sslmode=` as libpq reads it, or `?ssl=` as the driver does. Whatever is unknown is taken to ask for TLS. */
export function tlsOf({ options }: DatabaseUrl): Tls {
  const root = options.get('sslrootcert')
  return { mode: modeOf(options.get('sslmode') ?? options.get('ssl'), root), ca: authorities(root) }
}

function modeOf(mode: string | undefined, root: string | undefined): TlsMode {
  if (mode === 'disable' || mode === 'false') return 'disable'
  // Nobody names an authority to trust anybody.
  if (root === 'system' || (mode === undefined && root !== undefined)) return 'verify-full'
  if (mode === undefined) return 'disable'
  if (mode === 'prefer' || mode === 'allow') return 'prefer'
  if (mode === 'verify-full' || mode === 'verify-ca') return mode
  return root === undefined ? 'require' : 'verify-ca'
}

function authorities(root: string | undefined): string[] | undefined {
  if (root === undefined) return undefined
  if (root === 'system') return getCACertificates('system')
  try {
    return [readFileSync(root, 'utf8')]
  } catch (error) {
    throw configInvalid([`DATABASE_URL has an sslrootcert that cannot be read: ${reason(error)}.`])
  }
}

/** Words of libpq, of the driver and of Prisma in a query; as settings the server would refuse the connection (42704). */
const NOT_FOR_THE_SERVER = new RegExp(
  `^(?:${[
    'ssl\\w*|require\\w*|gss\\w*|krb\\w*|keepalives\\w*|oauth_\\w*|scram_\\w*|(?:ssl_)?(?:min|max)_protocol_version',
    'channel_binding|client_encoding|connect_timeout|fallback_application_name|load_balance_hosts|passfile|replication',
    'target_session_attrs|tcp_user_timeout',
    'backoff|debug|fetch_types|idle_timeout|keep_alive|max|max_lifetime|max_pipeline|prepare|publications',
    'connection_limit|pgbouncer|pool_timeout|schema|socket_timeout',
  ].join('|')})$`,
)

/** `options`, `application_name`, and settings of the server such as `statement_timeout`. */
export const settingsOf = ({ options }: DatabaseUrl): Record<string, string> =>
  Object.fromEntries([...options].filter(([name]) => !NOT_FOR_THE_SERVER.test(name)))
