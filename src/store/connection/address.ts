/** Where Postgres is, and how it is spoken to: what DATABASE_URL says, for both drivers and for their socket. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { getCACertificates, type ConnectionOptions, type SecureVersion } from 'node:tls'
import { parseDatabaseUrl, type DatabaseUrl } from '../../config/database-url.ts'
import { configInvalid } from '../../errors/commands.ts'
import { reason } from '../../errors/sync-error.ts'
import { sessionStatement } from './session.ts'

export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export interface Tls {
  readonly mode: TlsMode
  /** TLS from the first byte, as servers take it since version 17. */
  readonly direct: boolean
  /** What `node:tls` is given: whose certificates are trusted, where it is not for Node to say, and our own. */
  readonly secure: {
    readonly ca?: string[]
    readonly cert?: string
    readonly key?: string
    readonly passphrase?: string
    readonly minVersion?: SecureVersion
    readonly maxVersion?: SecureVersion
  }
}

/** @throws SyncError SYNC_CONFIG for an address that cannot be obeyed to the letter. */
export function readAddress(url: string): DatabaseUrl {
  const read = parseDatabaseUrl(url)
  if (typeof read === 'string') throw configInvalid([`DATABASE_URL ${read}.`])
  return read
}

/** `?sslmode=` as libpq reads it, or `?ssl=` as the driver does. Whatever is unknown there is taken to ask for TLS. */
export function tlsOf({ options }: DatabaseUrl): Tls {
  const root = options.get('sslrootcert')
  const word = <Name extends string, Value>(name: Name, value: Value | undefined) =>
    (value === undefined ? {} : { [name]: value }) as { [N in Name]?: Value }
  return {
    mode: modeOf(options.get('sslmode') || options.get('ssl'), root),
    direct: options.get('sslnegotiation') === 'direct',
    secure: {
      ...word('ca', root === undefined ? undefined : authorities(root)),
      ...word('cert', fileOf(options, 'sslcert')),
      ...word('key', fileOf(options, 'sslkey')),
      ...word('passphrase', options.get('sslpassword')),
      ...word('minVersion', options.get('ssl_min_protocol_version') as SecureVersion | undefined),
      ...word('maxVersion', options.get('ssl_max_protocol_version') as SecureVersion | undefined),
    },
  }
}

function modeOf(mode: string | undefined, root: string | undefined): TlsMode {
  if (mode === 'disable' || mode === 'false') return 'disable'
  // Nobody names an authority to trust anybody.
  if (root === 'system' || (mode === undefined && root !== undefined)) return 'verify-full'
  if (mode === undefined) return 'disable'
  if (mode === 'prefer' || mode === 'allow') return 'prefer'
  if (mode === 'verify-full' || mode === 'verify-ca') return mode
  return root === undefined || mode === 'no-verify' ? 'require' : 'verify-ca'
}

const authorities = (root: string): string[] =>
  root === 'system' ? getCACertificates('system') : [readWord('sslrootcert', root)]

function fileOf(options: ReadonlyMap<string, string>, name: string): string | undefined {
  const file = options.get(name)
  return file === undefined ? undefined : readWord(name, file)
}

function readWord(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw configInvalid([`DATABASE_URL has an ${name} that cannot be read: ${reason(error)}.`])
  }
}

export function tlsOptions(host: string, { mode, secure }: Tls): ConnectionOptions {
  return {
    // What the certificate is held against. It may be an IP address, which a server name may not (RFC 6066).
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...secure,
    rejectUnauthorized: mode === 'verify-full' || mode === 'verify-ca',
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** Words of libpq, of the drivers and of Prisma in a query; as settings the server would refuse the connection (42704). */
const NOT_FOR_THE_SERVER = new RegExp(
  `^(?:${[
    'ssl|ssl(?:mode|negotiation|compression|cert|key|keylogfile|password|certmode|rootcert|sni|accept|identity)|requiressl',
    'gssencmode|gsslib|gssdelegation|krbsrvname|keepalives(?:_idle|_interval|_count)?|oauth_\\w+|scram_(?:client|server)_key',
    '(?:ssl_)?(?:min|max)_protocol_version',
    'channel_binding|client_encoding|connect_timeout|fallback_application_name|load_balance_hosts|replication',
    'tcp_user_timeout',
    'backoff|debug|fetch_types|idle_timeout|keep_alive|max|max_lifetime|max_pipeline|prepare|publications',
    'connection_limit|pgbouncer|pool_timeout|schema|socket_timeout|uselibpqcompat',
  ].join('|')})$`,
)

export interface Session {
  /** Startup parameters. Poolers refuse nearly all others (PgBouncer: 08P01), so these are few. */
  readonly startup: Readonly<Record<string, string>>
  /** What is said once the session is there (`sessionStatement`). */
  readonly statement: string
}

/** What a session is told: by us, and by `options`, `application_name`, and settings such as `statement_timeout`. */
export function sessionOf({ user, database, options }: DatabaseUrl, searchPath?: string): Session {
  const { settings, rest } = switchesIn(options.get('options') ?? '')
  const given = [...options].filter(
    ([name, value]) => value !== '' && !/^(?:options|application_name)$/.test(name) && !NOT_FOR_THE_SERVER.test(name),
  )
  return {
    startup: {
      user,
      database,
      application_name: options.get('application_name') || 'scopestack-sync',
      client_encoding: 'UTF8',
      // Whatever the database or the role says: times are read as they are written here.
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      standard_conforming_strings: 'on',
      ...(rest === '' ? {} : { options: rest }),
    },
    statement: sessionStatement({
      settings: Object.fromEntries(
        [...settings, ...given].filter(([name]) => name.toLowerCase() !== 'client_encoding'),
      ),
      ...(searchPath === undefined ? {} : { searchPath }),
    }),
  }
}

/** Of `-c name=value` and `--name=value`, in the server's own reading; what else there is (`endpoint=…` at Neon) stays. */
function switchesIn(text: string): { settings: [string, string][]; rest: string } {
  const words = (text.match(/(?:\\[^]|[^\s\\])+/g) ?? []).map((word) => word.replaceAll(/\\([^])/g, '$1'))
  const settings: [string, string][] = []
  const rest: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const said = word === '-c' ? words[++at] : /^(?:-c|--)(?=.)/.test(word) ? word.slice(2) : undefined
    const [, name, value] = /^([^=]+)=([^]*)$/.exec(said ?? '') ?? []
    if (name === undefined) rest.push(word, ...(word === '-c' && said !== undefined ? [said] : []))
    else settings.push([name.replaceAll('-', '_'), value!])
  }
  return { settings, rest: rest.map((word) => word.replaceAll(/[\s\\]/g, '\\$&')).join(' ') }
}
