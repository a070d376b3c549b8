/**
 * One token for all workers.
 *
 *   none ──get──► claimed ──published──► current ──near expiry──► claimed, the old one still used meanwhile
 *                    │                      │
 *                    └─failed─► cool-down   └─401: reject(generation)──► none
 *
 * Single flight inside the process is a shared promise; across processes it is a claim in the store, whose proof the
 * late holder no longer has.
 *
 * Times are by the clock of the store, which every process reads with the token: what a host a day ahead decides by its own
 * clock would hold for the others, too. Between two readings this process counts on by a clock that nobody can set.
 */
import { once } from 'node:events'
import { stopped } from '../../errors/commands.ts'
import { credentialsRefused, noToken, tokenCooldown } from '../../errors/credentials.ts'
import { factOf, hasCode, reason, SyncError } from '../../errors/sync-error.ts'
import type { StoredToken, Token, TokenStore } from '../../token-store.ts'
import { requestedWaitMs, isRateLimited, createRetrySchedule, retry, sleep, type RetryPolicy } from '../http/retry.ts'
import type { Seal } from './seal.ts'
import type { IssuedToken } from './token-response.ts'

export interface Tokens {
  get(signal: AbortSignal): Promise<Token>
  /** A 401 came with this generation. A newer one is left alone. */
  reject(generation: number): Promise<void>
}

interface Deps {
  readonly store: TokenStore
  readonly seal: Seal
  readonly request: (signal: AbortSignal) => Promise<IssuedToken>
  readonly policy: RetryPolicy
  readonly claimMs?: number
  /** Counts milliseconds, from anywhere. */
  readonly elapsed?: () => number
  readonly random?: () => number
}

/** Longer than a token request may take with its time-outs, 70 s; a holder that dies is waited for this long. */
const CLAIM_MS = 90_000
/** The part of its claim within which a request is repeated, so that the last one ends within the claim, too. */
const REPEAT_WITHIN = 0.2
const COOL_DOWN_MS = 30_000
/**
 * What no answer of ScopeStack's asks for (an hour at most is believed) was written by another clock: that of a host, by an
 * older version, or the store's own before it was set back.
 */
const NO_COOL_DOWN_MS = 2 * 3_600_000
const OWN = ['SYNC_STOPPED', 'SYNC_LOGIN_REQUIRED'] as const
const POLL_MS = 100
const MAX_MARGIN_MS = 5 * 60_000

export function createTokens({
  store,
  seal,
  request,
  policy,
  claimMs = CLAIM_MS,
  elapsed = () => performance.now(),
  random = Math.random,
}: Deps): Tokens {
  let current: Token | undefined
  let renewAt = 0
  /** A store answers late: what it still holds of this generation or an older one is not taken up again. */
  let rejected = 0
  let flight: Flight | undefined
  /** Between the clock of the store and `elapsed`. */
  let ahead = 0
  const now = (): number => elapsed() + ahead

  async function readStore(): Promise<StoredToken> {
    const asked = elapsed()
    const stored = await store.read()
    ahead = stored.now - (asked + elapsed()) / 2
    return stored
  }

  const adopt = (token: Token): Token => {
    if (current === undefined || token.generation >= current.generation) {
      current = token
      renewAt = token.expiresAt - margin(token, random())
    }
    return token
  }

  /**
   * The one refresh under way in this process. It is nobody's own: a caller that gives up leaves it to the others, and
   * the last one to do so ends it, and waits until its claim is given back.
   */
  async function renew(signal: AbortSignal): Promise<Token> {
    const mine = (flight ??= takeOff())
    mine.passengers++
    try {
      return await unlessAborted(mine.landing, signal)
    } finally {
      if (--mine.passengers === 0) {
        // Whoever comes now takes the next one: this one only lands.
        if (flight === mine) flight = undefined
        mine.abort.abort()
        await mine.landing.catch(() => {})
      }
    }
  }

  function takeOff(): Flight {
    const abort = new AbortController()
    return { abort, landing: obtain(abort.signal), passengers: 0 }
  }

  async function obtain(signal: AbortSignal): Promise<Token> {
    const outdated = current?.generation ?? 0
    for (;;) {
      const stored = await readStore()
      const opened = open(stored)
      const kept = opened !== undefined && opened.generation > rejected ? opened : undefined
      const renewed = kept !== undefined && kept.generation > outdated
      if (kept !== undefined && (renewed || now() < kept.expiresAt - margin(kept, 1))) return adopt(kept)
      refuseInCoolDown(stored)
      const claim = await store.claim(claimMs, stored.generation)
      if (claim === null) await sleep(POLL_MS * (1 + random()), signal)
      else {
        const token = await fetchUnder(claim, signal)
        if (token !== undefined) return adopt(token)
      }
    }
  }

  async function fetchUnder(claim: string, signal: AbortSignal): Promise<Token | undefined> {
    try {
      const claimedAt = now()
      let issuedAt = claimedAt
      let failed: SyncError | undefined
      const ask = async (): Promise<IssuedToken> => {
        if (failed !== undefined && now() - claimedAt > claimMs * REPEAT_WITHIN) throw noToken(failed)
        // Its life begins when it is issued: a process that was suspended on the way does not make it longer.
        issuedAt = now()
        return request(signal)
      }
      const { accessToken, lifetimeSeconds } = await retry(ask, {
        patience: createRetrySchedule(policy, { ceilingMs: claimMs * REPEAT_WITHIN }),
        signal,
        onRetry: (error) => (failed = error),
      })
      const expiresAt = issuedAt + lifetimeSeconds * 1000
      const aboveGeneration = Math.max(current?.generation ?? 0, rejected)
      const generation = await store.publish(claim, {
        sealed: seal.seal(accessToken),
        issuedAt,
        expiresAt,
        aboveGeneration,
      })
      return generation === null ? undefined : { accessToken, generation, issuedAt, expiresAt }
    } catch (error) {
      const refused = hasCode(error, 'SYNC_CREDENTIALS_REFUSED')
      // Neither a stop on request nor a missing login is the remote's failure: the claim goes back without a cool-down.
      const own = hasCode(error, ...OWN)
      const pauseMs = error instanceof SyncError ? Math.max(COOL_DOWN_MS, requestedWaitMs(error)) : COOL_DOWN_MS
      await store.fail(claim, { until: own ? 0 : now() + pauseMs, refused, reason: shortReason(error) })
      throw error instanceof SyncError && (error.remedy === 'retry' || isRateLimited(error)) ? noToken(error) : error
    }
  }

  function open(stored: StoredToken): Token | undefined {
    if (stored.sealed === null || stored.expiresAt <= now()) return undefined
    const accessToken = seal.unseal(stored.sealed)
    if (accessToken === null) return undefined
    return { accessToken, generation: stored.generation, issuedAt: stored.issuedAt, expiresAt: stored.expiresAt }
  }

  function refuseInCoolDown({ coolDown }: StoredToken): void {
    const leftMs = coolDown === null ? 0 : coolDown.until - now()
    if (coolDown === null || leftMs <= 0 || leftMs > NO_COOL_DOWN_MS) return
    const seconds = Math.ceil(leftMs / 1000)
    if (!coolDown.refused) throw tokenCooldown({ seconds, reason: coolDown.reason })
    throw credentialsRefused({
      url: 'the token address',
      error: coolDown.reason,
      description: `a moment ago; asked again in ${seconds} s at the earliest`,
    })
  }

  return {
    async get(signal) {
      if (current === undefined || now() >= current.expiresAt) return renew(signal)
      // Renewal ahead of time: whoever notices first renews, the others go on with the old one.
      if (now() >= renewAt) void renew(signal).catch(() => {})
      return current
    },
    async reject(generation) {
      rejected = Math.max(rejected, generation)
      if (current?.generation === generation) current = undefined
      await store.reject(generation)
    },
  }
}

/** A token that came with a person's login takes the place of whatever was there, and ends its cool-down. */
export async function installToken(
  { store, seal }: Pick<Deps, 'store' | 'seal'>,
  { accessToken, lifetimeSeconds }: IssuedToken,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const { generation, now: issuedAt } = await store.read()
    const expiresAt = issuedAt + lifetimeSeconds * 1000
    const claim = await store.claim(CLAIM_MS, generation)
    const token = { sealed: seal.seal(accessToken), issuedAt, expiresAt, aboveGeneration: generation }
    if (claim !== null && (await store.publish(claim, token)) !== null) return
    await sleep(POLL_MS, signal)
  }
}

interface Flight {
  readonly abort: AbortController
  readonly landing: Promise<Token>
  passengers: number
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController()
  const aborted = once(signal, 'abort', { signal: done.signal }).then(() => Promise.reject(stopped()))
  try {
    if (signal.aborted) throw stopped()
    return await Promise.race([promise, aborted])
  } finally {
    done.abort()
    aborted.catch(() => {})
  }
}

/** A tenth of its life, at most five minutes, and up to a tenth of that earlier so that processes do not renew at once. */
const margin = ({ issuedAt, expiresAt }: Token, jitter: number): number =>
  Math.min(MAX_MARGIN_MS, (expiresAt - issuedAt) / 10) * (1 + jitter / 10)

const shortReason = (error: unknown): string => factOf(error, 'error') ?? reason(error)
