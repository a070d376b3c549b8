/** What a person can do about changes: retry, discard, resolve. */
import { createHash } from 'node:crypto'
import type { Resource } from '../../catalog/resource.ts'
import { usage } from '../../errors/commands.ts'
import { isCode } from '../../errors/sync-error.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { isLocal } from '../changes/change.ts'
import { columnOf, fieldsOf, keyOf, valuesOf } from '../changes/fields.ts'
import { rebaseOntoBase } from '../changes/rebase.ts'
import { wordOf } from '../changes/states.ts'
import { next } from '../changes/transitions.ts'
import { discard, retry, writeBase } from '../changes/writes.ts'
import { transact, type Database, type Transaction } from '../connection/database.ts'
import { disableCapture, tableOf } from '../schema/capture-triggers.ts'
import { findChange, type ChangeDetails } from './changes.ts'
import { loseAbandoned } from './next-batch.ts'
import { OUTBOX_CHANNEL } from './notify.ts'
import { clearDigest, rebaseQueued } from './settle.ts'

export type ChangeAction = 'retry' | 'discard' | 'resolve'

const DONE = { retry: 'retried', discard: 'discarded' } as const

/** @throws SyncError SYNC_USAGE */
export function checkActionAllowed(action: ChangeAction, change: ChangeDetails): void {
  const { id, state, code, held } = change
  if (action === 'resolve') {
    const nothing = { waiting: 'waits to be sent', sending: 'is being sent just now' } as Record<string, string>
    const word = wordOf(state)
    if (word !== 'parked')
      throw usage(`Change ${id} ${nothing[word] ?? `is ${word} already`}; nothing is left to decide.`)
    if (!isCode(code, 'SYNC_PUSH_CONFLICT')) throw usage(`Change ${id} is no conflict. ${instead(id, code)}`)
    return
  }
  // Of a process that is gone.
  const isAbandoned = state === 'in_flight' && !held
  const allowed = next({ ...change, state: isAbandoned ? 'lost' : state }, action)
  if ('rejected' in allowed)
    throw usage(`Change ${id} ${allowed.rejected.replace(/^it /, '')}, so it cannot be ${DONE[action]}.`)
}

function instead(id: number, code: ErrorCode | null): string {
  if (isCode(code, 'SYNC_PUSH_GONE', 'SYNC_PUSH_UNSUPPORTED')) return `"changes discard ${id}" discards it.`
  if (isCode(code, 'SYNC_PUSH_INVALID')) {
    return `ScopeStack refused it: edit the row again, or discard it with "changes discard ${id}".`
  }
  if (isCode(code, 'SYNC_PUSH_FORBIDDEN')) return `ScopeStack does not allow it: "changes retry ${id}" when it does.`
  return `"changes show ${id}" says what helps.`
}

export const DECISIONS = ['retry', 'discard', 'keep local', 'keep remote'] as const

export type ChangeDecision = (typeof DECISIONS)[number]

export const actionOf = (decision: ChangeDecision): ChangeAction =>
  decision === 'retry' || decision === 'discard' ? decision : 'resolve'

/**
 * What a person decides about many changes at once, on the command line and on the dashboard. All are looked at before the first is
 * acted on: a wrong id among them must not leave half of it done.
 *
 * @returns the ids, each when it is done.
 * @param seen what the person saw of each when it was decided, by `stampOf`; who saw none decides on what is there.
 * @throws SyncError SYNC_USAGE
 */
export async function* decideChanges(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  decision: ChangeDecision,
  ids: readonly number[],
  seen: Seen = NOT_SEEN,
): AsyncGenerator<number, void, void> {
  for (const id of ids) {
    const change = await findChange(sql, id)
    checkActionAllowed(actionOf(decision), change)
    checkSeen(change, seen)
  }
  for (const id of ids) {
    // Discarding a new row discards what waits behind it, which may be named here, too.
    const gone = decision === 'discard' && (await findChange(sql, id)).state === 'discarded'
    if (!gone) await act(sql, catalog, { decision, id, seen })
    yield id
  }
}

function act(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  { decision, id, seen }: { decision: ChangeDecision; id: number; seen: Seen },
): Promise<void> {
  if (decision === 'retry') return retryChange(sql, id, seen)
  if (decision === 'discard') return discardChange(sql, catalog, id, seen)
  return resolveChange(sql, catalog, id, decision === 'keep local' ? 'local' : 'remote', seen)
}

/** By id. */
export type Seen = ReadonlyMap<number, string>

const NOT_SEEN: Seen = new Map()

/** Another one when what a person is shown of it has changed: a conflict must not be decided on values that the person has not seen. */
export function stampOf({ state, code, decisions, attributes, relationships }: ChangeDetails): string {
  const shown = JSON.stringify([state, code, decisions, attributes, relationships])
  return createHash('sha256').update(shown).digest('base64url').slice(0, 16)
}

function checkSeen(change: ChangeDetails, seen: Seen): void {
  const stamp = seen.get(change.id)
  if (stamp === undefined || stamp === stampOf(change)) return
  throw usage(
    `Change ${change.id} is another one since the page was made, so it was left alone. Look at its values again.`,
  )
}

/** Makes it waiting again. @throws SyncError SYNC_USAGE unless it is parked or postponed. */
export async function retryChange(sql: Database, id: number, seen = NOT_SEEN): Promise<void> {
  await transact(sql, async (tx) => {
    checkActionAllowed('retry', await lockedChange(tx, id, seen))
    await retry(tx, id)
    await wakePush(tx)
  })
}

/**
 * Discards a change. Its row shows what ScopeStack holds after the next pull. A new row that was never sent is deleted at
 * once, and its later changes are discarded with it.
 */
export async function discardChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  seen = NOT_SEEN,
): Promise<void> {
  await transact(sql, async (tx) => {
    await disableCapture(tx)
    const change = await lockedChange(tx, id, seen)
    checkActionAllowed('discard', change)
    const resource = catalog.get(change.resource)!
    const { recordId } = change
    const neverMade = isLocal(recordId) && change.op === 'create'
    await discard(
      tx,
      tx`(o.id = ${id} or ${neverMade} and o.record_id = ${recordId} and o.resource = ${resource.type})`,
    )
    if (neverMade) await tx.unsafe(`delete from ${tableOf(resource)} where id = $1`, [recordId])
    else {
      // If the row showed ScopeStack's values in between, no later edit is based on this one.
      if (change.returnedAt === null) {
        await rebaseQueued(tx, change, (later) => rebaseOntoBase(resource, change, later))
      }
      await clearDigest(tx, resource, recordId)
    }
    // Changes that refer to it are not blocked any more.
    await wakePush(tx)
  })
}

/** Resolves a conflict: the local values overwrite the remote ones that were shown, or are discarded. */
export async function resolveChange(
  sql: Database,
  catalog: ReadonlyMap<string, Resource>,
  id: number,
  keep: 'local' | 'remote',
  seen = NOT_SEEN,
): Promise<void> {
  if (keep === 'remote') {
    checkActionAllowed('resolve', await findChange(sql, id))
    return await discardChange(sql, catalog, id, seen)
  }
  await transact(sql, async (tx) => {
    const change = await lockedChange(tx, id, seen)
    checkActionAllowed('resolve', change)
    const resource = catalog.get(change.resource)!
    // The new base is the remote value that was shown: a later modification in ScopeStack is a new conflict.
    const shown = new Map(
      (change.decisions ?? []).map(({ member, entry, remote }) => [
        keyOf({ column: columnOf(resource, member), ...(entry === undefined ? {} : { entry }) }),
        remote,
      ]),
    )
    const fields = fieldsOf(resource, change).map((field) =>
      shown.has(keyOf(field)) ? { ...field, base: shown.get(keyOf(field)) } : field,
    )
    await writeBase(tx, id, valuesOf(fields, 'base'))
    await retry(tx, id)
    await wakePush(tx)
  })
}

const wakePush = (tx: Transaction) => tx`select pg_notify(${OUTBOX_CHANNEL}, '')`

/**
 * Locks the row before the change, in the order of edits and settlements, so that an edit in an open transaction is waited
 * for and seen. A create that is settled meanwhile gives the row another id.
 */
async function lockedChange(tx: Transaction, id: number, seen: Seen): Promise<ChangeDetails> {
  for (let { resource, recordId } = await findChange(tx, id); ;) {
    const [table] = await tx<{ relation: string }[]>`select relation from sync.captured where type = ${resource}`
    if (table !== undefined) await tx.unsafe(`select from ${table.relation} where id = $1 for update`, [recordId])
    const { recordId: now } = await findChange(tx, id)
    if (now === recordId) break
    recordId = now
  }
  await tx`select from sync.outbox where id = ${id} for update`
  checkSeen(await findChange(tx, id), seen)
  await loseAbandoned(tx, tx`o.id = ${id}`)
  return await findChange(tx, id)
}
