/** How long no process of the fleet requests a token after one could not be had, and why. */
import { causeText, factOf, hasCode, SyncError } from '../../errors/sync-error.ts'
import type { CoolDown } from '../../token-store.ts'
import { requestedWaitMs } from '../http/retry.ts'

const COOL_DOWN_MS = 30_000
/** Failures that are not ScopeStack's. */
const OWN = ['SYNC_STOPPED', 'SYNC_LOGIN_REQUIRED'] as const

/** @param isIssued ScopeStack has issued one, and it could not be stored. */
export function coolDownAfter(error: unknown, { now, isIssued }: { now: number; isIssued: boolean }): CoolDown {
  const refused = hasCode(error, 'SYNC_CREDENTIALS_REFUSED')
  const own = isIssued || hasCode(error, ...OWN)
  const pauseMs = Math.max(COOL_DOWN_MS, error instanceof SyncError ? requestedWaitMs(error) : 0)
  return { until: own ? 0 : now + pauseMs, refused, reason: shortReason(error) }
}

const shortReason = (error: unknown): string => factOf(error, 'error') ?? causeText(error)
