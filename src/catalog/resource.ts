/**
 * The declaration of a resource. Its table, the mapping in both directions, the `include` parameter, the filters, the column
 * comments and the contract tests are all derived from it.
 *
 * A resource file default-exports one `defineResource(...)`, which `catalog/registry.ts` finds; then `npm run db:generate`.
 */
import { checkKey, checkNames } from './checks.ts'
import { columnsOf, snakeCase } from './columns.ts'
import { generatedOf, type DeclaredGenerated, type Generated } from './generated.ts'

/** The type of a column. `texts` is `text[]`; every other kind is named after its content, not its SQL type. */
export type Kind = 'text' | 'boolean' | 'integer' | 'decimal' | 'date' | 'timestamp' | 'json' | 'texts'

export interface Attribute {
  readonly kind: Kind
  readonly comment: string
  /** The API accepts it in a POST or PATCH (API notes §2: `W`). */
  readonly writable: boolean
  readonly column: string | undefined
  readonly entries: Entries | undefined
  /** The type whose id it holds, where it is no relationship. */
  readonly target: string | undefined
  readonly keyOf: string | undefined
  readonly nameOf: string | undefined
  readonly volatile: boolean
}

/**
 * User-defined fields: an array of entries. Of each entry the first member is its name and the second its value; it is written
 * as a field of its own.
 */
export type Entries = readonly ['name', 'value'] | readonly ['key', 'val']

/** Writes that the API accepts: POST, PATCH, DELETE (API notes §2, "methods seen"). */
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
  /** The type whose ids it holds, where no write carries it as a reference. `nameOf`: it holds names. (`store/schema/live/relations.ts`) */
  readonly keyOf?: string
  readonly nameOf?: string
  /**
   * It has another value in every response although nothing changed: it is stored, and is no difference. A URL that is signed anew
   * each time is recognised by its form, and need not be declared.
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
    keyOf: options.keyOf,
    nameOf: options.nameOf,
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

/** The related type of a to-one (`<name>_id`), or of a to-many that no other resource holds (`<name>_ids`). */
export const to = (type: string, comment: string, options: MemberOptions = {}): Relationship => ({
  type,
  comment,
  writable: options.writable ?? false,
  column: options.column,
})

/** One record as JSON:API sends it. Its content is not trusted: every value is checked on its way into a column. */
export interface RemoteRecord {
  readonly type: string
  readonly id: string
  readonly attributes?: unknown
  readonly relationships?: unknown
}

/** How a resource's records are read. */
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

/** How the records of some projects are read without the rest of the resource. */
export type ByProject =
  /** From its own list: `filter[project]=a,b,c`. */
  | { readonly by: 'filter'; readonly filter: string }
  /** From another list with that filter for the same projects: the records are in its `included`. */
  | { readonly by: 'include'; readonly list: string; readonly filter: string; readonly include: string }

export interface Column {
  readonly name: string
  /** The JSON:API member it is made from: `msa-date`, `custom-hours?`, `rate-table`. */
  readonly member: string
  readonly from: 'attribute' | 'to-one' | 'to-many'
  readonly kind: Kind
  /** Type of the related record, or of the record whose id an attribute holds. */
  readonly target: string | undefined
  readonly keyOf: string | undefined
  readonly nameOf: string | undefined
  readonly writable: boolean
  readonly comment: string
  readonly entries: Entries | undefined
  readonly volatile: boolean
}

/**
 * Whether a local edit may change it. The account is left out: there is only one, and responses and writes name it differently
 * (API notes §8).
 */
export const isEditable = ({ writable, from, target }: Column): boolean =>
  writable && from !== 'to-many' && target !== 'accounts'

export interface Resource extends Generated {
  /** JSON:API type: `project-services`. */
  readonly type: string
  /** Table in schema `scopestack`: `project_services`. */
  readonly table: string
  /** Other spellings of the type that a record or a linkage may carry. */
  readonly aliases: readonly string[]
  readonly comment: string
  /**
   * How sure the API notes are of the declaration. `low`: it may not exist at all; where every read method is refused, the account
   * is taken to have none of it (outcome `absent`), which is no failure.
   */
  readonly confidence: 'high' | 'medium' | 'low'
  /** The first of `readMethods`. */
  readonly read: ReadMethod
  /** Tried in this order; the first that succeeds is used from then on. */
  readonly readMethods: readonly [ReadMethod, ...ReadMethod[]]
  /** Undefined: the records of one project cannot be read alone, or it belongs to none. */
  readonly byProject: ByProject | undefined
  /** False: pulled only when `SYNC_RESOURCES` or the command line names it. */
  readonly byDefault: boolean
  /** Filters that make its list complete; without them archived or closed records stay hidden (API notes §4). */
  readonly completeFilters: Readonly<Record<string, string>>
  /** Filters that the API is known to accept. */
  readonly filters: readonly string[]
  readonly columns: readonly Column[]
  /** Those of members that no file declares, as the account has them (`store/columns/`): none in the catalog. No digest depends on them. */
  readonly added: readonly Column[]
  /** Relationships whose linkage only comes when it is requested (API notes §2). */
  readonly include: readonly string[]
  readonly writes: readonly Write[]
  /**
   * Writable members that identify a record, as far as the API allows; the first is also a filter. With it a record is found whose
   * creation got no response.
   */
  readonly naturalKey: readonly string[] | undefined
  /** To-manys without a column that its list can include: a read method for the related records. */
  readonly includedToMany: readonly string[]
}

interface Declaration extends DeclaredGenerated {
  readonly comment: string
  readonly confidence: Resource['confidence']
  readonly aliases?: readonly string[]
  readonly read?: ReadMethod
  /** Where the path is unsure: read methods to try after `read`, in this order. */
  readonly fallbacks?: readonly ReadMethod[]
  readonly byProject?: ByProject
  readonly byDefault?: boolean
  readonly completeFilters?: Readonly<Record<string, string>>
  readonly filters?: readonly string[]
  readonly writes?: readonly Write[]
  readonly naturalKey?: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly toOne?: Readonly<Record<string, Relationship>>
  /** Only those that no other resource's to-one holds. */
  readonly toMany?: Readonly<Record<string, Relationship>>
  readonly includedToMany?: readonly string[]
}

/**
 * @param type the JSON:API type; the list's path and the table's name follow from it.
 * @throws Error when two members would share a column, or a name is not usable as a column. Its author sees it at the first start.
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
    added: [],
    include: columns.filter((column) => column.from !== 'attribute').map((column) => column.member),
    writes: declaration.writes ?? [],
    naturalKey: declaration.naturalKey,
    includedToMany: declaration.includedToMany ?? [],
    ...generatedOf(declaration, columns),
  }
}
