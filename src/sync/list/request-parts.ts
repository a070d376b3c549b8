/** The parts of a request: leaves some out, and finds which of them a refusal names. */
import { factOf } from '../../errors/sync-error.ts'
import type { ListRequest } from '../../remote/pages/page.ts'

export type Part =
  | { readonly kind: 'size'; readonly size: number }
  /** `filter[active]` */
  | { readonly kind: 'filter'; readonly key: string }
  /** `project-services.line-of-business` */
  | { readonly kind: 'include'; readonly path: string }

/** As drift records it: `page[size]=250`, `filter[active]`, `include=lob`. */
export function partName(part: Part): string {
  if (part.kind === 'size') return `page[size]=${part.size}`
  return part.kind === 'filter' ? part.key : `include=${part.path}`
}

export const includesOf = ({ query }: Pick<ListRequest, 'query'>): string[] => query['include']?.split(',') ?? []

/** Page size, filters, includes: in this order each may be left out alone. */
export function partsOf({ query, pageSize }: Pick<ListRequest, 'query' | 'pageSize'>): Part[] {
  const size: Part[] = pageSize === null ? [] : [{ kind: 'size', size: pageSize }]
  const filters = Object.keys(query).filter((key) => key !== 'include' && key !== 'sort')
  return [
    ...size,
    ...filters.map((key): Part => ({ kind: 'filter', key })),
    ...includesOf({ query }).map((path): Part => ({ kind: 'include', path })),
  ]
}

/** In the order of `wanted`: another order is another URL, and its cached pages would not be found. */
export function requestWith(wanted: ListRequest, parts: readonly Part[]): ListRequest {
  const names = new Set(parts.map(partName))
  const query: Record<string, string> = {}
  for (const [key, value] of Object.entries(wanted.query)) {
    if (key !== 'include') {
      if (key === 'sort' || names.has(key)) query[key] = value
      continue
    }
    const paths = value.split(',').filter((path) => names.has(`include=${path}`))
    if (paths.length > 0) query[key] = paths.join(',')
  }
  const size = parts.find((part) => part.kind === 'size')
  return { ...wanted, query, pageSize: size?.size ?? null }
}

/** The parts of `wanted` that `request` lacks. */
export function missingParts(wanted: ListRequest, request: ListRequest): Part[] {
  const names = new Set(partsOf(request).map(partName))
  return partsOf(wanted).filter((part) => !names.has(partName(part)))
}

/** Without `refused`, and the includes below it: `a.b` brings `a` along. A page size is replaced by a smaller one. */
export function withoutParts(parts: readonly Part[], refused: readonly Part[], refusal: unknown): Part[] {
  const left = parts.filter((part) => !refused.some((one) => one === part || restsOn(part, one)))
  const size = refused.find((part) => part.kind === 'size')
  const smaller = size === undefined ? undefined : smallerThan(size.size, refusal)
  return smaller === undefined ? left : [{ kind: 'size', size: smaller }, ...left]
}

const restsOn = (part: Part, other: Part): boolean =>
  part.kind === 'include' && other.kind === 'include' && part.path.startsWith(`${other.path}.`)

/** Tried in this order when the size is refused; 100 is the library's usual maximum. */
const SMALLER_PAGES = [100, 50, 20, 10, 5, 2, 1]

function smallerThan(size: number, refusal: unknown): number | undefined {
  const sizes = wordsOf(refusal)
    .filter((word) => /^[1-9]\d{0,8}$/.test(word))
    .map(Number)
    .filter((number) => number < size)
  return sizes.length > 0 ? Math.max(...sizes) : SMALLER_PAGES.find((smaller) => smaller < size)
}

/**
 * The parts that the refusal names: `lob is not a valid includable relationship of projects`, `active is not allowed.`,
 * `size exceeds maximum page size of 100.`
 */
export function partsNamedBy(refusal: unknown, parts: readonly Part[]): Part[] {
  const words = wordsOf(refusal)
  // The subject of the sentence; the rest may name other things: `… of projects`.
  const subjects = words.filter((_, at) => words[at + 1] === 'is' && words[at + 2] === 'not')
  const named = (by: ReadonlySet<string>) => parts.filter((part) => calledAs(part).some((name) => by.has(name)))
  const bySubject = named(new Set(subjects))
  return bySubject.length > 0 ? bySubject : named(new Set(words))
}

/** Underscored and dasherized spellings are one name (API notes §4). */
const spelled = (word: string): string => word.toLowerCase().replaceAll('_', '-')

/** Linear in the length of the text, which is untrusted. */
export const wordsOf = (refusal: unknown): string[] =>
  errorDetail(refusal)
    .split(/[^\p{L}\p{N}_.[\]?-]/u)
    .map((word) => spelled(word.endsWith('.') ? word.slice(0, -1) : word))
    .filter((word) => word !== '')

export const errorDetail = (refusal: unknown): string => factOf(refusal, 'detail') ?? ''

function calledAs(part: Part): string[] {
  if (part.kind === 'size') return ['size', 'page[size]', 'page-size']
  if (part.kind === 'include') return [spelled(part.path), spelled(part.path.split('.').at(-1)!)]
  const key = spelled(part.key)
  return [key, key.startsWith('filter[') ? key.slice('filter['.length, -1) : key]
}
