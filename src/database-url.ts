/**
 * DATABASE_URL taken apart as libpq does it. `URL` is no help: it refuses `user@/db?host=…`, and takes the end of a
 * password with `#` or `?` for something else, so that part of a secret would be looked up as a host.
 */

export interface DatabaseUrl {
  /** A name, an IP address without brackets, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  /** Empty: the driver's default. */
  readonly user: string
  readonly password: string
  /** What is left of the query. */
  readonly options: ReadonlyMap<string, string>
}

const LOOK = 'must look like postgres://user:password@host:5432/database'
const ENCODE =
  'in user, password and database, percent-encode these characters: % as %25, # as %23, ? as %3F, / as %2F, @ as %40, ' +
  ': as %3A'

/** To obey only half of what these say would be another server, or another identity, than the one meant. */
const UNSUPPORTED = ['hostaddr', 'service', 'servicefile', 'sslcert', 'sslkey']

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
    const [user = '', password = ''] = halves(login ?? '', ':')
    const take = (name: string): string | undefined => {
      const value = options.get(name)
      options.delete(name)
      return value || undefined
    }
    const parts = {
      ...serverOf(take('host'), decodeURIComponent(place), take('port')),
      database: take('dbname') ?? decodeURIComponent(path),
      user: take('user') ?? decodeURIComponent(user),
      password: take('password') ?? decodeURIComponent(password),
      options,
    }
    return mistakeIn(parts) ?? parts
  } catch (error) {
    if (error instanceof URIError) return `holds a "%" that begins no code such as %25; ${ENCODE}`
    throw error
  }
}

function mistakeIn({ host, port, database, options }: DatabaseUrl): string | undefined {
  if (host.includes(',')) {
    return 'names several hosts, and only one can be written to; name the primary, or an address that follows it'
  }
  // The end of a host that holds any of these was meant for a password.
  if (/[@?#%[\]\s]/.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) return `${LOOK}; ${ENCODE}`
  if (database === '') return `names no database; it ${LOOK}`
  const unsupported = UNSUPPORTED.filter((name) => options.has(name))
  if (unsupported.length > 0) return `has ${unsupported.join(' and ')}, which this program cannot obey; leave it out`
  if (!/^\d*$/.test(options.get('connect_timeout') ?? '')) return 'has a connect_timeout that is not in whole seconds'
  return undefined
}

/** `[::1]:5432`, `host:5432`, `host`, `/folder`. A port that makes no sense becomes NaN. */
function serverOf(named: string | undefined, place: string, port: string | undefined): { host: string; port: number } {
  const [, six, name, behind] = /^(?:\[([\da-f:.]+)\]|([^:]*))(?::(\d*))?$/i.exec(place) ?? []
  // Several hosts have several ports; the caller says so.
  if (place.includes(',')) return { host: place, port: 0 }
  const host = named ?? six ?? name
  return { host: (host ?? '@') || 'localhost', port: Number(port ?? (behind || 5432)) }
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
