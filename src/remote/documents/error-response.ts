/**
 * Parses the body of a refusal. The library sends JSON:API errors; a plain Rails controller, a filter before it or a proxy sends
 * an object by member, a list, a text or HTML (seen with Rails 6.1). No form is relied upon: an unknown one gives no error
 * objects. Everything is bounded, since it is shown and stored.
 */
import { isObject } from '../../exact-json.ts'

export interface ErrorObject {
  /** `/data/attributes/name` */
  readonly pointer: string | null
  /** Of the query: `filter[phone]`. */
  readonly parameter: string | null
  /** The name it has in the body: `{"errors": {"project_name": ["is too long"]}}`. */
  readonly member: string | null
  readonly title: string
  readonly detail: string
  readonly code: string
}

/** A longer body is read as a text. */
const LONGEST_BODY = 1024 * 1024
const LONGEST_TEXT = 300
const LONGEST_DETAIL = 500
const MOST_COMPLAINTS = 20
/** Nesting that is followed: a text is at the third level at most, `{"error": {"errors": {"name": [...]}}}`. */
const DEEPEST = 5

export function errorObjectsOf(body: string): ErrorObject[] {
  const text = body.trimStart()
  if (text.startsWith('<')) return inText(titleOf(text.slice(0, LONGEST_BODY)))
  if (body.length > LONGEST_BODY) return inText(body)
  let document: unknown
  try {
    document = JSON.parse(body)
  } catch {
    // A JSON document that was cut off is not readable.
    return /^[[{"]/.test(text) ? [] : inText(body)
  }
  return within(document, null, DEEPEST).slice(0, MOST_COMPLAINTS)
}

/** One line; empty when the body has no error (the bare library sends empty bodies). */
export function errorDetail(body: string): string {
  const texts = errorObjectsOf(body).map((complaint) => {
    const { member, parameter } = complaint
    const sentence = errorText(complaint)
    // Only the parameter shows which of several includes was refused.
    const about = parameter === null || contains(sentence, parameter) ? [] : [parameter]
    return [member === null ? sentence : `${member} ${sentence}`, ...about].filter((part) => part !== '').join(': ')
  })
  return cut(texts.filter((one) => one !== '').join('; '), LONGEST_DETAIL)
}

/** Title and detail, where they differ: `name - has already been taken` already contains `has already been taken`. */
export function errorText({ title, detail }: Pick<ErrorObject, 'title' | 'detail'>): string {
  if (title === '' || contains(detail, title)) return detail
  return detail === '' || contains(title, detail) ? title : `${title}: ${detail}`
}

/** As whole words. */
function contains(text: string, part: string): boolean {
  const at = text.toLowerCase().indexOf(part.toLowerCase())
  const isLetter = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{N}]/u.test(char)
  return at !== -1 && !isLetter(text[at - 1]) && !isLetter(text[at + part.length])
}

function within(value: unknown, member: string | null, deep: number): ErrorObject[] {
  if (typeof value === 'string') return inText(value, member)
  if (deep === 0) return []
  if (Array.isArray(value)) {
    return value.slice(0, MOST_COMPLAINTS).flatMap((one) => within(one, member, deep - 1))
  }
  if (!isObject(value)) return []
  for (const name of ['errors', 'error']) {
    const inside = typeof value[name] === 'object' || name === 'errors' ? within(value[name], member, deep - 1) : []
    if (inside.length > 0) return inside
  }
  const one = asOne(value, member)
  if (errorText(one) !== '' || one.pointer !== null || one.parameter !== null) return [one]
  // Rails' `base` is about the record itself.
  return Object.entries(value)
    .filter(([name]) => !NOT_FOR_READERS.has(name))
    .slice(0, MOST_COMPLAINTS)
    .flatMap(([name, inside]) => within(inside, name === 'base' ? member : clean(name), deep - 1))
}

/** Members of an error that are of no use to a reader. */
const NOT_FOR_READERS: ReadonlySet<string> = new Set(
  'id status code links meta source jsonapi data success path timestamp exception trace traces request_id'.split(' '),
)

function asOne(error: Readonly<Record<string, unknown>>, member: string | null): ErrorObject {
  const text = (...names: readonly string[]): string => {
    const name = names.find((one) => typeof error[one] === 'string')
    return name === undefined ? '' : clean(error[name] as string)
  }
  const source = isObject(error['source']) ? error['source'] : {}
  const { pointer, parameter } = source
  const { code } = error
  const title = text('title', 'error')
  const detail = text('detail', 'message', 'error_description', 'description', 'reason')
  return {
    pointer: typeof pointer === 'string' ? clean(pointer) : null,
    parameter: typeof parameter === 'string' ? clean(parameter) : null,
    member: text('field', 'attribute', 'member') || member,
    // A title without a detail becomes the detail.
    title: detail === '' ? '' : title,
    detail: detail || title,
    code: typeof code === 'string' || typeof code === 'number' ? clean(String(code)) : '',
  }
}

function inText(text: string, member: string | null = null): ErrorObject[] {
  const detail = clean(text)
  return detail === '' ? [] : [{ pointer: null, parameter: null, member, title: '', detail, code: '' }]
}

/** The title of an HTML page, or its first heading. Searched without a regular expression: on remote text `.*` may take too long. */
function titleOf(page: string): string {
  const lower = page.toLowerCase()
  for (const tag of ['title', 'h1']) {
    const end = lower.indexOf(`</${tag}`)
    const begin = end === -1 ? -1 : lower.lastIndexOf(`<${tag}`, end)
    const from = begin === -1 ? -1 : page.indexOf('>', begin) + 1
    if (from > 0 && from < end) return withoutEntities(page.slice(from, end).slice(0, 4 * LONGEST_TEXT))
  }
  return ''
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ' }

const withoutEntities = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => ENTITIES[name]!)

/** One line, without control characters, of a bounded length. */
const clean = (text: string): string =>
  cut(
    text
      .slice(0, 4 * LONGEST_TEXT)
      .replaceAll('\0', '\uFFFD')
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
    LONGEST_TEXT,
  )

const cut = (text: string, length: number): string =>
  text.length <= length ? text.toWellFormed() : `${text.slice(0, length - 1).toWellFormed()}…`
