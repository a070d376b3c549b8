/**
 * DATABASE_URL taken apart as libpq does it. `URL` is no help: it refuses `user@/db?host=…`, and takes the end of a
 * password with `#` or `?` for something else, so that part of a secret would be looked up as a host.
 */
import { userInfo } from 'node:os'

export interface Host {
  /** A name, an IP address without brackets, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

export interface DatabaseUrl {
  /** To be tried in this order. */
  readonly hosts: readonly Host[]
  readonly database: string
  readonly user: string
  readonly password: string
  /** Whether a host counts only while it can be written to. */
  readonly writable: boolean
  /** What is left of the query. */
  readonly options: ReadonlyMap<string, string>
}

const LOOK = 'must look like postgres://user:password@host:5432/database'
const ENCODE =
  'in user, password and database, percent-encode these characters: % as %25, # as %23, ? as %3F, / as %2F, @ as %40, ' +
  ': as %3A'

/** To obey only half of what these say would be another server, or another identity, than the one meant. */
const UNSUPPORTED = [
  'hostaddr',
  'service',
  'servicefile',
  'passfile',
  'requirepeer',
  'require_auth',
  'sslcrl',
  'sslcrldir',
]

/** What these words may say. Any other value has a sentence that names the word, and not the value. */
const VALUES: Readonly<Record<string, RegExp>> = {
  channel_binding: /^(?:disable|prefer|require)$/,
  gssencmode: /^(?:disable|prefer)$/,
  sslmode: /^(?:disable|allow|prefer|require|verify-ca|verify-full|no-verify)$/,
  sslnegotiation: /^(?:postgres|direct)$/,
  ssl_min_protocol_version: /^TLSv1(?:\.[123])?$/,
  ssl_max_protocol_version: /^TLSv1(?:\.[123])?$/,
}

/** A read-only server is none that this program can use. */
const TARGETS = ['any', 'read-write', 'primary']

/** What is wrong with it, to be said after the variable's name: `must …`. It shows nothing of the URL, which is a secret. */
export function checkDatabaseUrl(url: string): string | null {
  const read = parseDatabaseUrl(url)
  return typeof read === 'string' ? read : null
}

/** A string is the mistake. */
export function parseDatabaseUrl(url: string): DatabaseUrl | string {
  const scheme = /^postgres(?:ql)?:\/\//.exec(url)
  if (scheme === null) return LOOK
  const [, login, place, path = '', query = ''] =
    /^(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url.slice(scheme[0].length)) ?? []
  if (place === undefined) return `holds a bare "#"; ${ENCODE}`
  // Behind the host an "@" means that the password ended the host too early.
  if (path.includes('/') || (login === undefined && /@/.test(path + query))) return `${LOOK}; ${ENCODE}`
  try {
    const options = optionsIn(query)
    const target = take(options, 'target_session_attrs')
    const parts = partsOf({ login, place, path }, options, target)
    if (target !== undefined && !TARGETS.includes(target))
      return `has a target_session_attrs other than ${TARGETS.join(', ')}; this program writes`
    return mistakeIn(parts) ?? parts
  } catch (error) {
    if (error instanceof URIError) return `holds a "%" that begins no code such as %25; ${ENCODE}`
    throw error
  }
}

interface Pieces {
  readonly login: string | undefined
  readonly place: string
  readonly path: string
}

/** A member of the query goes before the same member of the address, as in libpq. */
function partsOf(
  { login, place, path }: Pieces,
  options: Map<string, string>,
  target: string | undefined,
): DatabaseUrl {
  const [user = '', password = ''] = halves(login ?? '', ':')
  const hosts = hostsOf(take(options, 'host'), decodeURIComponent(place), take(options, 'port'))
  return {
    hosts,
    database: take(options, 'dbname') ?? decodeURIComponent(path),
    user: take(options, 'user') ?? (decodeURIComponent(user) || nameOfUser()),
    password: take(options, 'password') ?? decodeURIComponent(password),
    // Of several hosts the one to write to is meant; libpq, which also serves readers, would take the first.
    writable: target === undefined ? hosts.length > 1 : target !== 'any',
    options,
  }
}

/** Of the query, where it then stands no more; an empty value counts as none. */
function take(options: Map<string, string>, name: string): string | undefined {
  const value = options.get(name)
  options.delete(name)
  return value || undefined
}

function mistakeIn({ hosts, database, user, options }: DatabaseUrl): string | undefined {
  if (hosts.length === 0) return 'has more ports than hosts, or fewer; give one port for each host, or one for all'
  // The end of a host that holds any of these was meant for a password.
  const wrong = ({ host, port }: Host): boolean =>
    /[@?#%[\]\s]/.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535
  if (hosts.some(wrong)) return `${LOOK}; ${ENCODE}`
  if (database === '') return `names no database; it ${LOOK}`
  if (user === '') return `names no user; it ${LOOK}`
  const unsupported = UNSUPPORTED.filter((name) => options.has(name))
  if (unsupported.length > 0) return `has ${unsupported.join(' and ')}, which this program cannot obey; leave it out`
  if (options.has('sslcert') !== options.has('sslkey')) return 'has one of sslcert and sslkey; a certificate needs both'
  if (!/^\d*$/.test(options.get('connect_timeout') ?? '')) return 'has a connect_timeout that is not in whole seconds'
  const unknown = Object.entries(VALUES)
    .filter(([name, known]) => options.get(name) && !known.test(options.get(name)!))
    .map(([name]) => name)
  if (unknown.length > 0) return `has a value of ${unknown.join(' and ')} that is unknown; correct it, or leave it out`
  return undefined
}

/** libpq's default too. A user id without a name, as containers have, is none. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

/** `[::1]:5432`, `host:5432`, `host`, `/folder`, several with commas. A port that makes no sense becomes NaN. */
function hostsOf(named: string | undefined, place: string, port: string | undefined): Host[] {
  const behind = place.split(',').map((one) => {
    const [, six, name, its] = /^(?:\[([\da-f:.]+)\]|([^:]*))(?::(\d*))?$/i.exec(one) ?? []
    return { host: six ?? name ?? '@', port: its }
  })
  const names = named?.split(',').map((host) => ({ host, port: undefined })) ?? behind
  const ports = port?.split(',') ?? behind.map((one) => one.port)
  // The ports of the place belong to its hosts, unless it has but one.
  if (ports.length !== 1 && ports.length !== names.length) return []
  return names.map(({ host }, index) => ({
    host: host || 'localhost',
    port: Number((ports.length === 1 ? ports[0] : ports[index]) || 5432),
  }))
}

/** By hand: `URLSearchParams` makes a space of `+`, and a bad `%` passes unseen. */
function optionsIn(query: string): Map<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '')
  return new Map(
    pairs.map((pair) => {
      const [name = '', value = ''] = halves(pair, '=')
      return [decodeURIComponent(name), decodeURIComponent(value)]
    }),
  )
}

function halves(text: string, at: string): string[] {
  const place = text.indexOf(at)
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + 1)]
}
