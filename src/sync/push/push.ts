/**
 * Sends the changes that wait in the outbox. The steps of an edit:
 *
 *   claim     twenty records of one resource, the oldest first; their changes are coalesced to one each
 *   read      one request for what ScopeStack holds of the twenty (`read-remote.ts`)
 *   decide    base, local and remote value of each field (`conflict.ts`): send · nothing to send · park the conflict
 *   send      PATCH or DELETE of what differs (`send-edit.ts`), POST of a new row (`send-create.ts`)
 *   settle    the response becomes the row, and the change is `sent`, in one transaction (`settle-response.ts`)
 *
 * What goes wrong ends in one of four ways: the change is parked for a person (`park.ts`); it is postponed and tried again;
 * it was sent and its result unknown, then it stays in flight and the next attempt looks first; or the error concerns every
 * change, then it is thrown and the claim is given back.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import {
  newRowDiscarded,
  notStorable,
  lookupRefused,
  parentDiscarded,
  writeForbidden,
} from '../../errors/parked-changes.ts'
import { hasCode, endsTheRun, factOf, reason, SyncError } from '../../errors/sync-error.ts'
import { isRateLimited } from '../../remote/http/retry.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import { isDataError } from '../../store/connection/database.ts'
import { isRejectedByDatabase } from '../../store/mirror/rejections.ts'
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
  isLocal,
  localReference,
} from './attempt.ts'
import { coalesce, latestValues } from './coalesce.ts'
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
 * Records read together, so that a change costs 1.05 requests. More would lengthen the time between the read and the last
 * write, in which an edit made in ScopeStack is overwritten unseen: ScopeStack ignores If-Match (API notes §12).
 */
const CHECKED_TOGETHER = 20
/** Past this, as when the rate limit is used up by others, each record is read again by itself. */
const STALE_MS = 10_000

/**
 * Until no change is left that may be sent now.
 *
 * @throws what every other change would meet, too. The claim is given back.
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
 * Seconds before these records are claimed again. Where ScopeStack failed at the request for them, the next push begins with
 * others, in case these records cause it.
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
    const attempt: Attempt = { change, resource, term, signal: either }
    try {
      const stale = change.op !== 'create' && performance.now() - checkedAt > STALE_MS
      const checked = stale ? await check(deps, resource, [change], either) : remote
      const settled = await sendOne(deps, attempt, checked)
      onSettled(settled)
      // A claim of one shows nothing about the others, which may fail alike: the push ends, and the next begins with them.
      const held = checked.get(change.recordId)
      if (changes.length === 1 && settled.fate === 'postponed' && isPageFailure(held)) throw held
    } catch (error) {
      // Another worker has taken it over.
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

/** The value is an error where ScopeStack refused the request for that record alone. */
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

async function sendOne(deps: PushDeps, attempt: Attempt, remote: Checked): Promise<ChangeResult> {
  try {
    return await sendChange(deps, attempt, remote)
  } catch (error) {
    return (await afterDatabaseError(deps, attempt, error)) ?? (await afterRemoteError(deps, attempt, error))
  }
}

async function sendChange(deps: PushDeps, attempt: Attempt, remote: Checked): Promise<ChangeResult> {
  const { change, resource } = attempt
  const parent = localReference(resource, change)
  // The parent create is no longer queued, so it was discarded.
  if (parent !== undefined) {
    return await parkChange(deps, attempt, parentDiscarded({ what: changeName(change), parent }))
  }
  if (change.op === 'create') return await sendCreate(deps, attempt)
  // The row's own create would have come before this change, so it was discarded.
  if (isLocal(change.recordId)) return await parkChange(deps, attempt, newRowDiscarded({ what: changeName(change) }))
  const held = remote.get(change.recordId) ?? null
  if (held instanceof SyncError) throw held
  if (change.answer !== null) return await settleStoredResponse(deps, attempt, change.answer, held)
  return await sendEdit(deps, attempt, held)
}

/** Undefined where the error is not the database's. */
async function afterDatabaseError(deps: PushDeps, attempt: Attempt, error: unknown): Promise<ChangeResult | undefined> {
  const { change, resource } = attempt
  if (isRowLocked(error)) return await postponeHeldRow(deps, attempt)
  // It concerns the values of this change only.
  if (isDataError(error)) {
    return await parkChange(deps, attempt, notStorable({ what: changeName(change), why: reason(error) }))
  }
  if (isRejectedByDatabase(error)) {
    return await postponeRejectedRow(deps, attempt, await explainTableError(deps.sql, resource, error))
  }
  return undefined
}

/** @throws what every other change would meet, too. */
async function afterRemoteError(deps: PushDeps, attempt: Attempt, error: unknown): Promise<ChangeResult> {
  const { change, resource, signal } = attempt
  if (!(error instanceof SyncError)) throw error
  if (hasCode(error, 'SYNC_PUSH_ROW_REFUSED')) return await postponeRejectedRow(deps, attempt, error)
  if (hasCode(error, 'SYNC_FORBIDDEN')) {
    return await parkChange(deps, attempt, writeForbidden({ what: changeName(change) }))
  }
  if (hasCode(error, 'SYNC_REQUEST_REFUSED')) {
    const explained = await explainRefusal(deps, resource, error, signal)
    if (endsTheRun(explained)) throw explained
    const { status, detail } = error.facts
    return await parkChange(deps, attempt, lookupRefused({ what: changeName(change), status, detail }))
  }
  // It may have been created, and is searched for when ScopeStack responds again. The other changes need not wait.
  const mayExist = change.op === 'create' && isRateLimited(error) && mayHaveArrived(error)
  if (!mayExist && (error.remedy !== 'retry' || endsTheRun(error))) throw error
  const result = await retryOrPark(deps, attempt, error)
  // Without any response the next changes would fail alike; this one is postponed, so the push ends here.
  if (isNoResponse(error) && change.op !== 'create') throw error
  return result
}

/** The one change that the waiting changes of a record amount to, and those that it replaces. */
export function coalesceChanges(catalog: ReadonlyMap<string, Resource>, changes: readonly Change[]): Coalesced {
  const newest = changes.findLast(({ state }) => state === 'waiting')!
  // After a change was parked and its row restored, a later edit was not based on it.
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

/** Values of changes that were parked after failures: ScopeStack may hold them. */
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
