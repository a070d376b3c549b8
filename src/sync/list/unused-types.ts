/**
 * Leaves out of a list what merely comes along. Keys come only with `include` (API notes §2), and that brings whole records, most of
 * a page, of which nothing is used. `fields[clients]=id` reduces them to their ids; `ListRequest.idsOnly` names the types.
 *
 * No server has to take that, or to take it rightly: one may refuse it, ignore it, give the list's own records without their
 * attributes (the library does, where their type is a subclass of the one that is named), without their keys, or others. So a page is
 * requested both ways, and the short way is used only where it makes the same rows; each type only once a record of it was there.
 * That is kept for a day, and then proved again. Meanwhile a page that fails, or whose records lack their attributes, a key or all
 * keys, is read the long way, and so are all behind it (`fetchPage`); then the list is read the long way for a week, since its first
 * page proves nothing for that one, and what is read so is not cached. `verify` reads the long way.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { endsTheRun, isNotice, SyncError } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../../remote/client.ts'
import { FROM_END, fetchFirstPage } from '../../remote/pages/forward-pages.ts'
import { listFactsOf } from '../../remote/pages/page-failures.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import { fetchPage, lacksNothing } from '../../remote/pages/pages.ts'
import { createRowEncoder } from '../../store/mirror/row.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { isBadRequest } from './list-request.ts'
import type { ReadPlan } from './read-plan.ts'
import { includesOf, wordsOf } from './request-parts.ts'
import { DAY_MS } from './retry-refused.ts'

interface Deps {
  readonly client: Client
  readonly catalog: ReadonlyMap<string, Resource>
  readonly capabilities: Capabilities
  readonly signal: AbortSignal
}

/** Stored in `sync.capabilities`. */
interface Proved {
  readonly path: string
  readonly include: string
  /** None: nothing is gained, or the server does it wrongly. */
  readonly types: readonly string[]
  /** It failed behind the first page. */
  readonly failed?: boolean
}

const NAME = 'ids-only'
const WEEK_MS = 7 * DAY_MS

/** A shorter list gains less than the proof costs: two pages. */
const MANY_RECORDS = 500

export interface Reduced {
  readonly plan: ReadPlan
  /** The list's first page by this plan, where it was read for the first time. */
  readonly opening?: Page
}

interface Circumstances {
  /** How many pages the list had the last time. */
  readonly lastPages: number | null
  /** A read that was interrupted goes on where it requested the same. */
  readonly resumes: boolean
}

/** The plan for a full read. */
export async function withoutUnused(
  deps: Deps,
  resource: Resource,
  plan: ReadPlan,
  { lastPages, resumes }: Circumstances,
): Promise<Reduced> {
  const { request } = plan
  const unused = request === null ? [] : unusedTypes(deps.catalog, resource, plan)
  if (request === null || unused.length === 0) return { plan }
  const before = provedFor(deps.capabilities, request)
  if (before?.isFresh === true) return { plan: reduced(plan, before.types) }
  if ((before === undefined && resumes) || isShort(request, lastPages)) return { plan }
  const { opening, ...found } = await prove(deps, resource, { plan, request, unused, before: before?.types ?? [] })
  return lastPages === null ? { ...found, opening } : found
}

const isShort = ({ pageSize }: ListRequest, lastPages: number | null): boolean =>
  lastPages !== null && lastPages * (pageSize ?? 0) < MANY_RECORDS

interface ToProve {
  readonly plan: ReadPlan
  readonly request: ListRequest
  readonly unused: readonly string[]
  /** Types that were proved before. */
  readonly before: readonly string[]
}

async function prove(
  deps: Deps,
  resource: Resource,
  { plan, request, unused, before }: ToProve,
): Promise<Required<Reduced>> {
  const { client, capabilities, signal } = deps
  // With what comes along.
  const whole = await fetchFirstPage(client, { ...request, included: true }, signal, undefined, FROM_END)
  const asBefore = { plan, opening: withoutIncluded(whole) }
  if (whole.recordCount === null || whole.recordCount < MANY_RECORDS || whole.parts !== undefined) return asBefore
  const seen = new Set(whole.included.filter(hasContent).map(({ type }) => type))
  const types = unused.filter((type) => seen.has(type) || before.includes(type))
  const short = await shortPage(deps, resource, request, whole, types)
  const { path, query } = request
  const proved: Proved = { path, include: query['include']!, types: short?.types ?? [] }
  await withDbRetry(() => capabilities.save(NAME, proved), signal)
  if (short === undefined) return asBefore
  return { plan: reduced(plan, short.types), opening: withoutIncluded(short.page) }
}

/** For a read of some records: what is proved at this moment. */
export function withoutUnusedAsProved(request: ListRequest, capabilities: Capabilities): ListRequest {
  const known = provedFor(capabilities, request)
  return known?.isFresh === true && known.types.length > 0 ? { ...request, idsOnly: known.types } : request
}

/** The next reads are whole ones, where a page of this one failed so, or what is withheld may be missing for it. */
export async function leaveIdsOnly(
  capabilities: Capabilities,
  request: ListRequest | null,
  { withheld, lacksKeys }: { readonly withheld?: boolean; readonly lacksKeys?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const known = request === null ? undefined : provedFor(capabilities, request)
  if (request === null || known === undefined || known.types.length === 0) return
  const failed = lacksKeys === true || (request.idsOnly !== undefined && listFactsOf(request).failsIdsOnly)
  if (!failed && withheld !== true) return
  const { path, query } = request
  const left: Proved = { path, include: query['include']!, types: [], failed }
  await withDbRetry(() => capabilities.save(NAME, left), signal)
}

/** Declared at the other end of what is included, and not the list's own: of that everything is used. */
function unusedTypes(
  catalog: Deps['catalog'],
  { type, aliases, columns }: Resource,
  { read, request }: ReadPlan,
): string[] {
  if (read.from !== 'list') return []
  const included = new Set(includesOf(request!))
  const targets = columns.flatMap(({ from, member, target }) =>
    from !== 'attribute' && target !== undefined && included.has(member) ? [target] : [],
  )
  const own = new Set([type, ...aliases])
  const isOwn = (target: string): boolean =>
    own.has(target) || (catalog.get(target)?.aliases ?? []).some((alias) => own.has(alias))
  return [...new Set(targets)].filter((target) => !isOwn(target)).toSorted()
}

function provedFor(capabilities: Capabilities, { path, query }: ListRequest) {
  const known = capabilities.get(NAME)
  const proved = known?.value as Proved | undefined
  if (known === undefined || proved === undefined) return undefined
  if (proved.path !== path || proved.include !== query['include']) return undefined
  return { types: proved.types, isFresh: known.ageMs < (proved.failed === true ? WEEK_MS : DAY_MS) }
}

function reduced(plan: ReadPlan, types: readonly string[]): ReadPlan {
  if (types.length === 0) return plan
  return { ...plan, request: { ...plan.request!, idsOnly: types } }
}

/** They are most of it, and are not used. */
const withoutIncluded = (page: Page): Page => ({ ...page, included: [] })

/** The same page with ids only, where it makes the same rows; without the types that the server refuses by name. */
async function shortPage(
  { client, signal }: Deps,
  resource: Resource,
  request: ListRequest,
  whole: Page,
  types: readonly string[],
): Promise<{ readonly page: Page; readonly types: readonly string[] } | undefined> {
  const first = (asked: ListRequest): Promise<Page> =>
    fetchPage(client, { ...asked, included: true }, 1, signal, undefined, { fromEnd: true, asRequested: true })
  for (let left = types; left.length > 0;) {
    const page = await first({ ...request, idsOnly: left }).catch(failureOf)
    if (!(page instanceof SyncError)) {
      if (page.included.some((one) => left.includes(one.type) && hasContent(one))) return undefined
      // A record may have changed between the two requests.
      const isProved = isSame(resource, whole, page) || isSame(resource, await first(request), page)
      return isProved && lacksNothing(page, request) ? { page, types: left } : undefined
    }
    const words = isBadRequest(page) ? wordsOf(page) : []
    const named = left.filter((type) => words.includes(type) || words.includes(`fields[${type}]`))
    if (named.length === 0) return undefined
    left = left.filter((type) => !named.includes(type))
  }
  return undefined
}

/** A failure of this request, and not of the run. */
function failureOf(error: unknown): SyncError {
  if (!(error instanceof SyncError) || endsTheRun(error) || isNotice(error)) throw error
  return error
}

const hasContent = ({ attributes, relationships }: RemoteRecord): boolean =>
  [attributes, relationships].some((members) => isObject(members) && Object.keys(members).length > 0)

/** Whether both make the same rows, in the same order; what differs in every response is no difference. */
function isSame(resource: Resource, one: Page, other: Page): boolean {
  const rows = ({ records }: Page): string[] => {
    const encode = createRowEncoder(resource)
    return records.map((record) => `${record.id} ${encode(record).hash}`)
  }
  const [rowsOfOne, rowsOfOther] = [rows(one), rows(other)]
  return (
    one.recordCount === other.recordCount &&
    one.pageCount === other.pageCount &&
    one.unusable.length === other.unusable.length &&
    rowsOfOne.length === rowsOfOther.length &&
    rowsOfOne.every((row, at) => row === rowsOfOther[at])
  )
}
