/**
 * The fleet's rate limit store, or this process's own while that cannot be reached. Then each process goes on with the part
 * of the rate that it used lately, so that the fleet stays within its limit.
 */
import { rateLimitStoreUnreachable } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import type { RateLimitStore } from '../../rate-limit-store.ts'

interface Deps {
  readonly rate: number
  readonly local: RateLimitStore
  /** Left out: this process is the only one. */
  readonly shared?: RateLimitStore | undefined
  readonly onUnreachable?: ((notice: SyncError) => void) | undefined
  readonly now: () => number
}

/** A store that does not respond is not tried again for this long, so that no request waits for its time-outs meanwhile. */
const RETRY_STORE_MS = 10_000
/** The share is measured over this many requests of this process. */
const SHARE_SAMPLE = 20

export function withLocalFallback({ rate, local, shared, onUnreachable, now }: Deps) {
  let localUntil = 0
  const share = createShare()

  async function use<T>(act: (store: RateLimitStore, rate: number) => Promise<T>): Promise<T> {
    if (shared === undefined || rate === 0) return act(local, rate)
    if (now() < localUntil) return act(local, rate * share.value())
    // One caller tries the store again; the others stay local until it has responded.
    if (localUntil > 0) localUntil = now() + RETRY_STORE_MS
    const before = localUntil
    try {
      const result = await act(shared, rate)
      localUntil = 0
      return result
    } catch (error) {
      const own = rate * share.value()
      // Otherwise a request at the same time has reported it.
      if (localUntil === before) {
        onUnreachable?.(
          rateLimitStoreUnreachable({ rate: Math.round(own * 10) / 10, seconds: RETRY_STORE_MS / 1000 }, error),
        )
      }
      localUntil = now() + RETRY_STORE_MS
      return act(local, own)
    }
  }

  return {
    async reserve() {
      const place = await use((store, its) => store.reserve(its))
      if (shared !== undefined && now() >= localUntil) share.note(place.taken)
      return place
    },
    backOffLeft: () => use((store) => store.backOffLeft()),
    async backOff(ms: number) {
      // Locally, too, for the time when the store cannot be reached.
      await local.backOff(ms)
      await use((store) => (store === local ? Promise.resolve() : store.backOff(ms)))
    },
  }
}

/** Which part of the fleet's requests were this process's, lately. */
function createShare() {
  let from: number | undefined
  let mine = 0
  let share = 1
  return {
    /** @param taken places that the fleet has taken so far. */
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
