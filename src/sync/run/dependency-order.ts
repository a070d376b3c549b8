/** What has to be read before what. */
import type { Resource } from '../../catalog/resource.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'

/** Types whose records a reading of `resource` begins with. */
export function parentTypesOf(
  { reads, within }: Resource,
  { changesOnly = false }: { changesOnly?: boolean },
): string[] {
  const parents = reads.flatMap((read) => (read.from === 'each' || read.from === 'below' ? [read.parent] : []))
  return changesOnly && within !== undefined ? [...parents, PARENT_RESOURCE] : parents
}
