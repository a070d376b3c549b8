/** What the simulator knows of a resource. Written from API notes §2, independently of the worker's declarations, so that a
 *  wrong name on either side turns a test red. */

export type Kind =
  | 'string'
  | 'text'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'decimal'
  | 'date'
  | 'datetime'
  | 'strings'
  | 'json'
  /** user-defined fields: written as [{name, value}], read as whole definitions (API notes §5, §8) */
  | 'variables'

/** Who writes it. `seen`: some known client; `unsure`: no known client; `never`: it is computed. */
export type Access = 'seen' | 'unsure' | 'never'

export interface Attribute {
  readonly kind: Kind
  readonly nullable: boolean
  readonly access: Access
}

export interface ToOne {
  readonly type: string
  readonly access: Access
}

/** `via` names the to-one of the other side; without it the ids are stored with the record. */
export interface ToMany {
  readonly type: string
  readonly via: string | null
}

/** `on` is the attribute or to-one that the filter compares. */
export interface Filter {
  readonly kind: 'equals' | 'contains' | 'words' | 'flag' | 'has-tag' | 'linked' | 'after-day'
  readonly on: string
}

export interface Model {
  readonly type: string
  readonly scope: 'account' | 'project'
  /** false: only a relationship target, its list gets 404 */
  readonly listed: boolean
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly toOne: Readonly<Record<string, ToOne>>
  readonly toMany: Readonly<Record<string, ToMany>>
  readonly filters: Readonly<Record<string, Filter>>
  /** attributes and to-ones a create must carry */
  readonly required: readonly string[]
  /** attribute that must be unique, inside `within` when given */
  readonly unique: { readonly attribute: string; readonly within?: string } | null
  /** `variable-context` of its user-defined fields */
  readonly context: string | null
  /** extra entries of the object's `links` (API notes §2b) */
  readonly actions: readonly string[]
  /** lookup lists its `links` point at */
  readonly lookups: Readonly<Record<string, string>>
  /** per-record meta.permissions; seen on project-governances only (API notes §3) */
  readonly recordPermissions: boolean
  /** a list hides records with this flag unless the filter says otherwise */
  readonly hidesWhen: { readonly attribute: string; readonly is: boolean } | null
}

type Nullable = `${Kind}?` | Kind

function attribute(kind: Nullable, access: Access): Attribute {
  const nullable = kind.endsWith('?')
  return { kind: (nullable ? kind.slice(0, -1) : kind) as Kind, nullable, access }
}

export const seen = (kind: Nullable): Attribute => attribute(kind, 'seen')
export const unsure = (kind: Nullable): Attribute => attribute(kind, 'unsure')
export const never = (kind: Nullable): Attribute => attribute(kind, 'never')

export const one = (type: string, access: Access = 'unsure'): ToOne => ({ type, access })
export const many = (type: string, via: string | null = null): ToMany => ({ type, via })

const filter =
  (kind: Filter['kind']) =>
  (on: string): Filter => ({ kind, on })
export const equals = filter('equals')
export const contains = filter('contains')
export const words = filter('words')
export const flag = filter('flag')
export const hasTag = filter('has-tag')
export const linked = filter('linked')
export const afterDay = filter('after-day')

/** Without a prototype: names come from requests, and `constructor` is not an attribute. */
const withoutPrototype = <T>(definition: Readonly<Record<string, T>> | undefined): Record<string, T> =>
  Object.assign(Object.create(null) as Record<string, T>, definition)

export function model(type: string, definition: Partial<Omit<Model, 'type'>>): Model {
  const attributes = withoutPrototype(definition.attributes)
  const filters = withoutPrototype(definition.filters)
  const scope = definition.scope ?? 'account'
  // "Default is active only on account-level lists" (API notes §4); on project children it is unclear, so all.
  const hides = scope === 'account' && filters['active'] !== undefined ? { attribute: 'active', is: false } : null
  return {
    type,
    scope,
    attributes,
    filters,
    listed: definition.listed ?? true,
    toOne: withoutPrototype(definition.toOne),
    toMany: withoutPrototype(definition.toMany),
    required: definition.required ?? [],
    unique: definition.unique ?? null,
    context: definition.context ?? null,
    actions: definition.actions ?? [],
    lookups: definition.lookups ?? {},
    recordPermissions: definition.recordPermissions ?? false,
    hidesWhen: definition.hidesWhen ?? hides,
  }
}

/** Types that no known client writes have no write routes, like an immutable resource of the library. */
export function isWritable({ attributes }: Model): boolean {
  return Object.values(attributes).some(({ access }) => access === 'seen')
}
