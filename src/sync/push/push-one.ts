/** One change, from the batch to its end. Each step returns an outcome, or fails; the outcome is written once. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { newRowDiscarded, parentDiscarded } from '../../errors/parked-changes.ts'
import { hasCode, SyncError } from '../../errors/sync-error.ts'
import { createRetrySchedule, sleep } from '../../remote/http/retry.ts'
import { applyOutcome } from './apply-outcome.ts'
import { changeName, isLocal, localReference, type Attempt, type PushDeps } from './attempt.ts'
import { outcomeOfFailure } from './on-failure.ts'
import { park, responded, type ChangeResult, type Outcome } from './outcome.ts'
import { readRecords } from './read-remote.ts'
import { sendCreate } from './send-create.ts'
import { sendEdit } from './send-edit.ts'

/**
 * @param remote the record in ScopeStack as the batch was read; null where there is none, an error where that was refused.
 * @returns null where the change is not ours any more.
 * @throws what every other change would meet, too.
 */
export async function pushOne(
  deps: PushDeps,
  attempt: Attempt,
  remote: RemoteRecord | SyncError | null,
): Promise<ChangeResult | null> {
  let outcome: Outcome
  try {
    outcome = withoutRecord(attempt) ?? (await send(deps, attempt, remote))
  } catch (error) {
    outcome = await outcomeOfFailure(deps, attempt, error)
  }
  try {
    return await applyOutcome(deps, attempt, outcome)
  } catch (error) {
    // A person discarded it meanwhile.
    if (hasCode(error, 'SYNC_CLAIM_LOST')) return null
    throw error
  }
}

/** What cannot be sent, since its own row or one that it refers to never got an id of ScopeStack. */
function withoutRecord({ change, resource }: Attempt): Outcome | null {
  const what = changeName(change)
  const parent = localReference(resource, change)
  // The parent create is no longer queued, so it was discarded.
  if (parent !== undefined) return park(parentDiscarded({ what, parent }))
  // The row's own create would have come before this change, so it was discarded.
  return change.op !== 'create' && isLocal(change.recordId) ? park(newRowDiscarded({ what })) : null
}

async function send(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | SyncError | null): Promise<Outcome> {
  const { change } = attempt
  if (change.op === 'create') return await sendCreate(deps, attempt)
  if (remote instanceof SyncError) throw remote
  // The record by now; null when it was deleted in ScopeStack since, which the next pull finds.
  if (change.answer !== null) return responded(attempt, change.answer, { now: remote ?? change.answer.record })
  return await sendRepeatedly(deps, attempt, remote)
}

/**
 * Each try begins with a read of its own, since the record may be edited in ScopeStack between two tries. A 429 delays the
 * read, and the write follows right behind it.
 */
async function sendRepeatedly(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | null): Promise<Outcome> {
  const { change, resource, signal } = attempt
  const schedule = createRetrySchedule(deps.policy)
  for (let held = remote; ;) {
    try {
      return await sendEdit(deps, attempt, held)
    } catch (error) {
      // The write had no effect, or the response held another record: an immediate try would end the same.
      const isForLater = hasCode(error, 'SYNC_PUSH_NO_EFFECT', 'SYNC_ANSWER_FOREIGN')
      const ms = isForLater ? null : schedule.delayAfter(error)
      if (ms === null) throw error
      await sleep(ms, signal)
    }
    held = (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null
  }
}
