/** Which resources a person means. */
import type { Resource } from '../catalog/resource.ts'
import { nearest } from '../config/nearest.ts'
import { usage } from '../errors/commands.ts'

/**
 * @param named types as typed or configured; a table's name (`project_services`) is understood too.
 * @throws SyncError SYNC_USAGE naming every word that is not a resource, with the nearest that is.
 */
export function chooseResources(
  catalog: ReadonlyMap<string, Resource>,
  named: readonly string[] | undefined,
): readonly Resource[] {
  if (named === undefined || named.length === 0) return [...catalog.values()].filter(({ byDefault }) => byDefault)
  const lines = unknownOf(catalog, named)
  if (lines.length > 0) throw usage(lines[0]!, ...lines.slice(1), `All of them: ${[...catalog.keys()].join(', ')}.`)
  return [...new Set(named.map(typeOf))].map((type) => catalog.get(type)!)
}

const typeOf = (name: string): string => name.trim().toLowerCase().replaceAll('_', '-')

/** A sentence for each word that is not a resource. */
export const unknownOf = (catalog: ReadonlyMap<string, Resource>, named: readonly string[]): string[] =>
  named
    .filter((name) => !catalog.has(typeOf(name)))
    .map((name) => `"${name}" is no resource; did you mean ${nearest(typeOf(name), catalog.keys()) ?? 'none'}?`)
