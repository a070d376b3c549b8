import type { Resource, ByProject } from '../../catalog/resource.ts'
/**
 * How the parts of some projects are asked for: as the catalog declares it, else by the lists below each project, or below
 * what carries them, which cost a request each. What the server takes is found by asking, and remembered for a day.
 */
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import type { ListRequest } from '../../remote/pages/pages.ts'
import { readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { isBadRequest, queryFor } from '../list/list-request.ts'
import { isAccepted } from '../list/negotiate.ts'
import type { ReadPage } from '../list/page-batch.ts'
import { toReadPage } from '../list/read-list.ts'
import { isNotFound, readNestedLists } from '../list/read-nested.ts'
import { openReadPlan, type ReadPlan } from '../list/read-plan.ts'
import { readCompleteList } from '../list/read-small-list.ts'
import { includesOf } from '../list/request-parts.ts'
import type { SnapshotDeps } from '../snapshot/snapshot.ts'
import { withDbRetry } from '../with-db-retry.ts'

/** `none`: only with all the others. */
export type ChildReadMethod = 'declared' | 'nested' | 'none'

const NEXT: Readonly<Record<ChildReadMethod, ChildReadMethod>> = { declared: 'nested', nested: 'none', none: 'none' }
const DAY_MS = 24 * 60 * 60_000

export interface ProjectChildren {
  readonly pages: readonly ReadPage[]
  readonly proved: boolean
}

interface Options {
  readonly resource: Resource
  readonly within: ByProject
  readonly question: ReadPlan
  readonly signal: AbortSignal
}

/** Their ids stand in the address, and what belongs to them is held in memory. */
export const PROJECTS_AT_ONCE = 25

export interface ProjectChildrenReader {
  /** Undefined when the server takes no way of asking for them. */
  read(projects: readonly string[]): Promise<ProjectChildren | undefined>
  /** At the least, for so many projects. */
  requestsFor(projects: number): number
}

/** `a.b` below `a` is `b`. */
const below = (include: string, path: string): string[] =>
  path.startsWith(`${include}.`) ? [path.slice(include.length + 1)] : []

export async function openProjectChildren(deps: SnapshotDeps, options: Options): Promise<ProjectChildrenReader> {
  const { sql, client, slug, concurrency, catalog, pageSize } = deps
  const { resource, within, signal } = options
  const { type, aliases } = resource
  const remembered = await withDbRetry(() => readCapability(sql, type, 'parts'), signal)
  let known = remembered !== undefined && remembered.ageMs < DAY_MS ? (remembered.value as ChildReadMethod) : undefined
  let way = known ?? 'declared'
  let answered: boolean | undefined
  const by = within.by === 'include' ? catalog.get(within.list)! : resource
  const own = by === resource ? options.question : (await openReadPlan(deps, by, signal)).plan

  /** The keys that its own list is known to take: with others it would be refused, with fewer the rows would differ. */
  const { read, request: taken } = options.question
  const ownKeys =
    taken === null
      ? resource.include
      : includesOf(taken).flatMap((path) => (read.from === 'included' ? below(read.include, path) : [path]))

  /** The list they are asked for by, as it is known to take it. */
  const listOf = (projects: readonly string[], include: readonly string[] | undefined): ListRequest => {
    const asked = own.read.from === 'list' && own.request !== null ? own.request : undefined
    const { include: keys, ...filters } = asked?.query ?? queryFor(by.completeFilters, by.include)
    const names = include ?? keys?.split(',') ?? []
    const query = { ...filters, ...queryFor({ [within.filter]: projects.join(',') }, names) }
    const path = by.read.from === 'list' ? by.read.path : by.type
    const request = { path: asked?.path ?? `/${slug}/v1/${path}`, query, pageSize: asked?.pageSize ?? pageSize }
    return asked === undefined ? request : shareListFacts(asked, request)
  }

  async function readDeclared(projects: readonly string[]): Promise<ProjectChildren> {
    const carried = within.by === 'include'
    const include = carried ? [within.include, ...ownKeys.map((key) => `${within.include}.${key}`)] : undefined
    const request = { ...listOf(projects, include), included: carried }
    const { pages, proved } = await readCompleteList(client, request, signal)
    return { pages: pages.map((page) => toReadPage(page, { type, aliases, carried })), proved }
  }

  /** Of what they lie below, where that is not the projects themselves. */
  async function parentsOf(projects: readonly string[]): Promise<{ ids: readonly string[]; proved: boolean }> {
    if (within.by === 'filter' || within.list === PARENT_RESOURCE) return { ids: projects, proved: true }
    const { pages, proved } = await readCompleteList(client, listOf(projects, []), signal)
    return { ids: [...new Set(pages.flatMap((page) => page.ids))], proved }
  }

  async function readNested(projects: readonly string[]): Promise<ProjectChildren> {
    const parents = await parentsOf(projects)
    const parentOf = (id: string): string =>
      `/${slug}/v1/${within.by === 'include' ? within.list : PARENT_RESOURCE}/${id}`
    const pathOf = (id: string): string => `${parentOf(id)}/${type}`
    const request = read.from === 'included' ? null : taken
    const question = {
      query: request?.query ?? queryFor(resource.completeFilters, resource.include),
      pageSize: request?.pageSize ?? pageSize,
    }
    const wanted = { type, aliases, carried: false }
    const lists = { wanted, question, parents: parents.ids, pathOf, parentOf, from: 1 }
    const batches = await Array.fromAsync(readNestedLists({ client, concurrency, signal }, lists))
    const pages = batches.flatMap((batch) => batch.pages)
    return { pages, proved: parents.proved && pages.every(({ full }) => full) }
  }

  /** Whether the question stands that the projects are added to. */
  const isAnswered = async (): Promise<boolean> => {
    if (own.read.from === 'below' || own.request === null) return true
    answered ??= await isAccepted(client, { ...own.request, pageSize: 1 }, signal)
    return answered
  }

  const remember = async (found: ChildReadMethod): Promise<void> => {
    if (found === known) return
    await withDbRetry(() => saveCapability(sql, type, 'parts', found), signal)
    known = found
  }

  return {
    async read(projects) {
      // Either of two lists may hide some of those that carry them.
      if (own.also !== undefined) return undefined
      for (; way !== 'none'; way = NEXT[way]) {
        try {
          const parts = await (way === 'declared' ? readDeclared(projects) : readNested(projects))
          await remember(way)
          return parts
        } catch (error) {
          if (!isBadRequest(error) && !isNotFound(error)) throw error
          // Else what is remembered of the list itself does not hold any more, which the reading of all of it finds out.
          if (isBadRequest(error) && !(await isAnswered())) return undefined
        }
      }
      await remember(way)
      return undefined
    },
    requestsFor: (projects) => (way === 'declared' ? Math.ceil(projects / PROJECTS_AT_ONCE) : projects),
  }
}
