import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import {
  lookupRefused,
  notStorable,
  parentDiscarded,
  newRowDiscarded,
  writeForbidden,
} from '../../errors/parked-changes.ts'
import { endsTheRun, factOf, hasCode, reason, SyncError } from '../../errors/sync-error.ts'
import { isRateLimited } from '../../remote/http/retry.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import { isDataError } from '../../store/connection/database.ts'
import { isRejectedByDatabase } from '../../store/mirror/refusals.ts'
/** Sends what waits in the outbox: a claim of some records, one check of what ScopeStack holds of them, and a write for each. */
import { RENEW_CLAIM_EVERY_MS, type Change, type Claim, type Coalesced } from '../../store/outbox/claim.ts'
import { isRowLocked } from '../../store/outbox/settle.ts'
import { explainTableError } from '../check-table.ts'
import { explainRefusal } from '../list/explain-refusal.ts'
import {
  possibleWrites,
  isNoResponse,
  mayHaveArrived,
  changeName,
  type PushDeps,
  type Attempt,
  type ChangeResult,
} from './attempt.ts'
import { coalesce, latestValues } from './coalesce.ts'
import { isLocal, localReference } from './local-references.ts'
import { retryOrPark, postponeHeldRow, postponeRejectedRow, parkChange } from './park.ts'
import { idsToRead, readRecords } from './read-remote.ts'
import { sendCreate } from './send-create.ts'
import { sendEdit } from './send-edit.ts'
import { settleStoredResponse } from './settle-response.ts'

export interface PushOptions {
  readonly signal: AbortSignal
  readonly onResult: (settled: ChangeResult) => void
}

/**
 * Records checked together, so that a change costs 1.05 requests. More would leave more time between the check and the last
 * write, in which somebody else's edit is not seen: ScopeStack ignores If-Match (API notes §12).
 */
const CHECKED_TOGETHER = 20
/** Past this, as when others use up the pace, what is next is looked at again by itself. */
const STALE_MS = 10_000

/**
 * Until nothing is left that may be sent now.
 *
 * @throws what every other change would meet, too. What was under way is given back.
 */
export async function push(deps: PushDeps, options: PushOptions): Promise<void> {
  const { outbox } = deps
  while (!options.signal.aborted) {
    const claim = await outbox.claim(CHECKED_TOGETHER, (changes) => coalesceChanges(deps.catalog, changes))
    if (claim.term === 0) return
    const renewal = setInterval(() => void outbox.renew(claim.term).catch(() => {}), RENEW_CLAIM_EVERY_MS)
    try {
      await pushClaim(deps, claim, options)
    } catch (error) {
      await outbox.release(claim.term, { seconds: Math.min(pauseAfter(error), 60) }).catch(() => {})
      throw error
    } finally {
      clearInterval(renewal)
    }
  }
}

/**
 * Where ScopeStack failed at what it was asked about these, the next push begins with others, in case it is these that it
 * fails at.
 */
function pauseAfter(error: unknown): number {
  if (!(error instanceof SyncError)) return 0
  if (error.remedy === 'retry' && !isNoResponse(error) && !endsTheRun(error)) return 60
  return factOf(error, 'seconds') ?? 0
}

async function pushClaim(
  deps: PushDeps,
  { term, changes }: Claim,
  { signal, onResult: onSettled }: PushOptions,
): Promise<void> {
  const [first] = changes
  if (first === undefined) return
  const resource = deps.catalog.get(first.resource)!
  const ending = new AbortController()
  const either = AbortSignal.any([signal, ending.signal])
  let fatal: unknown

  const remote = await check(deps, resource, changes, either)
  const checkedAt = performance.now()
  const one = async (change: Change): Promise<void> => {
    const sending: Attempt = { change, resource, term, signal: either }
    try {
      const stale = change.op !== 'create' && performance.now() - checkedAt > STALE_MS
      const checked = stale ? await check(deps, resource, [change], either) : remote
      const settled = await sendOne(deps, sending, checked)
      onSettled(settled)
      // Nobody was answered beside it, so that others may meet the same: the push ends, and the next begins with them.
      const held = checked.get(change.recordId)
      if (changes.length === 1 && settled.fate === 'postponed' && isPageFailure(held)) throw held
    } catch (error) {
      // Somebody else goes on with it.
      if (hasCode(error, 'SYNC_CLAIM_LOST')) return
      fatal ??= error
      ending.abort()
    }
  }
  const queue = changes.values()
  await Promise.all(
    Array.from({ length: deps.concurrency }, async () => {
      for (const change of queue) {
        if (fatal !== undefined || either.aborted) return
        await one(change)
      }
    }),
  )
  if (fatal !== undefined) throw fatal
  // A stop on request leaves some unsent.
  if (signal.aborted) await deps.outbox.release(term)
}

/** An error is of the one that ScopeStack refused to tell. */
type Checked = ReadonlyMap<string, RemoteRecord | SyncError | null>

async function check(
  deps: PushDeps,
  resource: Resource,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<Checked> {
  const refused: [string, SyncError][] = []
  const found = await readRecords(deps, resource, idsToRead(changes), signal, (...one) => refused.push(one))
  return new Map<string, RemoteRecord | SyncError | null>([...found, ...refused])
}

async function sendOne(deps: PushDeps, sending: Attempt, remote: Checked): Promise<ChangeResult> {
  const { change } = sending
  const parent = localReference(sending.resource, change)
  try {
    // It is not waited for any more, so it was let go.
    if (parent !== undefined) {
      return await parkChange(deps, sending, parentDiscarded({ what: changeName(change), parent }))
    }
    if (change.op === 'create') return await sendCreate(deps, sending)
    // Its creation would have come before it: there is none any more.
    if (isLocal(change.recordId)) return await parkChange(deps, sending, newRowDiscarded({ what: changeName(change) }))
    const held = remote.get(change.recordId) ?? null
    if (held instanceof SyncError) throw held
    if (change.answer !== null) return await settleStoredResponse(deps, sending, change.answer, held)
    return await sendEdit(deps, sending, held)
  } catch (error) {
    if (isRowLocked(error)) return await postponeHeldRow(deps, sending)
    // What no other change would meet.
    if (isDataError(error))
      return await parkChange(deps, sending, notStorable({ what: changeName(change), why: reason(error) }))
    if (isRejectedByDatabase(error))
      return await postponeRejectedRow(deps, sending, await explainTableError(deps.sql, sending.resource, error))
    if (!(error instanceof SyncError)) throw error
    if (hasCode(error, 'SYNC_PUSH_ROW_REFUSED')) return await postponeRejectedRow(deps, sending, error)
    if (hasCode(error, 'SYNC_FORBIDDEN'))
      return await parkChange(deps, sending, writeForbidden({ what: changeName(change) }))
    if (hasCode(error, 'SYNC_REQUEST_REFUSED')) {
      // No other change would be answered either.
      const explained = await explainRefusal(deps, sending.resource, error, sending.signal)
      if (endsTheRun(explained)) throw explained
      const { status, detail } = error.facts
      return await parkChange(deps, sending, lookupRefused({ what: changeName(change), status, detail }))
    }
    // It may have been made, and is looked for when ScopeStack is well again; the others need not wait for that.
    if (change.op === 'create' && isRateLimited(error) && mayHaveArrived(error))
      return await retryOrPark(deps, sending, error)
    if (error.remedy !== 'retry' || endsTheRun(error)) throw error
    const settled = await retryOrPark(deps, sending, error)
    // It is out of the way now; the others would wait for nobody to answer, too.
    if (isNoResponse(error) && change.op !== 'create') throw error
    return settled
  }
}

/** What is to become of the changes of one record that wait together. */
export function coalesceChanges(catalog: ReadonlyMap<string, Resource>, changes: readonly Change[]): Coalesced {
  const newest = changes.findLast(({ state }) => state === 'waiting')!
  // A change that was set aside, and whose row shows what ScopeStack holds again, is not what a later edit was built on.
  const settledFor = (change: Change): boolean => change.returnedAt !== null
  const built = changes.filter((change) => !settledFor(change) && change.id <= newest.id)
  const replaced = changes.filter((change) => settledFor(change) && change.id < newest.id && covers(newest, change))
  const content = coalesce(catalog.get(newest.resource)!, built)
  const superseded = [...built, ...replaced]
    .filter(({ id }) => content === null || id !== newest.id)
    .map(({ id }) => id)
  if (content === null) return { change: null, superseded }
  return { change: { ...newest, ...content, inDoubt: inDoubt(catalog.get(newest.resource)!, built) }, superseded }
}

/** What ScopeStack failed at, and a person let lie: it may have arrived. */
function inDoubt(resource: Resource, changes: readonly Change[]): Change['inDoubt'] {
  const sides = changes.filter(({ op }) => op === 'update').flatMap(possibleWrites)
  return latestValues(resource, sides)
}

function covers(newer: Change, older: Change): boolean {
  if (newer.op === 'delete' || older.op === 'delete') return true
  const names = ({ attributes, relationships }: Change): string[] => Object.keys({ ...attributes, ...relationships })
  const given = new Set(names(newer))
  return names(older).every((name) => given.has(name))
}
