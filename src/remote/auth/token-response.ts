/**
 * What the response of a token endpoint means (RFC 6749 §5). It is read tolerantly: any 2xx that carries a token gives one. Only
 * a token that cannot be sent (RFC 6750 §2.1) is refused here, where the reason is known, and not by the request that would
 * have carried it.
 */
import { credentialsRefused, tokenFailed, tokenUnusable } from '../../errors/credentials.ts'
import { bodyUnreadable } from '../../errors/requests.ts'
import { isObject } from '../../exact-json.ts'
import { readJson } from '../documents/document.ts'
import { errorDetail } from '../documents/error-response.ts'
import type { HttpResponse } from '../http/http.ts'
import { throwIfTemporary } from '../http/response.ts'
import { createRedactor, redactedResponse, type Redactor } from '../redact/redact.ts'

export interface IssuedToken {
  readonly accessToken: string
  readonly lifetimeSeconds: number
  /** Only for a user's token; in the response to a refresh, only when the old one is replaced. */
  readonly refreshToken?: string | undefined
}

type Members = Readonly<Record<string, unknown>>

/** RFC 6749 §5.2 errors that a person has to fix; the same request again cannot help. */
const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'invalid_grant',
  'invalid_scope',
])

/**
 * @param redactor takes our secrets out of what is shown.
 * @throws SyncError SYNC_CREDENTIALS_REFUSED (stop), SYNC_TOKEN_FAILED (wait) for a token that cannot be used, or one to
 *   retry.
 */
export function parseTokenResponse(
  response: HttpResponse,
  url: string,
  redactor: Redactor = createRedactor(),
): IssuedToken {
  const { status, body } = response
  const members = parse(body)
  const { code, description } = complaint(members, body)
  // Some servers refuse with status 200: a body without a token that names an error is a refusal.
  const succeeded = status >= 200 && status < 300
  if (succeeded && (code === '' || hasToken(members))) return issued(members, body, { url, redactor })
  if (!succeeded) throwIfTemporary(redactedResponse(response, redactor), url)
  const shown = (text: string): string => inOneLine(redactor.text(text))
  // The bare library may send 401 without a body that names the error (API notes §12).
  if (status === 401 || REFUSALS.has(code)) {
    throw credentialsRefused({ url, error: shown(code) || `status ${status}`, description: shown(description) })
  }
  const error = [code, description].filter((text) => text !== '').join(': ')
  throw tokenFailed({ url, status, error: shown(error) || 'no reason given' })
}

function issued(
  members: Members | undefined,
  body: string,
  { url, redactor }: { url: string; redactor: Redactor },
): IssuedToken {
  if (members === undefined) throw bodyUnreadable({ url, problem: problemOf(body) })
  if (!hasToken(members)) throw bodyUnreadable({ url, problem: 'it has no access_token' })
  const type = members['token_type'] ?? ''
  // RFC 6749 §5.1 requires it; a server that leaves it out means the only one in use.
  if (typeof type !== 'string' || !/^(bearer)?$/i.test(type.trim())) {
    // It may repeat what was sent, or what it has just issued.
    for (const name of ['access_token', 'refresh_token']) learn(redactor, members[name])
    const shown = typeof type === 'string' ? redactor.text(JSON.stringify(type)).slice(0, 40) : 'no text'
    throw tokenUnusable({ url, problem: `its token_type is ${shown}, not Bearer` })
  }
  const accessToken = sendable(members['access_token'], url)
  const refreshToken = members['refresh_token']
  return {
    accessToken,
    lifetimeSeconds: lifetimeOf(members['expires_in']),
    // As it came: form-encoded, any character arrives.
    refreshToken: typeof refreshToken === 'string' && refreshToken.trim() !== '' ? refreshToken : undefined,
  }
}

function learn(redactor: Redactor, token: unknown): void {
  if (typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH) redactor.addSecret(token.trim())
}

/** No server in front of Rails accepts a longer header (Puma 80 kB in all, nginx 8 kB a line, Node 16 kB in all). */
const MAX_TOKEN_LENGTH = 64 * 1024

/** White space around it, such as a line end, is no part of it. @throws SyncError when no header can carry the rest. */
function sendable(token: unknown, url: string): string {
  const unusable = (problem: string) => tokenUnusable({ url, problem })
  if (typeof token !== 'string') throw unusable('its access_token is no text')
  const trimmed = token.trim()
  if (trimmed.length > MAX_TOKEN_LENGTH) {
    throw unusable(`its access_token has ${trimmed.length} characters, more than a header carries`)
  }
  const odd = /[^\x21-\x7e]/.exec(trimmed)
  if (odd === null) return trimmed
  const name = `U+${odd[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
  throw unusable(`its access_token has the character ${name} in it, which no Authorization header carries`)
}

/** Doorkeeper's default when `expires_in` is missing. */
const DEFAULT_LIFETIME_SECONDS = 7200
/**
 * The stated lifetime is a hint of when to request the next token; a 401 decides whether it is still good. So a lifetime of
 * moments does not cause a token request for every call, and one that is too long costs one 401 when it ends.
 */
const MIN_LIFETIME_SECONDS = 10
/** Beyond a month nothing is saved; and the date stays within what a database can store. */
const MAX_LIFETIME_SECONDS = 30 * 86_400

/** 0, and anything that is no positive number, counts as missing: some servers send it for "without end". */
function lifetimeOf(given: unknown): number {
  const seconds = typeof given === 'string' && /^\s*\+?\d+(\.\d*)?\s*$/.test(given) ? Number(given) : given
  if (typeof seconds !== 'number' || !(seconds > 0)) return DEFAULT_LIFETIME_SECONDS
  return Math.min(MAX_LIFETIME_SECONDS, Math.max(MIN_LIFETIME_SECONDS, seconds))
}

const hasToken = (members: Members | undefined): members is Members => {
  const token = members?.['access_token']
  return token !== undefined && token !== null && !(typeof token === 'string' && token.trim() === '')
}

/** Code and description of a refusal, in RFC 6749's form, as an object, or as JSON:API; empty where there are none. */
function complaint(members: Members | undefined, body: string): { code: string; description: string } {
  const error = members?.['error']
  const about = isObject(error) ? error : members
  const code = typeof error === 'string' ? error : textOf(about, ['code', 'error', 'type'])
  const detail = errorDetail(body)
  const stated = textOf(about, ['error_description', 'message', 'description', 'detail'])
  const description = stated || (detail === code.trim() ? '' : detail)
  return { code: code.trim(), description: description.trim() }
}

const textOf = (given: Members | undefined, names: readonly string[]): string =>
  names.map((name) => given?.[name]).find((value): value is string => typeof value === 'string' && value !== '') ?? ''

/** For a terminal, and for a database, which stores no NUL. */
const inOneLine = (text: string): string => text.replace(/[\p{C}\p{Z}]+/gu, ' ').slice(0, 300)

/** A byte order mark before it is a blank to `trim`, and an error to `JSON.parse`. */
function parse(body: string): Members | undefined {
  try {
    const value = readJson(body.trim())
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Without quoting it: it may begin with a token that was cut short, which the redactor does not know yet. */
function problemOf(body: string): string {
  const text = body.trimStart()
  if (text === '') return 'it is empty'
  return text.startsWith('<') ? 'it is HTML' : 'it is no JSON object'
}
