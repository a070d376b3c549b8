/**
 * One access token for the whole fleet. Its row in the store (Postgres, or Redis where there is one) is shared by all
 * workers, and at most one of them requests the next one.
 *
 *                        ┌───────── another worker has the claim: look again in 0.1 s ──────────┐
 *                        ▼                                                                      │
 *   get ──► no token, or it expires soon ──► read the store ──► a newer token? use it           │
 *                                                │ no                                           │
 *                                                ├──► cool-down after a failure? throw          │
 *                                                └──► claim the next generation ────────────────┘
 *                                                         │ claimed
 *                                                         └──► request ──► publish ──► use it
 *
 * - Generation: every token has a number that only grows. A 401 rejects the generation that it was sent with, so fifty
 *   workers with a 401 each cause one request, and a late 401 leaves a newer token alone.
 * - Single flight: inside a process all callers share one promise (single-flight.ts); between processes the claim does this.
 * - Claim: the right to request the next generation, for 90 s. Its proof is checked when the token is published, so a
 *   worker that comes too late cannot replace a newer token.
 * - Refresh ahead: a token is renewed when a tenth of its life is left (five minutes at most; up to a tenth of that earlier, by
 *   chance, so that processes do not renew at once). Calls go on with the old token meanwhile.
 *
 * At each failure:
 *
 *   401 from ScopeStack         reject(generation): the token is deleted from the store, the next get requests a new one
 *   request fails, may pass     repeated for 18 s under the claim, then SYNC_TOKEN_FAILED and a cool-down of 30 s (longer, if
 *                               Retry-After says so) for the whole fleet
 *   credentials are refused     the same cool-down, during which every worker throws SYNC_CREDENTIALS_REFUSED at once
 *   stopped, or login missing   the claim is given back, without a cool-down
 *   holder of a claim dies      the others wait until the claim ends
 *   store away for a moment     a holder repeats what it has to store for half a minute (insist.ts)
 *   store loses its data        generations begin again above the highest one that this worker has seen or rejected
 *
 * Times are by the clock of the store, which comes with every read: a host whose clock is a day ahead must not decide for
 * the others. Between two reads the process counts on with a monotonic clock.
 */
import { randomUUID } from 'node:crypto'
import { credentialsRefused, noToken, tokenCooldown } from '../../errors/credentials.ts'
import { SyncError } from '../../errors/sync-error.ts'
import type { StoredToken, Token, TokenStore } from '../../token-store.ts'
import { isRateLimited, createRetrySchedule, retry, sleep, type RetryPolicy } from '../http/retry.ts'
import { coolDownAfter } from './cool-down.ts'
import { insist } from './insist.ts'
import type { Seal } from './seal.ts'
import { createSingleFlight } from './single-flight.ts'
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
  /** A monotonic clock, in ms. */
  readonly elapsed?: () => number
  readonly random?: () => number
}

/** Longer than a token request may take with its time-outs, 70 s; the others wait this long for a holder that died. */
const CLAIM_MS = 90_000
/** The part of its claim within which a request is repeated, so that the last one ends within the claim, too. */
const REPEAT_WITHIN = 0.2
/**
 * No cool-down is longer: an hour of Retry-After at most is believed. One that is was written by another clock: a host's, by an
 * older version, or the store's own before it was set back.
 */
const LONGEST_COOL_DOWN_MS = 2 * 3_600_000
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
  /** The store may still return this generation, or an older one, for a moment: they are not used again. */
  let rejected = 0
  const clock = createStoreClock(store, elapsed)
  const aboveGeneration = (): number => Math.max(current?.generation ?? 0, rejected)
  const deps = { store, seal, request, policy, claimMs, now: clock.now, aboveGeneration }
  const renew = createSingleFlight(obtain)

  async function obtain(signal: AbortSignal): Promise<Token> {
    const outdated = current?.generation ?? 0
    for (;;) {
      const stored = await clock.read()
      const token = unsealed(stored, seal, clock.now())
      const decision = decide(stored, token, { now: clock.now(), outdated, rejected })
      if (decision.action === 'use') return adopt(decision.token)
      if (decision.action === 'fail') throw decision.error
      const proof = randomUUID()
      const claim = await insist(() => store.claim(claimMs, stored.generation, proof), signal)
      if (claim === null) await sleep(POLL_MS * (1 + random()), signal)
      else {
        const requested = await requestUnderClaim(claim, deps, signal)
        if (requested !== undefined) return adopt(requested)
      }
    }
  }

  function adopt(token: Token): Token {
    if (current === undefined || token.generation >= current.generation) {
      current = token
      renewAt = token.expiresAt - marginOf(token, random())
    }
    return token
  }

  return {
    async get(signal) {
      if (current === undefined || clock.now() >= current.expiresAt) return renew(signal)
      if (clock.now() >= renewAt) void renew(signal).catch(() => {})
      return current
    },
    async reject(generation) {
      rejected = Math.max(rejected, generation)
      if (current?.generation === generation) current = undefined
      // This process does not use it again in any case, and another one rejects it when it gets a 401, too.
      await store.reject(generation).catch(() => {})
    },
  }
}

/** The store's clock, read with the token, and counted on by `elapsed` in between. */
function createStoreClock(store: TokenStore, elapsed: () => number) {
  let ahead = 0
  return {
    now: () => elapsed() + ahead,
    async read(): Promise<StoredToken> {
      const before = elapsed()
      const stored = await store.read()
      ahead = stored.now - (before + elapsed()) / 2
      return stored
    },
  }
}

function unsealed(stored: StoredToken, seal: Seal, now: number): Token | undefined {
  if (stored.sealed === null || stored.expiresAt <= now) return undefined
  const accessToken = seal.unseal(stored.sealed)
  if (accessToken === null) return undefined
  return { accessToken, generation: stored.generation, issuedAt: stored.issuedAt, expiresAt: stored.expiresAt }
}

type Decision =
  | { readonly action: 'use'; readonly token: Token }
  | { readonly action: 'fail'; readonly error: SyncError }
  | { readonly action: 'request' }

/**
 * What the stored row means for a caller without a good token.
 *
 * @param token the one of the row, where it can be read and has not expired.
 * @param outdated the generation that the caller holds and wants replaced; 0: none.
 * @param rejected the highest generation that a 401 came with.
 */
export function decide(
  { coolDown }: Pick<StoredToken, 'coolDown'>,
  token: Token | undefined,
  { now, outdated, rejected }: { now: number; outdated: number; rejected: number },
): Decision {
  if (token !== undefined && token.generation > rejected) {
    const isNewer = token.generation > outdated
    if (isNewer || now < token.expiresAt - marginOf(token, 1)) return { action: 'use', token }
  }
  const leftMs = coolDown === null ? 0 : coolDown.until - now
  if (coolDown === null || leftMs <= 0 || leftMs > LONGEST_COOL_DOWN_MS) return { action: 'request' }
  const seconds = Math.ceil(leftMs / 1000)
  if (!coolDown.refused) return { action: 'fail', error: tokenCooldown({ seconds, reason: coolDown.reason }) }
  const description = `a moment ago; asked again in ${seconds} s at the earliest`
  return {
    action: 'fail',
    error: credentialsRefused({ url: 'the token address', error: coolDown.reason, description }),
  }
}

interface Claimed extends Required<Pick<Deps, 'store' | 'seal' | 'request' | 'policy' | 'claimMs'>> {
  readonly now: () => number
  readonly aboveGeneration: () => number
}

/** @returns undefined when the claim was lost meanwhile. @throws after the fleet's cool-down has begun. */
async function requestUnderClaim(
  claim: string,
  { store, seal, request, policy, claimMs, now, aboveGeneration }: Claimed,
  signal: AbortSignal,
): Promise<Token | undefined> {
  const claimedAt = now()
  let issuedAt = claimedAt
  let failed: SyncError | undefined
  let isIssued = false
  const attempt = async (): Promise<IssuedToken> => {
    if (failed !== undefined && now() - claimedAt > claimMs * REPEAT_WITHIN) throw noToken(failed)
    // Its life begins when it is requested: a process that was suspended meanwhile must not make it longer.
    issuedAt = now()
    return request(signal)
  }
  try {
    const { accessToken, lifetimeSeconds } = await retry(attempt, {
      schedule: createRetrySchedule(policy, { ceilingMs: claimMs * REPEAT_WITHIN }),
      signal,
      onRetry: (error) => (failed = error),
    })
    isIssued = true
    const times = { issuedAt, expiresAt: issuedAt + lifetimeSeconds * 1000 }
    const sealed = seal.seal(accessToken)
    const published = { sealed, ...times, aboveGeneration: aboveGeneration() }
    const generation = await insist(() => store.publish(claim, published), signal)
    return generation === null ? undefined : { accessToken, generation, ...times }
  } catch (error) {
    await insist(() => store.fail(claim, coolDownAfter(error, { now: now(), isIssued })), signal).catch(() => {})
    throw error instanceof SyncError && (error.remedy === 'retry' || isRateLimited(error)) ? noToken(error) : error
  }
}

/** A token that came with a person's login replaces the stored one, and ends its cool-down. */
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

/** How long before it expires a token is renewed. @param jitter 0 to 1. */
const marginOf = ({ issuedAt, expiresAt }: Token, jitter: number): number =>
  Math.min(MAX_MARGIN_MS, (expiresAt - issuedAt) / 10) * (1 + jitter / 10)
