/**
 * Fills in empty relationships. Linkage comes only for relationships that were requested with `include`, and in an included
 * record jsonapi-resources 0.10.7 leaves out `data` where the relationship is empty, although the record's own list sends `null`.
 * So a relationship that was requested, and comes without `data`, is empty. One that was not requested is unknown, and so is one
 * that is missing.
 *
 * The URL shows what was requested. So this holds for lists, single records and responses to writes alike, and a name that the
 * server refused was not requested.
 */
import { IMPLIED_NULL, type ImpliedNull } from '../../catalog/implied-null.ts'
import type { RemoteRecord } from '../../catalog/resource.ts'
import { isObject } from '../../exact-json.ts'

/** Relationships that were requested, and below each those of the related records. */
type Tree = Map<string, Tree>

/** Adds `data: null` where it was left out; also to a to-many, since only the catalog knows which it is. */
export function fillEmptyLinkage(
  { records, included }: { readonly records: readonly RemoteRecord[]; readonly included: readonly RemoteRecord[] },
  url: string,
): void {
  const tree = requestedBy(url)
  if (tree.size === 0) return
  for (const record of records) complete(record, tree, 'own')
  if (![...tree.values()].some((below) => below.size > 0)) return
  const known = new Map([...records, ...included].map((record) => [keyOf(record), record]))
  completeBelow(records, tree, known)
}

/** Only along the include paths: nothing was requested of a record that came with another include. */
function completeBelow(records: Iterable<RemoteRecord>, tree: Tree, known: ReadonlyMap<string, RemoteRecord>): void {
  for (const [name, below] of tree) {
    if (below.size === 0) continue
    const reached = new Set<RemoteRecord>()
    for (const record of records) {
      for (const end of endsOf(record, name)) {
        const found = known.get(keyOf(end))
        if (found !== undefined) reached.add(found)
      }
    }
    for (const record of reached) complete(record, below, 'nested')
    completeBelow(reached, below, known)
  }
}

function complete(record: RemoteRecord, requested: Tree, where: ImpliedNull): void {
  const related = record.relationships
  if (!isObject(related)) return
  for (const name of requested.keys()) {
    if (!Object.hasOwn(related, name)) continue
    const held = related[name]
    if (held === null) related[name] = { data: null, [IMPLIED_NULL]: where }
    else if (isObject(held) && held['data'] === undefined) Object.assign(held, { data: null, [IMPLIED_NULL]: where })
  }
}

interface End {
  readonly type: unknown
  readonly id: unknown
}

function endsOf({ relationships }: RemoteRecord, name: string): End[] {
  const held = isObject(relationships) && Object.hasOwn(relationships, name) ? relationships[name] : undefined
  const data = isObject(held) ? held['data'] : undefined
  const ends: unknown[] = Array.isArray(data) ? data : [data]
  return ends.filter(isObject).map(({ type, id }) => ({ type, id }))
}

const keyOf = ({ type, id }: End): string => `${String(type)} ${String(id)}`

function requestedBy(url: string): Tree {
  const root: Tree = new Map()
  const at = url.indexOf('?')
  const include = at < 0 ? null : new URLSearchParams(url.slice(at + 1)).get('include')
  for (const path of (include ?? '').split(',')) {
    let node = root
    for (const name of path === '' ? [] : path.split('.')) {
      const next: Tree = node.get(name) ?? new Map()
      node.set(name, next)
      node = next
    }
  }
  return root
}
