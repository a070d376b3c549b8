/** What has to be read before what. */
import type { Resource } from '../../catalog/resource.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'

interface How {
  readonly changesOnly?: boolean
}

/** Types whose records a reading of `resource` begins with, by whichever of its read methods. */
export function parentTypesOf({ readMethods, byProject }: Resource, { changesOnly = false }: How): string[] {
  const parents = readMethods.flatMap((read) => (read.from === 'each' || read.from === 'below' ? [read.parent] : []))
  return changesOnly && byProject !== undefined ? [...parents, PARENT_RESOURCE] : parents
}

/** Those that it does not begin without. A full read by a list turns to a parent only where the account has no such list. */
const neededBy = (resource: Resource, how: How): string[] =>
  parentTypesOf(how.changesOnly === true ? resource : { ...resource, readMethods: [resource.read] }, how)

/** Resolves once nothing of the run reads that type any more. */
export type WhenRead = (type: string) => Promise<void>

/**
 * Acts on each resource once those among them are done whose records it begins with, so many at once, in the order given. Those that
 * it may turn to have begun by then, so that it can wait for them.
 *
 * @param act throws nothing.
 */
export async function afterParents(
  resources: readonly Resource[],
  how: How,
  atOnce: number,
  act: (resource: Resource, whenRead: WhenRead) => Promise<void>,
): Promise<void> {
  const left = new Map(resources.map((resource) => [resource.type, resource]))
  const running = new Map<string, Promise<void>>()
  const begin = (resource: Resource): void => {
    const { type } = resource
    left.delete(type)
    const whenRead: WhenRead = async (parent) => {
      if (parent !== type) await running.get(parent)
    }
    running.set(
      type,
      act(resource, whenRead).then(() => void running.delete(type)),
    )
  }
  const isReady = (resource: Resource): boolean =>
    !neededBy(resource, how).some((type) => type !== resource.type && (left.has(type) || running.has(type))) &&
    !parentTypesOf(resource, how).some((type) => type !== resource.type && left.has(type))
  while (left.size > 0 || running.size > 0) {
    const waiting = [...left.values()]
    const ready = running.size < atOnce ? waiting.find(isReady) : undefined
    // Where two begin with each other's records, one has to be first.
    const next = ready ?? (running.size === 0 ? waiting[0] : undefined)
    if (next !== undefined) {
      begin(next)
      continue
    }
    await Promise.race(running.values())
  }
}
