/**
 * How many requests of this process may be in flight: as many as raise the throughput, from what the responses show. By Little's law
 * the throughput is limit ÷ latency, so two latencies of the same kind of request, at a limit and at half of it, say what the second
 * half is good for:
 *
 *   latency at the limit ÷ latency at half of it       then the limit
 *   up to 1.25 (the throughput grew by 60 % or more)   grows: doubled at first, later by a quarter
 *   up to 1.6                                          stays
 *   more (it grew by less than a quarter)              is what the server works on at once, and a tenth more
 *
 *   latency ÷ the least of the last ten minutes        then the limit
 *   above 1.75                                         does not grow
 *   above 2.25                                         loses a tenth: others ask, too, and half of one process's requests are few of all
 *
 *   a 429 or 503                                       is halved, and stays below for half a minute, for twice as long each time
 *   another 5xx, a time-out, a reset connection        loses a quarter
 *   memory: 70 % of the heap is in use; 85 %           does not grow; loses a quarter
 *   requests wait for the rate limit, or none waits    does not grow: more could not start earlier
 *
 * A round is as many responses as the limit. It is compared after three rounds where it has grown, else after twice as many as the
 * last time, 64 at most: then half of the limit holds for a round. Where this process has no CPU left, its own latency grows, and the
 * limit stays. Only failures and memory lead below the four that it begins with; back to them lead rounds without, however slow.
 */

export interface Observed {
  /** What has about one latency: the list. */
  readonly kind: string
  readonly ms: number
  readonly came: 'response' | 'refusal' | 'failure'
  /** When it left, by the limit's clock. */
  readonly at: number
}

export interface InFlightLimit {
  /** At least 1. */
  current(): number
  note(observed: Observed): void
  /** A request had to wait for a place. */
  noteWanted(): void
  /** A request had this wait for the rate limit; 0: it went on at once. */
  noteRateWait(ms: number): void
  /** Requests wait for the rate limit. */
  isRateLimited(): boolean
}

interface Deps {
  readonly ceiling: number
  /** In ms. */
  readonly now: () => number
  /** Share of the memory that this process may use, 0 to 1. */
  readonly memory: () => number
  readonly onChange?: ((limit: number) => void) | undefined
}

/** What a limit begins with. */
const BEGIN = 4
const GROWS_UP_TO = 1.25
const STAYS_UP_TO = 1.6
const [COMPARE_SOON, COMPARE_LATE] = [3, 64]
const [STRAINED, TOO_STRAINED] = [1.75, 2.25]
const LEAST_FOR_MS = 10 * 60_000
const FEW = 3
const HELD_MS = 30_000
const LONGEST_HELD_MS = 10 * 60_000
/** Below what it begins with. */
const LONGEST_HELD_LOW_MS = 60_000
const [FULL, TOO_FULL] = [0.7, 0.85]
const RATE_WAIT_MS = 20

type Latencies = ReadonlyMap<string, readonly number[]>

interface Round {
  readonly latencies: Map<string, number[]>
  responses: number
  /** Some request had to wait for a place. */
  isWanted: boolean
}

const newRound = (): Round => ({ latencies: new Map(), responses: 0, isWanted: false })

export const createInFlightLimit = (deps: Deps): InFlightLimit => new FoundLimit(deps)

class FoundLimit implements InFlightLimit {
  readonly #deps: Deps
  readonly #floor: number
  #limit: number
  #isBeginning = true
  #round = newRound()
  /** At half the limit. */
  #base: Latencies | undefined
  /** The limit to go back to, while half of it holds. */
  #whole: number | undefined
  #rounds = 0
  #compareAfter = COMPARE_SOON
  readonly #least = new Map<string, { readonly ms: number; readonly at: number }>()
  #cutAt = -Infinity
  #changedAt = -Infinity
  #lid: { readonly limit: number; readonly until: number; readonly heldMs: number }
  #rateWaitMs = 0

  constructor(deps: Deps) {
    this.#deps = deps
    this.#floor = Math.min(BEGIN, deps.ceiling)
    this.#limit = this.#floor
    this.#lid = { limit: deps.ceiling, until: -Infinity, heldMs: HELD_MS }
  }

  current(): number {
    return this.#limit
  }

  isRateLimited(): boolean {
    return this.#rateWaitMs > RATE_WAIT_MS
  }

  noteWanted(): void {
    this.#round.isWanted = true
  }

  noteRateWait(ms: number): void {
    this.#rateWaitMs = 0.7 * this.#rateWaitMs + 0.3 * ms
  }

  note({ kind, ms, came, at }: Observed): void {
    // What left before says nothing about the limit as it is now.
    if (at < this.#cutAt) return
    const limit = this.#whole ?? this.#limit
    if (came === 'refusal') this.#hold(limit)
    if (came !== 'response') this.#cut(came === 'refusal' ? limit / 2 : limit * 0.75)
    else if (at >= this.#changedAt) {
      const own = this.#round.latencies.get(kind)
      if (own === undefined) this.#round.latencies.set(kind, [ms])
      else own.push(ms)
      if (++this.#round.responses >= this.#limit) this.#endRound()
    }
  }

  #set(next: number): void {
    const { ceiling, now, onChange } = this.#deps
    const most = now() < this.#lid.until ? this.#lid.limit : ceiling
    const fitting = Math.max(1, Math.min(most, Math.round(next)))
    if (fitting === this.#limit) return
    this.#limit = fitting
    this.#changedAt = now()
    onChange?.(fitting)
  }

  /** Stays below what was refused; longer each time, unless that was long ago. */
  #hold(refused: number): void {
    const now = this.#deps.now()
    const { until, heldMs: before } = this.#lid
    const longest = refused > this.#floor ? LONGEST_HELD_MS : LONGEST_HELD_LOW_MS
    const heldMs = now < until + before ? Math.min(longest, before * 2) : HELD_MS
    this.#lid = { limit: Math.max(1, refused - 1), until: now + heldMs, heldMs }
  }

  #cut(to: number): void {
    this.#isBeginning = false
    this.#cutAt = this.#deps.now()
    this.#round = newRound()
    this.#base = undefined
    this.#whole = undefined
    this.#rounds = 0
    this.#compareAfter = COMPARE_SOON
    this.#set(Math.floor(to))
  }

  #endRound(): void {
    const { latencies, isWanted } = this.#round
    this.#round = newRound()
    this.#rounds++
    const used = this.#deps.memory()
    const strain = this.#strainOf(latencies)
    if (used > TOO_FULL) return this.#cut(this.#limit * 0.75)
    if (strain > TOO_STRAINED && this.#limit > this.#floor) return this.#cut(Math.max(this.#floor, this.#limit * 0.9))
    if (this.#whole !== undefined) {
      this.#base = latencies
      const back = this.#whole
      this.#whole = undefined
      return this.#set(back)
    }
    const isLow = this.#limit < this.#floor
    const isEasy = used <= FULL && (isLow || (strain <= STRAINED && !this.isRateLimited()))
    this.#adjust(latencies, isWanted, isEasy && isWanted && this.#limit < this.#deps.ceiling)
  }

  #adjust(latencies: Latencies, isWanted: boolean, mayGrow: boolean): void {
    if (this.#limit < this.#floor) {
      if (mayGrow) this.#set(this.#limit + 1)
      return
    }
    const ratio = this.#base === undefined ? undefined : ratioOf(latencies, this.#base)
    if (this.#isBeginning) this.#double(latencies, ratio, mayGrow)
    else if (ratio !== undefined) this.#decide(ratio, mayGrow)
    else if (this.#rounds >= this.#compareAfter && isWanted && this.#limit > 1) {
      this.#whole = this.#limit
      this.#set(Math.ceil(this.#limit / 2))
    }
  }

  #double(latencies: Latencies, ratio: number | undefined, mayGrow: boolean): void {
    if (ratio !== undefined && ratio > GROWS_UP_TO) {
      this.#isBeginning = false
      this.#decide(ratio, false)
    } else if (mayGrow) {
      this.#base = latencies
      this.#set(this.#limit * 2)
    }
  }

  #decide(ratio: number, mayGrow: boolean): void {
    this.#base = undefined
    this.#rounds = 0
    this.#compareAfter = Math.min(COMPARE_LATE, 2 * this.#compareAfter)
    if (ratio > STAYS_UP_TO) this.#set(Math.max(this.#floor, this.#limit / 2, (this.#limit / ratio) * 1.1))
    else if (ratio <= GROWS_UP_TO && mayGrow) {
      this.#compareAfter = COMPARE_SOON
      this.#set(this.#limit + Math.ceil(this.#limit / 4))
    }
  }

  /** How many times the least latency of late the present one is. */
  #strainOf(latencies: Latencies): number {
    const now = this.#deps.now()
    const strains: number[] = []
    for (const [kind, times] of latencies) {
      if (times.length < FEW) continue
      const ms = median(times)
      const least = this.#least.get(kind)
      const isLeast = least === undefined || ms <= least.ms || now > least.at + LEAST_FOR_MS
      if (isLeast) this.#least.set(kind, { ms, at: now })
      strains.push(isLeast ? 1 : ms / least.ms)
    }
    return strains.length === 0 ? 1 : median(strains)
  }
}

/** Of lists that are in both; where there are none, of everything. */
function ratioOf(after: Latencies, before: Latencies): number {
  const ratios = [...after].flatMap(([kind, times]) => {
    const earlier = before.get(kind)
    return earlier === undefined ? [] : times.map((ms) => ms / median(earlier))
  })
  return ratios.length > 0 ? median(ratios) : median([...after.values()].flat()) / median([...before.values()].flat())
}

const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  return Math.max(sorted[Math.floor(sorted.length / 2)] ?? 0, 0.1)
}
