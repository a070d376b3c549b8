/**
 * What a resource is: the single declaration from which its table, the mapping in both directions, the `include`
 * parameter, the filters, the column comments and the contract tests are made.
 *
 * A resource file default-exports one `defineResource(...)`; `catalog/registry.ts` finds it. Adding a resource is that file and
 * `npm run db:generate`.
 */

import { checkKey, checkNames } from './checks.ts'
import { columnsOf, snakeCase } from './columns.ts'

/** The type of a column. `texts` is `text[]`; every other kind is named after what it holds, not after its SQL type. */
export type Kind = 'text' | 'boolean' | 'integer' | 'decimal' | 'date' | 'timestamp' | 'json' | 'texts'

export interface Attribute {
  readonly kind: Kind
  readonly comment: string
  /** Seen accepted in a POST or PATCH (API notes §2: `W`). */
  readonly writable: boolean
  readonly column: string | undefined
  readonly entries: Entries | undefined
  /** The type whose id it holds, where that is no relationship. */
  readonly target: string | undefined
  readonly volatile: boolean
}

/**
 * User-defined fields: an array of entries, each named by its first member and holding its second. Each entry counts as a
 * field of its own when it is written.
 */
export type Entries = readonly ['name', 'value'] | readonly ['key', 'val']

/** What the API was seen to take of a resource: POST, PATCH, DELETE (API notes §2, "methods seen"). */
export type Write = 'create' | 'update' | 'delete'

export interface Relationship {
  /** JSON:API type of the other end. */
  readonly type: string
  readonly comment: string
  readonly writable: boolean
  readonly column: string | undefined
}

interface MemberOptions {
  readonly writable?: boolean
  readonly entries?: Entries
  readonly target?: string
  /**
   * Another value in every answer although nothing changed: it is kept up to date, and is no difference. An address that is
   * signed anew each time is recognised by its shape, and need not be declared.
   */
  readonly volatile?: boolean
  /** Only where the name made from the member clashes with another column. */
  readonly column?: string
}

const attribute =
  (kind: Kind) =>
  (comment: string, options: MemberOptions = {}): Attribute => ({
    kind,
    comment,
    writable: options.writable ?? false,
    column: options.column,
    entries: options.entries,
    target: options.target,
    volatile: options.volatile ?? false,
  })

/** Strings. Numbers fit too, in their JSON spelling: ids inside attributes are numbers (API notes §8). */
export const text = attribute('text')
export const boolean = attribute('boolean')
/** Whole numbers, `bigint` in the table. */
export const integer = attribute('integer')
/** Exact decimals, sent as strings or as numbers (API notes §8), `numeric` in the table. */
export const decimal = attribute('decimal')
/** `YYYY-MM-DD`. */
export const date = attribute('date')
/** ISO 8601 date-times, `timestamptz` in the table. */
export const timestamp = attribute('timestamp')
/** Anything nested, `jsonb` in the table, member names inside untouched. */
export const json = attribute('json')
/** A list of strings in the order sent, `text[]` in the table. */
export const texts = attribute('texts')

/** The other end of a to-one (`<name>_id`) or a to-many that nothing else carries (`<name>_ids`). */
export const to = (type: string, comment: string, options: MemberOptions = {}): Relationship => ({
  type,
  comment,
  writable: options.writable ?? false,
  column: options.column,
})

/** One record as JSON:API sends it. Nothing of its inside is trusted: every value is checked on its way into a column. */
export interface RemoteRecord {
  readonly type: string
  readonly id: string
  readonly attributes?: unknown
  readonly relationships?: unknown
}

/** Where a resource's records are read. */
export type ReadMethod =
  /** A paged list below the account: `/{account-slug}/v1/{path}`. */
  | { readonly from: 'list'; readonly path: string }
  /** One record outside the account: `/v1/me`. */
  | { readonly from: 'singleton'; readonly path: string }
  /** No list of its own: its records come in `included` when another resource's list is asked to include them. */
  | { readonly from: 'included'; readonly list: string; readonly include: string }
  /** One document for each record of another resource: `/{account-slug}/v1/{parent}/{id}/{path}`. */
  | {
      readonly from: 'each'
      readonly parent: string
      readonly path: string
      readonly query: Readonly<Record<string, string>>
    }
  /** A paged list for each record of another resource: `/{account-slug}/v1/{parent}/{id}/{path}`. */
  | { readonly from: 'below'; readonly parent: string; readonly path: string }

/** How the records of some projects are asked for at once; the rest of the resource is not touched. */
export type ByProject =
  /** By its own list: `filter[project]=a,b,c`. */
  | { readonly by: 'filter'; readonly filter: string }
  /** By another list, asked with that filter for the same projects: its `included` carries the records. */
  | { readonly by: 'include'; readonly list: string; readonly filter: string; readonly include: string }

export interface Column {
  readonly name: string
  /** The JSON:API member it is made from: `msa-date`, `custom-hours?`, `rate-table`. */
  readonly member: string
  readonly from: 'attribute' | 'to-one' | 'to-many'
  readonly kind: Kind
  /** Type of the other end of a relationship, or of the record whose id an attribute holds. */
  readonly target: string | undefined
  readonly writable: boolean
  readonly comment: string
  readonly entries: Entries | undefined
  readonly volatile: boolean
}

/**
 * Whether a local edit may change it. The account is left out: there is only one, and responses name it otherwise than
 * writes do (API notes §8).
 */
export const isEditable = ({ writable, from, target }: Column): boolean =>
  writable && from !== 'to-many' && target !== 'accounts'

export interface Resource {
  /** JSON:API type: `project-services`. */
  readonly type: string
  /** Table in schema `scopestack`: `project_services`. */
  readonly table: string
  /** Other spellings of the type that a record or a linkage may carry. */
  readonly aliases: readonly string[]
  readonly comment: string
  /**
   * How sure the API notes are that it is as declared. `low`: it may not exist at all; where no way of reading it
   * answers, the account is taken to have none of it (outcome `absent`), which is no failure.
   */
  readonly confidence: 'high' | 'medium' | 'low'
  /** The first of `reads`. */
  readonly read: ReadMethod
  /** Ways to read it, in the order they are tried: the first that answers is the one to stay with. */
  readonly readMethods: readonly [ReadMethod, ...ReadMethod[]]
  /** Undefined: the records of one project cannot be asked for, or it belongs to none. */
  readonly byProject: ByProject | undefined
  /** False: pulled only when `SYNC_RESOURCES` or the command line names it. */
  readonly byDefault: boolean
  /** Filters that make a list whole; without them archived or closed records stay hidden (API notes §4). */
  readonly completeFilters: Readonly<Record<string, string>>
  /** Filters the API is known to take. */
  readonly filters: readonly string[]
  readonly columns: readonly Column[]
  /** Relationships whose keys only come when asked for (API notes §2). */
  readonly include: readonly string[]
  readonly writes: readonly Write[]
  /**
   * Writable members that tell a record from all others, as far as the API lets one ask: the first is also a filter. It
   * finds a record whose creation was not answered.
   */
  readonly naturalKey: readonly string[] | undefined
  /** To-manys its list is known to include that have no column here: a way to read the records at their other end. */
  readonly includedToMany: readonly string[]
}

interface Declaration {
  readonly comment: string
  readonly confidence: Resource['confidence']
  readonly aliases?: readonly string[]
  readonly read?: ReadMethod
  /** Where the path is unsure: what to try behind `read`, in this order. */
  readonly fallbacks?: readonly ReadMethod[]
  readonly byProject?: ByProject
  readonly byDefault?: boolean
  readonly completeFilters?: Readonly<Record<string, string>>
  readonly filters?: readonly string[]
  readonly writes?: readonly Write[]
  readonly naturalKey?: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly toOne?: Readonly<Record<string, Relationship>>
  /** Only those that no other resource's to-one carries. */
  readonly toMany?: Readonly<Record<string, Relationship>>
  readonly includedToMany?: readonly string[]
}

/**
 * @param type the JSON:API type; the list's path and the table's name follow from it.
 * @throws Error when two members would share a column, or a name is not usable as a column. It is the author of a
 *   resource file who sees it, at the first start.
 */
export function defineResource(type: string, declaration: Declaration): Resource {
  const columns = [
    ...columnsOf(declaration.attributes, 'attribute', ''),
    ...columnsOf(declaration.toOne ?? {}, 'to-one', '_id'),
    ...columnsOf(declaration.toMany ?? {}, 'to-many', '_ids'),
  ]
  checkNames(type, columns)
  checkKey(type, columns, declaration)
  const read = declaration.read ?? { from: 'list', path: type }
  return {
    type,
    table: snakeCase(type),
    aliases: declaration.aliases ?? [],
    comment: declaration.comment,
    confidence: declaration.confidence,
    read,
    readMethods: [read, ...(declaration.fallbacks ?? [])],
    byProject: declaration.byProject,
    byDefault: declaration.byDefault ?? true,
    completeFilters: declaration.completeFilters ?? {},
    filters: declaration.filters ?? [],
    columns,
    include: columns.filter((column) => column.from !== 'attribute').map((column) => column.member),
    writes: declaration.writes ?? [],
    naturalKey: declaration.naturalKey,
    includedToMany: declaration.includedToMany ?? [],
  }
}
