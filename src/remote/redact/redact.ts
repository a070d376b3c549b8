/**
 * Takes our secrets out of what the remote says. A server, or a proxy before it, may quote the request it refuses, and with
 * it the token; what it says ends up on screens, in logs and in tables. So all of it passes here where it is read, and
 * nobody behind has to remember: error texts and headers with every piece of twelve characters, data with what could be
 * used, so that no value of somebody's record is taken for a part of a password.
 *
 * What was taken out is `[secret]`, in the mirror as well.
 */
import { SyncError } from '../../errors/sync-error.ts'
import type { Http, HttpResponse } from '../http/http.ts'
import { formsOf } from './secret-forms.ts'
import { indexTexts, type Known, type Piece } from './secret-index.ts'

export interface Redactor {
  /** From now on it is taken out. What a person has chosen may look like words, and is looked for whole in data. */
  addSecret(secret: string, origin?: Origin): void
  /** Of what is shown: error bodies, pages of HTML, descriptions. */
  readonly text: (text: string) => string
  /** Of what is loaded, JSON. */
  readonly data: (text: string) => string
}

type Origin = 'issued' | 'chosen'

type Secret = readonly Form[]

interface Form {
  readonly form: string
  /** The shortest piece of it that is taken out of data. */
  readonly inData: number
}

const MARK = '[secret]'
/** A piece as long is no coincidence in an error text, nor in data. */
const LEAST_IN_TEXT = 12
const LEAST_IN_DATA = 16
/**
 * Of a JWT in data, all but its signature says what other tokens of the same server say: a piece counts that is nearly half
 * of it, as one cut in half is. Without its signature it opens nothing.
 */
const JWT = /^eyJ[\w-]+\.[\w-]+\.([\w-]+)$/
const SHARE_OF_JWT = 0.45
/** And in any case from here on, so that no piece that counts for nothing is long. */
const MAX_LEAST = 512
/** A word of three letters is everywhere. */
const SHORTEST = 4
/** Shorter ones are taken out where they stand alone: a password `demo` is not a part of "demonstration". */
const ALONE_BELOW = 8
/** Besides those of the settings. A token has at least ten seconds of use, and no answer is waited for as long as these are. */
const REMEMBERED = 12

interface Settings {
  readonly clientSecret?: string
  readonly password?: string | undefined
  readonly proxy?: { readonly url: string } | undefined
}

/** @param settings the secrets that are there for good. */
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
      // Behind the others, as the one that was used last.
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
  const inData = ({ length }: string): number => {
    if (origin === 'chosen') return length
    const share = signature === undefined ? LEAST_IN_DATA : Math.floor(length * SHARE_OF_JWT)
    return Math.min(length, MAX_LEAST, Math.max(LEAST_IN_DATA, share))
  }
  const forms = formsOf(secret).map((form) => ({ form, inData: inData(form) }))
  return signature === undefined ? forms : [...forms, ...known(signature, 'issued')]
}

/** What is sent is learned, and what comes back is read without it. */
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

/** What something is done with rather than shown, so that a short password does not make another address or time of it. */
const USED: ReadonlySet<string> = new Set(['etag', 'location', 'content-type', 'content-length'])

export function redactedResponse(response: HttpResponse, { text, data }: Redactor): HttpResponse {
  const { status, headers, body } = response
  const succeeded = status >= 200 && status < 300
  const given = (name: string) => (name === 'retry-after' || (succeeded && USED.has(name)) ? data : text)
  const cleaned = Object.entries(headers).map(([name, value]): [string, string | string[] | undefined] => [
    name,
    Array.isArray(value) ? value.map(given(name)) : value === undefined ? value : given(name)(value),
  ])
  return {
    ...response,
    headers: Object.fromEntries(cleaned),
    body: succeeded && looksLikeJson(body) ? data(body) : text(body),
  }
}

/** A failure of the network, which may quote what it did not understand. */
export function redactedError(error: unknown, { text }: Redactor): unknown {
  if (!(error instanceof SyncError) || text(error.message) === error.message) return error
  return error.mapTexts(text)
}

type Filters = Pick<Redactor, 'text' | 'data'>

function filtersFor(secrets: readonly Secret[]): Filters {
  const forms = secrets.flat()
  const long = forms.filter(({ form }) => form.length >= LEAST_IN_TEXT)
  const quotable = long.filter(({ form }) => isInJson(form))
  const inText = lazily(() => indexTexts(long.map(inTextFrom), LEAST_IN_TEXT))
  const inJson =
    long.length === quotable.length ? inText : lazily(() => indexTexts(quotable.map(inTextFrom), LEAST_IN_TEXT))
  const short = forms.map(({ form }) => form).filter((form) => form.length >= SHORTEST && form.length < LEAST_IN_TEXT)
  const words = short.length === 0 ? undefined : new RegExp(short.map(alternative).join('|'), 'giu')
  // Digits alone may stand in JSON without quotes, as a number of somebody's.
  const loaded = quotable
    .filter(({ form }) => !/^\d+$/.test(form))
    .map(({ form, inData: least }): Known => ({ text: form, least }))
  // What is shorter than the usual piece is rare, and costs a closer look.
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

/** As it stands between quotes: a quote in it would be taken for the end of a value, and the document be broken. */
function isInJson(form: string): boolean {
  try {
    return typeof JSON.parse(`"${form}"`) === 'string'
  } catch {
    return false
  }
}

const inTextFrom = ({ form }: { form: string }): Known => ({ text: form, least: LEAST_IN_TEXT })

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
    // Two tokens that begin alike, or a form within a form, leave one mark.
    if (start > copied || copied === 0) parts.push(text.slice(copied, start), MARK)
    copied = end
  }
  return parts.join('') + text.slice(copied)
}

/** The JSON escape that `at` lies within, `\n` or `\u00e9`: half of one would make the document unreadable. */
function escapeAround(text: string, at: number): Piece | undefined {
  for (let start = at - 1; start >= Math.max(0, at - 5); start--) {
    if (text[start] !== '\\') continue
    let first = start
    while (first > 0 && text[first - 1] === '\\') first--
    // The second of a pair begins nothing.
    if ((start - first) % 2 === 1) continue
    const end = start + (text[start + 1] === 'u' ? 6 : 2)
    if (at < end) return { start, end }
  }
  return undefined
}

/** Also behind a quote that ends a value before the secret, which may have one there itself. */
const behindEscape = (text: string, at: number): number =>
  escapeAround(text, at)?.end ?? (text[at] === '"' ? at + 1 : at)
const beforeEscape = (text: string, at: number): number => escapeAround(text, at)?.start ?? at
