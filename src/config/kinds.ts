/**
 * What settings may be. Not by a library of schemas: zod's entry loads 95 files, 64 of them its translations, which is 35 ms of CPU
 * at the start of every command.
 */
import { checkDatabaseUrl } from './database-url.ts'

/** A mistake continues a sentence that begins with the variable's name, and shows nothing of the text, which may be a secret. */
export type Parsed<T> = { readonly value: T } | { readonly mistakes: readonly string[] }

type Parse<T> = (text: string) => Parsed<T>

export interface Kind<T> {
  readonly parse: Parse<T>
  /** Its value where the variable is not set. */
  readonly absent: T
}

export const optional = <T>(parse: Parse<T>): Kind<T | undefined> => ({ parse, absent: undefined })

export const orElse = <T>(absent: T, parse: Parse<T>): Kind<T> => ({ parse, absent })

export const text: Parse<string> = (value) => ({ value })

export const textThat =
  (isRight: (value: string) => boolean, mistake: string): Parse<string> =>
  (value) =>
    isRight(value) ? { value } : { mistakes: [mistake] }

/** What stands between the separators, without empty ones. */
export const listBy =
  (separator: string | RegExp): Parse<readonly string[]> =>
  (value) => ({
    value: value
      .split(separator)
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  })

export const oneOf =
  <const T extends string>(values: readonly T[], mistake = `must be one of ${values.join(', ')}`): Parse<T> =>
  (given) => {
    const value = values.find((one) => one === given)
    return value === undefined ? { mistakes: [mistake] } : { value }
  }

export const number =
  (minimum: number, maximum: number, whole: boolean): Parse<number> =>
  (given) => {
    if (!(whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(given)) {
      return { mistakes: [`must be ${whole ? 'a whole number' : 'a number'}`] }
    }
    const value = Number(given)
    if (value >= minimum && value <= maximum) return { value }
    return { mistakes: [`must be between ${minimum} and ${maximum}`] }
  }

export const databaseUrl: Parse<string> = (value) => {
  const mistake = checkDatabaseUrl(value)
  return mistake === null ? { value } : { mistakes: [mistake] }
}

export const scopeStackUrl: Parse<string> = (value) => {
  if (!URL.canParse(value)) return { mistakes: ['must be an address such as https://api.scopestack.io'] }
  const url = new URL(value)
  const mistakes: string[] = []
  // A token sent over plain http can be read on the way; a simulator on this machine has no way to be listened on.
  if (!isProtected(url)) mistakes.push('must begin with https:// (http:// is allowed for this machine only)')
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    mistakes.push('must have no path, query or user')
  }
  return mistakes.length > 0 ? { mistakes } : { value: url.origin }
}

/** Of a URL or of a listener: the second writes IPv6 without brackets. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d+){3}$/.test(host)

const isProtected = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))

/** Of what gets no secret. */
export const isHttpAddress = (value: string): boolean =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)

/** Of a user and a password in an address. */
export function isDecodable(encoded: string): boolean {
  try {
    return decodeURIComponent(encoded) !== '' || encoded === ''
  } catch {
    return false
  }
}

export const isWebhook = (value: string): boolean => URL.canParse(value) && isProtected(new URL(value))

export function isTimeZone(value: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export interface DashboardTokens {
  /** Its holder may only look; undefined where there is one token. */
  readonly look: string | undefined
  readonly act: string
}

/** Too long to be guessed by trying. */
const SHORTEST_TOKEN = 16

export const dashboardTokens: Parse<DashboardTokens> = (given) => {
  const tokens = given.split(',').map((token) => token.trim())
  const [look, act] = tokens
  const mistakes: string[] = []
  if (tokens.length > 2) mistakes.push('must be one token, or two with a comma between them')
  if (!tokens.every((token) => token.length >= SHORTEST_TOKEN && /^[!-~]+$/.test(token))) {
    mistakes.push(`must have at least ${SHORTEST_TOKEN} characters, without spaces: openssl rand -hex 16`)
  }
  if (look === act) mistakes.push('must be two different tokens')
  if (mistakes.length > 0) return { mistakes }
  return { value: { look: tokens.length === 2 ? look : undefined, act: tokens.at(-1)! } }
}
