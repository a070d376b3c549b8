import type { Resource } from '../../catalog/resource.ts'
import { isPastPagingLimit, fetchFirstPage } from '../../remote/pages/forward-pages.ts'
import { inferPageSize } from '../../remote/pages/list-length.ts'
/**
 * Reads a resource whole and holds every row against it: what is missing, what is too much, what differs, by the values of
 * the columns. It keeps no cursor and leaves that of an interrupted pull alone.
 */
import { planChains } from '../../remote/pages/reverse-pages.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { extraIds } from '../../store/mirror/compare.ts'
import { createMirror, type Mirror } from '../../store/mirror/load.ts'
import { editedIds } from '../../store/mirror/local-edits.ts'
import { countLiving } from '../../store/mirror/tombstones.ts'
import { recountRows } from '../../store/progress/checkpoint.ts'
import { confirmAndMarkDeleted, massDeleteWarning } from '../deletes/detect-deletes.ts'
import { refusedFiltersMessage } from '../list/completeness.ts'
import { negotiatedRequest } from '../list/filter-scope.ts'
import { getRecords } from '../list/get-record.ts'
import { planForBothEnds, needsBothEnds, withSmallerPages, applyFacts } from '../list/list-facts.ts'
import { requestDigest, refusedFilters } from '../list/list-request.ts'
import type { Batch } from '../list/page-batch.ts'
import { distrustEtags, openPageMarks } from '../list/page-cache.ts'
import { readList } from '../list/read-list.ts'
import { openReadPlan, type ReadPlan } from '../list/read-plan.ts'
import { findHiddenRecords } from '../snapshot/hidden-records.ts'
import { HIDDEN_RECORDS } from '../snapshot/read-lists.ts'
import { startPass, EMPTY_SNAPSHOT, type PassDeps } from '../snapshot/snapshot-pass.ts'
import type { SnapshotDeps } from '../snapshot/snapshot.ts'
import { notComparedMessage, readExpectedMembers } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createDifferences, type Difference, type Differences } from './differences.ts'

export interface VerifyResult {
  readonly resource: string
  /** Different records read. */
  readonly read: number
  readonly missing: number
  readonly extra: number
  readonly different: number
  readonly refused: number
  readonly repaired: number
  /** Rows with local edits, which were not compared. */
  readonly edited: number
  /** Why it could not be held against everything, and what to do about it; null when it was. */
  readonly doubt: string | null
}

export interface VerifyOptions {
  readonly resource: Resource
  readonly lease: Lease
  readonly repair: boolean
  readonly signal: AbortSignal
  readonly onDifference: (difference: Difference) => void
  readonly onProgress: (read: number, total: number | null) => void
}

/** A list that keeps changing is read again. */
const TRIES = 3
/** Each costs a request. */
const ASKED_FOR = 1000

interface Verifying extends VerifyOptions {
  readonly mirror: Mirror
  readonly differences: Differences
  /** Ids of the records read, whichever reading met them. */
  readonly met: Set<string>
  /** A page came under the `ETag` of another body. */
  etagLied: boolean
}

export async function verifyResource(deps: SnapshotDeps, options: VerifyOptions): Promise<VerifyResult> {
  const { sql } = deps
  const { resource, signal } = options
  const { type, table } = resource
  const mirror = createMirror(resource)
  const expected = await withDbRetry(() => readExpectedMembers(sql, resource), signal)
  const differences = createDifferences({ ...options, sql, mirror, expected })
  const verifying: Verifying = { ...options, mirror, differences, met: new Set(), etagLied: false }
  const asking = await openReadPlan(deps, resource, signal)
  let { plan: question } = asking
  for (;;) {
    try {
      question = await findHiddenRecords(deps, resource, question, null, signal)
      const lighter = withSmallerPages(applyFacts(question))
      const doubts = [
        (await readLists(deps, verifying, lighter)) ?? (await judgeExtra(deps, verifying, lighter)),
        verifying.etagLied ? LYING_ETAGS : null,
        notComparedMessage(resource, differences.lacking(), verifying.met.size),
        notListed(question),
      ].filter((doubt) => doubt !== null)
      if (verifying.etagLied) await distrustEtags({ sql, resource, signal })
      const doubt = doubts.length === 0 ? null : doubts.join(' ')
      const { counts } = differences
      if (counts.repaired > 0) await withDbRetry(() => recountRows(sql, type, table), signal)
      const others = (await withDbRetry(() => editedIds(sql, resource), signal)).filter((id) => !verifying.met.has(id))
      const edited = new Set([...differences.edited, ...others]).size
      return { resource: type, read: verifying.met.size, ...counts, edited, doubt }
    } catch (error) {
      const next = isPastPagingLimit(error) ? planForBothEnds(question, asking.now) : await asking.next(error, question)
      if (next === undefined) throw error
      question = next
    }
  }
}

const CHANGED =
  'It could not be proved whole: it kept changing while it was read, or holds fewer records than it says. What is too ' +
  'much here cannot be told; verify it again later.'
const LYING_ETAGS =
  'ScopeStack gives pages that differ one ETag, so pulls took pages for unchanged that were not. From now on every page is ' +
  'transferred and compared by its content: pull --full, then verify again.'
const UNCOUNTED =
  'It does not say how many records it has, so what is too much here cannot be told. The rest was compared.'

/** What may be in no list that was read; null when nothing. */
function notListed(question: ReadPlan): string | null {
  if (question.scope?.unsettled === true) return HIDDEN_RECORDS.message
  return refusedFiltersMessage(refusedFilters(question.wanted, negotiatedRequest(question)))
}

/** Both lists, where no one of them is proved to hold all. */
async function readLists(deps: SnapshotDeps, verifying: Verifying, question: ReadPlan): Promise<string | null> {
  const doubt = await readAll(deps, verifying, question)
  if (question.also === undefined) return doubt
  return (await readAll(deps, verifying, applyFacts({ ...question, request: question.also }))) ?? doubt
}

/** @returns why some record may not have been met; null when every one that was there throughout was. */
async function readAll(deps: SnapshotDeps, verifying: Verifying, question: ReadPlan): Promise<string | null> {
  const { resource, lease, signal, differences, met, onProgress } = verifying
  const { request, read, ordered } = question
  const far = needsBothEnds(question)
  const pass: PassDeps = { ...deps, resource, question, digest: requestDigest(request, resource), lease, signal }
  const compare = async ({ pages }: Batch): Promise<void> => {
    for (const { ids } of pages) for (const id of ids) met.add(id)
    differences.refuse(pages.flatMap((page) => page.unusable))
    await differences.compare(pages.flatMap((page) => page.records))
  }
  if (read.from !== 'list' && read.from !== 'included') {
    let full = true
    for await (const batch of (await startPass(pass, EMPTY_SNAPSHOT, 1)).batches) {
      full &&= batch.pages.every((page) => page.full)
      await compare(batch)
      onProgress(met.size, null)
    }
    return full ? null : CHANGED
  }
  const wanted = { type: resource.type, aliases: resource.aliases, carried: read.from === 'included' }
  const recall = await openPageMarks(pass)
  let known: ReadonlySet<string> = new Set()
  for (let tries = 1; tries <= TRIES; tries++) {
    const opening = await fetchFirstPage(deps.client, request!, signal, await recall(1))
    const { recordCount: count } = opening
    const pageCount = far ? null : opening.pageCount
    const chains = pageCount === null ? [] : planChains(Math.max(1, pageCount), deps.concurrency + 2)
    const size = inferPageSize(opening, null) ?? 0
    const ids = new Set<string>()
    let steady = true
    let full = true
    for await (const batch of readList(pass, {
      request: request!,
      wanted,
      chains,
      ordered,
      far,
      opening,
      size,
      recall,
    })) {
      for (const page of batch.pages) {
        steady &&= page.recordCount === count
        full &&= page.full
        verifying.etagLied ||= page.etagLied
        for (const id of page.carriers ?? [...page.ids, ...(page.unnamed ?? [])]) ids.add(id)
      }
      await compare(batch)
      onProgress(wanted.carried ? met.size : ids.size, wanted.carried ? null : count)
    }
    // As in list/completeness.ts: in order and from its end, or as many known ids as were counted.
    if (count === null) return UNCOUNTED
    if (ordered && pageCount !== null && (steady ? ids.size === count : full)) return null
    if ((pageCount ?? 2) <= 1 && steady && ids.size === count) return null
    if (ids.intersection(known).size === count) return null
    known = ids
  }
  return CHANGED
}

/** Rows the list does not have: too much only if their record, asked for, is not found. What is found is compared too. */
async function judgeExtra(deps: SnapshotDeps, verifying: Verifying, question: ReadPlan): Promise<string | null> {
  const { sql, client, slug, concurrency } = deps
  const { resource, repair, signal, differences, met } = verifying
  const { from } = question.read
  // There is no address to ask for another one than that which was read.
  if (from === 'singleton') return null
  const candidates = await withDbRetry(() => extraIds(sql, resource, met), signal)
  if (candidates.length === 0) return null
  const asked = candidates.slice(0, ASKED_FOR)
  const known = [...met].slice(0, 3)
  const answers = await getRecords({ client, slug, resource, question, concurrency, signal }, known, asked)
  if (answers === null) {
    return (
      `${rows(candidates.length)} not in the list, and ScopeStack answers for no single record of it, so that nothing ` +
      'proves them deleted. They are kept. If two whole pulls, hours apart, miss them too, the second marks them deleted.'
    )
  }
  const gone: string[] = []
  let unsure = 0
  for await (const some of answers) {
    unsure += some.unsure.length
    gone.push(...some.gone)
    // A document has its parent's id, not its own.
    if (from !== 'each') await differences.compare(some.records)
  }
  differences.extra(gone)
  const left = candidates.length - asked.length
  const doubts: string[] = []
  if (left > 0)
    doubts.push(`${rows(left)} not in the list and not asked for one by one. Pull it, then verify it again.`)
  if (unsure > 0) doubts.push(`${rows(unsure)} not in the list, and asking did not settle why. Verify it again later.`)
  const suspect = repair && gone.length > 0 ? await repairExtra(deps, verifying, question, { gone, left, known }) : null
  if (suspect !== null) doubts.push(suspect)
  return doubts.length === 0 ? null : doubts.join(' ')
}

const rows = (count: number): string => (count === 1 ? '1 row is' : `${count} rows are`)

interface Extra {
  readonly gone: readonly string[]
  /** Not in the list either, and not asked for. */
  readonly left: number
  readonly known: readonly string[]
}

/** @returns why it was not done; null when it was. */
async function repairExtra(
  deps: SnapshotDeps,
  { resource, lease, mirror, signal, differences }: Verifying,
  question: ReadPlan,
  { gone, left, known }: Extra,
): Promise<string | null> {
  const { sql, deleteLimit } = deps
  const { type } = resource
  const living = await withDbRetry(() => countLiving(sql, resource), signal)
  const suspect = massDeleteWarning({ type, count: gone.length + left, living, deleteLimit })
  if (suspect !== null) return suspect
  const confirmed = await confirmAndMarkDeleted(deps, { resource, question, lease, mirror, signal, known }, gone)
  differences.counts.repaired += confirmed?.deleted ?? 0
  return null
}
