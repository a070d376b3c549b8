/**
 * Takes our secrets out of every response. A server, or a proxy before it, may quote the request that it refuses, and with it
 * the token; its texts end up on screens, in logs and in tables. So each response passes here where it is read, and no later code
 * has to care. From error texts and headers every piece of twelve characters is removed; from data only what could be used, so
 * that no value of a record is taken for a part of a password.
 *
 * What was removed becomes `[secret]`, in the mirror as well.
 */
import { hash } from 'node:crypto'
import { SyncError } from '../../errors/sync-error.ts'
import type { Http, HttpResponse } from '../http/http.ts'
import { formsOf } from './secret-forms.ts'
import { indexTexts, type Known, type Piece } from './secret-index.ts'

export interface Redactor {
  /** From now on it is removed. One that a person has chosen may look like words: of data only all of it is removed. */
  addSecret(secret: string, origin?: Origin): void
  /** For what is shown: error bodies, pages of HTML, descriptions. */
  readonly text: (text: string) => string
  /** For what is loaded: JSON. */
  readonly data: (text: string) => string
}

type Origin = 'issued' | 'chosen'

/** Its forms; `least` is the shortest piece of one that is removed from data. */
type Secret = readonly Known[]

const MARK = '[secret]'
/** A piece of this length is no coincidence in an error text, or in data. */
const LEAST_IN_TEXT = 12
const LEAST_IN_DATA = 16
/**
 * All of a JWT but its signature is much like other tokens of the same server. So in data a piece counts that is nearly half
 * of it, such as one that was cut in half. Without its signature it is of no use.
 */
const JWT = /^eyJ[\w-]+\.[\w-]+\.([\w-]+)$/
const SHARE_OF_JWT = 0.45
/** A piece of this length always counts. */
const MAX_LEAST = 512
/** Shorter secrets would match everywhere. */
const SHORTEST = 4
/** Shorter ones are removed only as whole words: a password `demo` is not a part of "demonstration". */
const ALONE_BELOW = 8
/** Besides those of the settings. A token lives for ten seconds at least, so no response outlasts twelve of them. */
const REMEMBERED = 12

interface Settings {
  readonly clientSecret?: string
  readonly password?: string | undefined
  readonly proxy?: { readonly url: string } | undefined
}

/** @param settings the secrets that stay. */
export function createRedactor(settings: Settings = {}): Redactor {
  const settled = new Map<string, Secret>()
  const learned = new Map<string, Secret>()
  let last = ''
  let filters: Filters | undefined

  const { clientSecret = '', password = '' } = settings
  if (clientSecret.length >= SHORTEST) settled.set(clientSecret, known(clientSecret, 'issued'))
  const proxy = settings.proxy === undefined ? '' : new URL(settings.proxy.url).password
  for (const chosen of [password, decodeURIComponent(proxy)]) {
    if (chosen.length >= SHORTEST) settled.set(chosen, known(chosen, 'chosen'))
  }

  const current = (): Filters => (filters ??= filtersFor([...settled.values(), ...learned.values()]))
  return {
    addSecret(secret, origin = 'issued') {
      if (secret === last || secret.length < SHORTEST || settled.has(secret)) return
      last = secret
      const held = learned.get(secret)
      // Moves to the end, as the most recently used one.
      learned.delete(secret)
      learned.set(secret, held ?? known(secret, origin))
      if (held !== undefined) return
      const [oldest] = learned.keys()
      if (learned.size > REMEMBERED && oldest !== undefined) learned.delete(oldest)
      filters = undefined
    },
    text: (text) => current().text(text),
    data: (text) => current().data(text),
  }
}

function known(secret: string, origin: Origin): Secret {
  const signature = JWT.exec(secret)?.[1]
  const leastOf = ({ length }: string): number => {
    if (origin === 'chosen') return length
    const share = signature === undefined ? LEAST_IN_DATA : Math.floor(length * SHARE_OF_JWT)
    return Math.min(length, MAX_LEAST, Math.max(LEAST_IN_DATA, share))
  }
  const forms = formsOf(secret).map((text) => ({ text, least: leastOf(text) }))
  return signature === undefined ? forms : [...forms, ...known(signature, 'issued')]
}

/** Learns the token of each request, and redacts its response. */
export function redacting(http: Http, redactor: Redactor): Http {
  return {
    async send(request, signal) {
      const bearer = /^Bearer (.+)$/.exec(request.headers['authorization'] ?? '')?.[1]
      if (bearer !== undefined) redactor.addSecret(bearer)
      try {
        return redactedResponse(await http.send(request, signal), redactor)
      } catch (error) {
        throw redactedError(error, redactor)
      }
    },
    close: () => http.close(),
  }
}

/** Headers that are used rather than shown: a short password must not change an address or a time. */
const USED: ReadonlySet<string> = new Set(['etag', 'location', 'content-type', 'content-length'])

export function redactedResponse(response: HttpResponse, { text, data }: Redactor): HttpResponse {
  const { status, headers, received } = response
  const succeeded = status >= 200 && status < 300
  const given = (name: string) => (name === 'retry-after' || (succeeded && USED.has(name)) ? data : text)
  const cleaned = Object.entries(headers).map(([name, value]): [string, string | string[] | undefined] => [
    name,
    Array.isArray(value) ? value.map(given(name)) : value === undefined ? value : given(name)(value),
  ])
  let body: string | undefined
  const digest = (): string =>
    body === undefined || body === response.body ? received!.digest() : hash('sha1', body, 'base64')
  return {
    status,
    headers: Object.fromEntries(cleaned),
    // It is decoded and searched when it is read: the bytes of a text that was read before hold nothing new.
    get body() {
      return (body ??= succeeded && looksLikeJson(response.body) ? data(response.body) : text(response.body))
    },
    ...(received === undefined ? {} : { received: { length: received.length, digest } }),
  }
}

/** A network failure may quote what it could not parse. */
export function redactedError(error: unknown, { text }: Redactor): unknown {
  if (!(error instanceof SyncError) || text(error.message) === error.message) return error
  return error.mapTexts(text)
}

type Filters = Pick<Redactor, 'text' | 'data'>

function filtersFor(secrets: readonly Secret[]): Filters {
  const forms = secrets.flat()
  const long = forms.filter(({ text }) => text.length >= LEAST_IN_TEXT)
  const quotable = long.filter(({ text }) => isInJson(text))
  const inText = lazily(() => indexTexts(long.map(inTextFrom), LEAST_IN_TEXT))
  const inJson =
    long.length === quotable.length ? inText : lazily(() => indexTexts(quotable.map(inTextFrom), LEAST_IN_TEXT))
  const short = forms.map(({ text }) => text).filter(({ length }) => length >= SHORTEST && length < LEAST_IN_TEXT)
  const words = short.length === 0 ? undefined : new RegExp(short.map(alternative).join('|'), 'giu')
  // Digits may be a number of a record: JSON without quotes.
  const loaded = quotable.filter(({ text }) => !/^\d+$/.test(text))
  // A smaller minimum makes the search slower, and is rarely needed.
  const inData = lazily(() => indexTexts(loaded, Math.min(LEAST_IN_DATA, ...loaded.map(({ text }) => text.length))))
  return {
    text(text) {
      const rest = without(text, looksLikeJson(text) ? inJson(text) : inText(text))
      if (words === undefined) return rest
      return rest
        .split(MARK)
        .map((part) => part.replace(words, MARK))
        .join(MARK)
    },
    data: (text) => without(text, inData(text)),
  }
}

type Find = (text: string) => Piece[]

function lazily(make: () => Find): Find {
  let made: Find | undefined
  return (text) => (made ??= make())(text)
}

const looksLikeJson = (text: string): boolean => /^\s*[[{]/.test(text.slice(0, 64))

/** Whether it may stand between quotes: removing one with a quote in it would break the document. */
function isInJson(form: string): boolean {
  try {
    return typeof JSON.parse(`"${form}"`) === 'string'
  } catch {
    return false
  }
}

const inTextFrom = ({ text }: Known): Known => ({ text, least: LEAST_IN_TEXT })

function alternative(form: string): string {
  const literal = RegExp.escape(form)
  return form.length < ALONE_BELOW ? String.raw`(?<![\p{L}\p{N}])${literal}(?![\p{L}\p{N}])` : literal
}

function without(text: string, pieces: readonly Piece[]): string {
  if (pieces.length === 0) return text
  const parts: string[] = []
  let copied = 0
  for (const piece of pieces) {
    const start = Math.max(copied, behindEscape(text, piece.start))
    const end = beforeEscape(text, piece.end)
    if (end <= start) continue
    // Overlapping pieces leave one mark.
    if (start > copied || copied === 0) parts.push(text.slice(copied, start), MARK)
    copied = end
  }
  return parts.join('') + text.slice(copied)
}

/** The JSON escape around `at`, `\n` or `\u00e9`: half of one would make the document unreadable. */
function escapeAround(text: string, at: number): Piece | undefined {
  for (let start = at - 1; start >= Math.max(0, at - 5); start--) {
    if (text[start] !== '\\') continue
    let first = start
    while (first > 0 && text[first - 1] === '\\') first--
    // The second backslash of a pair begins no escape.
    if ((start - first) % 2 === 1) continue
    const end = start + (text[start + 1] === 'u' ? 6 : 2)
    if (at < end) return { start, end }
  }
  return undefined
}

/** Also behind a quote: it ends the value before the secret, even where the secret begins with one. */
const behindEscape = (text: string, at: number): number =>
  escapeAround(text, at)?.end ?? (text[at] === '"' ? at + 1 : at)
const beforeEscape = (text: string, at: number): number => escapeAround(text, at)?.start ?? at
