/** Sends what waits in the outbox: a claim of some records, one check of what ScopeStack holds of them, and a write for each. */
import { RENEW_CLAIM_EVERY_MS, type Change, type Claim, type Folded } from '../store/outbox.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import { parentDiscarded, writeForbidden } from '../errors/push.ts'
import { readRecords } from './check.ts'
import { create } from './create.ts'
import { fold } from './fold.ts'
import { failed, isSilence, nameOf, sendChecked, setAside, type PushDeps, type Sending, type Settled } from './send.ts'
import { endsTheRun, SyncError } from '../sync-error.ts'

export interface PushOptions {
  readonly signal: AbortSignal
  readonly onSettled: (settled: Settled) => void
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
    const claim = await outbox.claim(CHECKED_TOGETHER, (changes) => foldChanges(deps.catalog, changes))
    if (claim.term === 0) return
    const renewal = setInterval(() => void outbox.renew(claim.term).catch(() => {}), RENEW_CLAIM_EVERY_MS)
    try {
      await pushClaim(deps, claim, options)
    } catch (error) {
      const seconds = error instanceof SyncError ? Number(error.facts['seconds'] ?? 0) : 0
      await outbox.release(claim.term, { seconds: Math.min(seconds, 60) }).catch(() => {})
      throw error
    } finally {
      clearInterval(renewal)
    }
  }
}

async function pushClaim(deps: PushDeps, { term, changes }: Claim, { signal, onSettled }: PushOptions): Promise<void> {
  const [first] = changes
  if (first === undefined) return
  const resource = deps.catalog.get(first.resource)!
  const ending = new AbortController()
  const either = AbortSignal.any([signal, ending.signal])
  let fatal: unknown

  const remote = await check(deps, resource, changes, either)
  const checkedAt = performance.now()
  const one = async (change: Change): Promise<void> => {
    const sending: Sending = { change, resource, term, signal: either }
    try {
      const stale = change.op !== 'create' && performance.now() - checkedAt > STALE_MS
      onSettled(await sendOne(deps, sending, stale ? await check(deps, resource, [change], either) : remote))
    } catch (error) {
      // Somebody else goes on with it.
      if (error instanceof SyncError && error.code === 'SYNC_CLAIM_LOST') return
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

/** `forbidden`: the service account may not even see them. */
type Checked = ReadonlyMap<string, RemoteRecord | null> | 'forbidden'

async function check(
  deps: PushDeps,
  resource: Resource,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<Checked> {
  const ids = changes.filter(({ op }) => op !== 'create').map(({ recordId }) => recordId)
  try {
    return ids.length === 0 ? new Map() : await readRecords(deps, resource, ids, signal)
  } catch (error) {
    if (error instanceof SyncError && error.code === 'SYNC_FORBIDDEN') return 'forbidden'
    throw error
  }
}

async function sendOne(deps: PushDeps, sending: Sending, remote: Checked): Promise<Settled> {
  const { change } = sending
  const parent = Object.values(change.relationships).find(isLocal)
  try {
    // It is not waited for any more, so it was let go.
    if (parent !== undefined) {
      return await setAside(deps, sending, parentDiscarded({ what: nameOf(change), parent }))
    }
    if (remote === 'forbidden') return await setAside(deps, sending, writeForbidden({ what: nameOf(change) }))
    if (change.op === 'create') return await create(deps, sending)
    return await sendChecked(deps, sending, remote.get(change.recordId) ?? null)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    if (error.code === 'SYNC_FORBIDDEN') return await setAside(deps, sending, writeForbidden({ what: nameOf(change) }))
    if (error.remedy !== 'retry' || endsTheRun(error)) throw error
    const settled = await failed(deps, sending, error)
    // It is out of the way now; the others would wait for nobody to answer, too.
    if (isSilence(error) && change.op !== 'create') throw error
    return settled
  }
}

const isLocal = (id: unknown): id is string => typeof id === 'string' && id.startsWith('local-')

/** What is to become of the changes of one record that wait together. */
export function foldChanges(catalog: ReadonlyMap<string, Resource>, changes: readonly Change[]): Folded {
  const newest = changes.findLast(({ state }) => state === 'waiting')!
  // A change that was set aside, and whose row shows what ScopeStack holds again, is not what a later edit was built on.
  const settledFor = (change: Change): boolean => change.returnedAt !== null
  const built = changes.filter((change) => !settledFor(change) && change.id <= newest.id)
  const replaced = changes.filter((change) => settledFor(change) && change.id < newest.id && covers(newest, change))
  const content = fold(catalog.get(newest.resource)!, built)
  const superseded = [...built, ...replaced]
    .filter(({ id }) => content === null || id !== newest.id)
    .map(({ id }) => id)
  if (content === null) return { change: null, superseded }
  // One of them may have arrived: that is not forgotten.
  const { requestedAt, knownIds } = built.findLast((change) => change.requestedAt !== null) ?? newest
  return { change: { ...newest, ...content, requestedAt, knownIds }, superseded }
}

function covers(newer: Change, older: Change): boolean {
  if (newer.op === 'delete' || older.op === 'delete') return true
  const names = ({ attributes, relationships }: Change): string[] => Object.keys({ ...attributes, ...relationships })
  const given = new Set(names(newer))
  return names(older).every((name) => given.has(name))
}
