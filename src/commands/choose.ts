/** Which resources a person means. */
import { usage } from '../errors.ts'
import type { Resource } from '../resource.ts'

/**
 * @param named types as typed or configured; a table's name (`project_services`) is understood too.
 * @throws SyncError SYNC_USAGE naming every word that is not a resource, with the nearest that is.
 */
export function chooseResources(
  catalog: ReadonlyMap<string, Resource>,
  named: readonly string[] | undefined,
): readonly Resource[] {
  if (named === undefined || named.length === 0) return [...catalog.values()].filter(({ byDefault }) => byDefault)
  const unknown = named.filter((name) => !catalog.has(typeOf(name)))
  if (unknown.length > 0) {
    const lines = unknown.map((name) => `"${name}" is no resource; did you mean ${nearest(typeOf(name), catalog)}?`)
    throw usage(`${lines.join('\n')}\nAll of them: ${[...catalog.keys()].join(', ')}.`)
  }
  return [...new Set(named.map(typeOf))].map((type) => catalog.get(type)!)
}

const typeOf = (name: string): string => name.trim().toLowerCase().replaceAll('_', '-')

function nearest(name: string, catalog: ReadonlyMap<string, Resource>): string {
  const [best] = [...catalog.keys()].sort((a, b) => distance(name, a) - distance(name, b))
  return best ?? 'none'
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
