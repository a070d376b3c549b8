/**
 * Keeps requests under the quota: at most `concurrency` in flight here, and `rate` a second by all workers together, all
 * of them held back and slowed down when the remote says 429 to one.
 *
 * The workers' common queue is one number in the store: the time of its end. rate-limiter-flexible was tried first, on
 * the same Redis with 8 processes of 10 callers at 20/s: its fixed windows let 40 start within a second (this: 21), its
 * refused callers ask again, 3.9 exchanges a request (this: 2), and places went to who asked at the right moment, 10 to
 * 40 a process (this: 20 to 30).
 */
import { stopped } from '../../errors/commands.ts'
import { rateLimitStoreUnreachable, waitingForRateLimit } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { LONGEST_BACK_OFF_MS, type RateLimitStore, type Reservation } from '../../rate-limit-store.ts'
import { createLocalRateLimitStore } from './rate-limit-local.ts'
import { sleep } from './retry.ts'

export interface RateLimiter {
  /** Runs `act` when it is its turn. */
  run<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** A 429 came, or its like: nothing more is sent for `ms`, two minutes at most, and the rate halves. */
  backOff(ms: number): Promise<void>
}

interface Deps {
  /** 0: no limit; a 429 then holds back this process alone. */
  readonly rate: number
  readonly concurrency: number
  /** Left out: this process is the only one. */
  readonly shared?: RateLimitStore
  /** Something an operator may want to know: the store cannot be reached, or a request has to wait long. */
  readonly onNotice?: (notice: SyncError) => void
  readonly now?: () => number
}

/** A store that does not answer is left alone for this long, so that no request waits for its time-outs meanwhile. */
const ALONE_MS = 10_000
/** Longer waits are said, once a minute at most. */
const LONG_WAIT_MS = 10_000
const SAY_EVERY_MS = 60_000
/** A share is told from at least so many places of one's own. */
const SHARE_SAMPLE = 20

export function createRateLimiter({
  rate,
  concurrency,
  shared,
  onNotice,
  now = () => performance.now(),
}: Deps): RateLimiter {
  const waiting: (() => void)[] = []
  let inFlight = 0
  const local = createLocalRateLimitStore(now)
  let aloneUntil = 0
  const share = createShare()
  let saidAt = -Infinity
  let heldByUs = -Infinity

  async function turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = rate === 0 ? await local.backOffLeft() : (await reserve()).waitMs
      if (waitMs <= 0) return
      if (waitMs > LONG_WAIT_MS) await sayWhy(waitMs)
      await sleep(waitMs, signal)
      // A 429 that came meanwhile moved the whole queue; this place in it is void.
      if ((await ask((store) => store.backOffLeft())) <= 0) return
    }
  }

  /** What this process was asked itself it has said by then. */
  async function sayWhy(waitMs: number): Promise<void> {
    if (onNotice === undefined || now() < saidAt + SAY_EVERY_MS) return
    saidAt = now()
    const isHeld = (await ask((store) => store.backOffLeft())) > 0
    if (isHeld && now() < heldByUs) return
    onNotice(waitingForRateLimit({ seconds: Math.round(waitMs / 1000), rate, isHeld }))
  }

  async function reserve(): Promise<Reservation> {
    const place = await ask((store, its) => store.reserve(its))
    if (shared !== undefined && now() >= aloneUntil) share.note(place.taken)
    return place
  }

  async function ask<T>(question: (store: RateLimitStore, rate: number) => Promise<T>): Promise<T> {
    if (shared === undefined || rate === 0) return question(local, rate)
    if (now() < aloneUntil) return question(local, rate * share.value())
    // Others go on alone while one finds out whether it is back.
    if (aloneUntil > 0) aloneUntil = now() + ALONE_MS
    const asked = aloneUntil
    try {
      const answer = await question(shared, rate)
      aloneUntil = 0
      return answer
    } catch (error) {
      const own = rate * share.value()
      // Else a request beside this one has said it.
      if (aloneUntil === asked) {
        onNotice?.(rateLimitStoreUnreachable({ rate: Math.round(own * 10) / 10, seconds: ALONE_MS / 1000 }, error))
      }
      aloneUntil = now() + ALONE_MS
      return question(local, own)
    }
  }

  return {
    async run(act, signal) {
      if (inFlight < concurrency) inFlight++
      else await placeInLine(waiting, signal)
      try {
        if (signal.aborted) throw stopped()
        await turn(signal)
        return await act()
      } finally {
        // The place is handed over rather than freed, so that nobody overtakes the queue.
        const next = waiting.shift()
        if (next === undefined) inFlight--
        else next()
      }
    },
    async backOff(asked) {
      const ms = Math.min(asked, LONGEST_BACK_OFF_MS)
      heldByUs = Math.max(heldByUs, now() + ms)
      // Here too, for the time when the store cannot be asked.
      await local.backOff(ms)
      await ask((store) => (store === local ? Promise.resolve() : store.backOff(ms)))
    },
  }
}

/** @throws SyncError SYNC_STOPPED when the signal fires first; the place in the line is given up then. */
function placeInLine(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const called = (): void => {
      signal.removeEventListener('abort', left)
      resolve()
    }
    const left = (): void => {
      waiting.splice(waiting.indexOf(called), 1)
      reject(stopped())
    }
    if (signal.aborted) return reject(stopped())
    signal.addEventListener('abort', left, { once: true })
    waiting.push(called)
  })
}

/** What part of the fleet's requests were this process's, lately: the rate it may keep when it cannot ask. */
function createShare() {
  let from: number | undefined
  let mine = 0
  let share = 1
  return {
    note(taken: number): void {
      // Smaller than before: the store lost its data.
      if (from === undefined || taken <= from) [from, mine] = [taken, 0]
      else if (++mine >= SHARE_SAMPLE) {
        share = mine / (taken - from)
        ;[from, mine] = [taken, 0]
      }
    },
    value: () => share,
  }
}
