/** Reads include, filter, sort, fields and page of a request, and refuses what ScopeStack refuses. */
import {
  filterNotAllowed,
  filterSyntax,
  invalidField,
  invalidInclude,
  invalidPage,
  invalidResource,
  invalidSort,
  notAllowed,
  Refusal,
} from '../errors.ts'
import type { Filter, Model } from '../model/model.ts'
import type { Switches } from '../switches.ts'

export type IncludeTree = ReadonlyMap<string, IncludeTree>

export interface AppliedFilter {
  readonly name: string
  readonly filter: Filter
  readonly values: readonly string[]
}

export interface Query {
  readonly page: number
  readonly size: number
  readonly filters: readonly AppliedFilter[]
  readonly sort: readonly { readonly name: string; readonly down: boolean }[]
  readonly include: IncludeTree
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>
}

interface Deps {
  readonly models: ReadonlyMap<string, Model>
  readonly switches: Switches
}

/** Underscored and dasherized spellings are one name on the library (API notes §4). */
const dashed = (name: string): string => name.replaceAll('_', '-')

const inBrackets = (key: string, word: string): string | null =>
  key.startsWith(`${word}[`) && key.endsWith(']') ? key.slice(word.length + 1, -1) : null

export function readQuery(deps: Deps, model: Model, params: URLSearchParams): Query {
  const filters: AppliedFilter[] = []
  const fields = new Map<string, ReadonlySet<string>>()
  for (const [key, value] of params) {
    if (key === 'filter') throw filterSyntax(value)
    const filtered = inBrackets(key, 'filter')
    if (filtered !== null) filters.push(readFilter(deps, model, filtered, value))
    const type = inBrackets(key, 'fields')
    if (type !== null && deps.switches.sparseFields !== 'ignored') {
      const names = readFields(deps, type, value)
      fields.set(dashed(type), names)
      if (deps.switches.sparseFields === 'inherited' && !fields.has(model.type)) fields.set(model.type, names)
    }
  }
  return {
    ...readPage(deps.switches, params),
    filters,
    sort: readSort(deps.switches, model, params.get('sort')),
    include: readInclude(deps, model, params.get('include')),
    fields,
  }
}

function readPage(
  { pageMax, pageDefault, pageOverflow }: Switches,
  params: URLSearchParams,
): { page: number; size: number } {
  // scalar `page=3` is a page number (API notes §12); other page[…] keys are ignored
  const number = params.get('page[number]') ?? params.get('page') ?? '1'
  const size = params.get('page[size]')
  const page = positive(number, 'number')
  if (size === null) return { page, size: Math.min(pageDefault, pageMax) }
  const requested = positive(size, 'size')
  if (requested <= pageMax) return { page, size: requested }
  if (pageOverflow === 'clamped') return { page, size: pageMax }
  throw invalidPage(`size exceeds maximum page size of ${String(pageMax)}.`)
}

function positive(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw invalidPage(`${text} is not a valid value for ${name} page parameter.`)
  return Number(text)
}

const byId: Filter = { kind: 'equals', on: 'id' }

function readFilter(deps: Deps, model: Model, spelled: string, text: string): AppliedFilter {
  const name = dashed(spelled)
  // `id` is a declared filter by default (API notes §12)
  const filter = name === 'id' ? byId : model.filters[name]
  if (filter === undefined || (deps.switches.refusedFilters[model.type] ?? []).includes(name))
    throw filterNotAllowed(spelled)
  if (filter.kind === 'after-day' && deps.switches.dateFilter === 'refused') throw filterNotAllowed(spelled)
  return { name, filter, values: csvLine(text) }
}

/** "A filter value is parsed as one CSV line" (API notes §4): a comma means either, quotes protect one. */
export function csvLine(text: string): string[] {
  const values: string[] = []
  let value = ''
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (char === '"') {
      if (quoted && text[at + 1] === '"') {
        value += '"'
        at += 1
      } else quoted = !quoted
    } else if (char === ',' && !quoted) {
      values.push(value)
      value = ''
    } else value += char
  }
  values.push(value)
  return values
}

function readSort(switches: Switches, model: Model, text: string | null): Query['sort'] {
  if (text === null || text === '') return []
  return text.split(',').map((spelled) => {
    const down = spelled.startsWith('-')
    const name = dashed(spelled.replace(/^[-+]/, '').trim())
    const known = name === 'id' || model.attributes[name] !== undefined
    const refused = (switches.refusedSorts[model.type] ?? []).includes(name)
    if (!known || refused || (name === 'updated-at' && switches.sortUpdatedAt === 'refused')) {
      throw invalidSort(spelled.replace(/^-/, ''), model.type)
    }
    return { name, down }
  })
}

function readInclude(deps: Deps, model: Model, text: string | null): IncludeTree {
  const root: IncludeNode = new Map()
  for (const path of (text ?? '').split(',')) {
    if (path.trim() === '') continue
    let node = root
    let owner: Model | undefined = model
    for (const spelled of path.trim().split('.')) {
      const name = dashed(spelled)
      const target: string | undefined = owner && includable(deps.switches, owner, name)
      if (target === undefined) throw invalidInclude(spelled, owner?.type ?? model.type)
      node = childOf(node, name)
      owner = deps.models.get(target)
    }
  }
  return root
}

type IncludeNode = Map<string, IncludeNode>

/** The type that the relationship leads to, if it may be included. */
function includable({ refusedIncludes }: Switches, { type, toOne, toMany }: Model, name: string): string | undefined {
  return refusedIncludes[type]?.includes(name) === true ? undefined : (toOne[name] ?? toMany[name])?.type
}

function childOf(node: IncludeNode, name: string): IncludeNode {
  const child = node.get(name) ?? (new Map() as IncludeNode)
  node.set(name, child)
  return child
}

function readFields(deps: Deps, type: string, text: string): ReadonlySet<string> {
  if (deps.switches.sparseFields === 'forbidden') throw new Refusal(403)
  if (deps.switches.sparseFields === 'refused') throw notAllowed(`fields[${type}]`)
  const model = deps.models.get(dashed(type))
  if (model === undefined) throw invalidResource(type)
  // "an empty list of fields is 400" (API notes §12)
  if (text === '') throw invalidField('nil', type)
  const names = text
    .split(',')
    .filter((name) => name !== '')
    .map(dashed)
  for (const name of names) {
    const known =
      name === 'id' || [model.attributes, model.toOne, model.toMany].some((members) => members[name] !== undefined)
    if (!known) throw invalidField(name, model.type)
  }
  return new Set(names)
}
