/** What has to be read before what. */
import type { Resource } from '../../catalog/resource.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'

/** Types whose records a reading of `resource` begins with. */
export function parentTypesOf(
  { readMethods, byProject }: Resource,
  { changesOnly = false }: { changesOnly?: boolean },
): string[] {
  const parents = readMethods.flatMap((read) => (read.from === 'each' || read.from === 'below' ? [read.parent] : []))
  return changesOnly && byProject !== undefined ? [...parents, PARENT_RESOURCE] : parents
}
