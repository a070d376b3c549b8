/** What DATABASE_URL says about server, TLS and session, for both drivers and their socket. */
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
  /** Options of `node:tls`: trusted authorities, if they are not Node's own, and our certificate. */
  readonly secure: {
    readonly ca?: string[]
    readonly cert?: string
    readonly key?: string
    readonly passphrase?: string
    readonly minVersion?: SecureVersion
    readonly maxVersion?: SecureVersion
  }
}

/** @throws SyncError SYNC_CONFIG for an address with a part that cannot be followed. */
export function readAddress(url: string): DatabaseUrl {
  const read = parseDatabaseUrl(url)
  if (typeof read === 'string') throw configInvalid([`DATABASE_URL ${read}.`])
  return read
}

/** `?sslmode=` as in libpq, or `?ssl=` as in the driver. An unknown value requires TLS. */
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
  // A named authority means that the certificate has to be verified.
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
    // The name that the certificate must have. It may be an IP address, which a server name may not be (RFC 6066).
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...secure,
    rejectUnauthorized: mode === 'verify-full' || mode === 'verify-ca',
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** Parameters of libpq, the drivers and Prisma. As settings, the server would reject the connection (42704). */
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
  /** Startup parameters: few, since poolers reject nearly all others (PgBouncer: 08P01). */
  readonly startup: Readonly<Record<string, string>>
  /** The first statement of the session (`sessionStatement`). */
  readonly statement: string
}

/** The settings of a session: ours, and those of `options`, `application_name` and others such as `statement_timeout`. */
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
      // Override the database's and the role's settings: times are parsed in this format.
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

/** Parses `-c name=value` and `--name=value` as the server does; anything else (`endpoint=…` at Neon) stays. */
function switchesIn(text: string): { settings: [string, string][]; rest: string } {
  const words = (text.match(/(?:\\[^]|[^\s\\])+/g) ?? []).map((word) => word.replaceAll(/\\([^])/g, '$1'))
  const settings: [string, string][] = []
  const rest: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const setting = word === '-c' ? words[++at] : /^(?:-c|--)(?=.)/.test(word) ? word.slice(2) : undefined
    const [, name, value] = /^([^=]+)=([^]*)$/.exec(setting ?? '') ?? []
    if (name === undefined) rest.push(word, ...(word === '-c' && setting !== undefined ? [setting] : []))
    else settings.push([name.replaceAll('-', '_'), value!])
  }
  return { settings, rest: rest.map((word) => word.replaceAll(/[\s\\]/g, '\\$&')).join(' ') }
}
