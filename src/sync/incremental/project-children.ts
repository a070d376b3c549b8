/**
 * Reads the children of some projects by what the server accepts: the request that the catalog declares, else the lists
 * nested below each project, or below the parents in between, at one request each. What worked is remembered for a day.
 */
import type { Resource, ByProject } from '../../catalog/resource.ts'
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { readKnown, type Capabilities } from '../../store/progress/known.ts'
import { allDocuments, type Completeness } from '../list/completeness.ts'
import { isBadRequest, queryFor, isNotFound } from '../list/list-request.ts'
import { isAccepted } from '../list/negotiate.ts'
import { openReadPlan, type OpenReadPlan } from '../list/open-read-plan.ts'
import { readNestedLists, readSmallList } from '../list/read-nested.ts'
import { takeAll, type ReadPage } from '../list/read-page.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { includesOf } from '../list/request-parts.ts'
import { planThatHidesNone } from '../snapshot/hidden-records.ts'
import type { SnapshotDeps } from '../snapshot/snapshot-options.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { PROJECTS_AT_ONCE, type ProjectChildren, type ProjectChildrenReader } from './by-project.ts'

/** Stored in `sync.capabilities`. `none`: only by a full read. */
export type ChildReadMethod = 'declared' | 'nested' | 'none'

const NEXT: Readonly<Record<ChildReadMethod, ChildReadMethod>> = { declared: 'nested', nested: 'none', none: 'none' }
const DAY_MS = 24 * 60 * 60_000

interface Options {
  readonly resource: Resource
  readonly within: ByProject
  readonly opened: OpenReadPlan
  /** Of the children. */
  readonly capabilities: Capabilities
  readonly signal: AbortSignal
}

/** `a.b` below `a` is `b`. */
const below = (include: string, path: string): string[] =>
  path.startsWith(`${include}.`) ? [path.slice(include.length + 1)] : []

export async function openProjectChildren(deps: SnapshotDeps, options: Options): Promise<ProjectChildrenReader> {
  const { client } = deps
  const { resource, opened, capabilities, signal } = options
  const remembered = capabilities.get('parts')
  let known = remembered !== undefined && remembered.ageMs < DAY_MS ? (remembered.value as ChildReadMethod) : undefined
  let method = known ?? 'declared'
  let listAccepted: boolean | undefined
  const carrier = await carrierOf(deps, options)

  /** Whether the carrier's list is accepted without the project ids. */
  const isListAccepted = async (): Promise<boolean> => {
    const { read, request } = carrier.plan
    if (read.from === 'below' || request === null) return true
    listAccepted ??= await isAccepted(client, { ...request, pageSize: 1 }, signal)
    return listAccepted
  }

  let hidesNone: Promise<ReadPlan | undefined> | undefined
  /**
   * Whether the filters that the method sends hide no children. Those that another list includes come whatever their flags
   * are, and that list is counted when it is read itself.
   */
  const showsAll = async (): Promise<boolean> => {
    if (method === 'declared' && carrier.resource !== resource) return true
    hidesNone ??= planThatHidesNone(deps, resource, opened, signal)
    return (await hidesNone) !== undefined
  }

  const remember = async (found: ChildReadMethod): Promise<void> => {
    if (found === known) return
    await withDbRetry(() => capabilities.save('parts', found), signal)
    known = found
  }

  return {
    async read(projects) {
      // Either of two lists may hide some of the carriers.
      if (carrier.plan.also !== undefined) return undefined
      for (; method !== 'none'; method = NEXT[method]) {
        if (!(await showsAll())) return undefined
        try {
          const children = await (method === 'declared' ? readDeclared : readNested)(deps, options, carrier, projects)
          await remember(method)
          return children
        } catch (error) {
          if (!isBadRequest(error) && !isNotFound(error)) throw error
          // The plan of the list itself no longer holds: the full read finds that out.
          if (isBadRequest(error) && !(await isListAccepted())) return undefined
        }
      }
      await remember(method)
      return undefined
    },
    requestsFor: (projects) => (method === 'declared' ? Math.ceil(projects / PROJECTS_AT_ONCE) : projects),
  }
}

/** The resource whose list is filtered by project: the children's own, or the one that includes them. */
interface Carrier {
  readonly resource: Resource
  readonly plan: ReadPlan
}

async function carrierOf(deps: SnapshotDeps, { resource, within, opened, signal }: Options): Promise<Carrier> {
  const carrier = within.by === 'include' ? deps.catalog.get(within.list)! : resource
  if (carrier === resource) return { resource, plan: opened.plan }
  const known = await withDbRetry(() => readKnown(deps.sql, carrier.type), signal)
  return { resource: carrier, plan: (await openReadPlan(deps, carrier, known, signal)).plan }
}

/** The carrier's list for these projects, as its plan has it. */
function listOf(
  { slug, pageSize }: SnapshotDeps,
  { within }: Options,
  { resource, plan }: Carrier,
  projects: readonly string[],
  include?: readonly string[],
): ListRequest {
  const planned = plan.read.from === 'list' && plan.request !== null ? plan.request : undefined
  const { include: keys, ...filters } = planned?.query ?? queryFor(resource.completeFilters, resource.include)
  const names = include ?? keys?.split(',') ?? []
  const query = { ...filters, ...queryFor({ [within.filter]: projects.join(',') }, names) }
  const path = resource.read.from === 'list' ? resource.read.path : resource.type
  const request = { path: planned?.path ?? `/${slug}/v1/${path}`, query, pageSize: planned?.pageSize ?? pageSize }
  return planned === undefined ? request : shareListFacts(planned, request)
}

async function readDeclared(
  deps: SnapshotDeps,
  options: Options,
  carrier: Carrier,
  projects: readonly string[],
): Promise<ProjectChildren> {
  const { resource, within, signal } = options
  const { type, aliases } = resource
  const carried = within.by === 'include'
  const include = carried
    ? [within.include, ...includesOfChildren(options).map((key) => `${within.include}.${key}`)]
    : undefined
  const request = { ...listOf(deps, options, carrier, projects, include), included: carried }
  return await readSmallList({ ...deps, signal }, { request, wanted: { type, aliases, carried } })
}

/** The includes that the children's plan has: with more the request could be refused, with fewer the rows would differ. */
function includesOfChildren({ resource, opened }: Options): readonly string[] {
  const { read, request } = opened.plan
  if (request === null) return resource.include
  return includesOf(request).flatMap((path) => (read.from === 'included' ? below(read.include, path) : [path]))
}

async function readNested(
  deps: SnapshotDeps,
  options: Options,
  carrier: Carrier,
  projects: readonly string[],
): Promise<ProjectChildren> {
  const { slug, pageSize } = deps
  const { resource, within, opened, signal } = options
  const { plan } = opened
  const { type, aliases } = resource
  const parents = await parentsOf(deps, options, carrier, projects)
  const parentType = within.by === 'include' ? within.list : PARENT_RESOURCE
  const parentOf = (id: string): string => `/${slug}/v1/${parentType}/${id}`
  const planned = plan.read.from === 'included' ? null : plan.request
  const request = {
    query: planned?.query ?? queryFor(resource.completeFilters, resource.include),
    pageSize: planned?.pageSize ?? pageSize,
  }
  const lists = {
    wanted: { type, aliases, carried: false },
    request,
    parent: parentType,
    parents: { ids: parents.ids, from: 1 },
    pathOf: (id: string): string => `${parentOf(id)}/${type}`,
    parentOf,
  }
  const pages: ReadPage[] = []
  const nested = readNestedLists({ ...deps, signal }, lists)
  const completeness = await takeAll(nested, (batch) => void pages.push(...batch.pages))
  return { pages, completeness: parents.completeness.complete ? completeness : parents.completeness }
}

/** The records that the lists are nested below: the projects, or the carriers of these projects. */
async function parentsOf(
  deps: SnapshotDeps,
  options: Options,
  carrier: Carrier,
  projects: readonly string[],
): Promise<{ ids: readonly string[]; completeness: Completeness }> {
  const { within, signal } = options
  if (within.by === 'filter' || within.list === PARENT_RESOURCE) return { ids: projects, completeness: allDocuments() }
  const { type, aliases } = carrier.resource
  const list = { request: listOf(deps, options, carrier, projects, []), wanted: { type, aliases, carried: false } }
  const { pages, completeness } = await readSmallList({ ...deps, signal }, list)
  return { ids: [...new Set(pages.flatMap((page) => page.ids))], completeness }
}
