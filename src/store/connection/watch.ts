/**
 * Finds half-open connections: the other end is gone and has not closed them (a pulled cable, a firewall that dropped its
 * state, a replaced server). TCP keep-alive finds some of them. It does not find one with unsent bytes, which the kernel
 * retransmits for a quarter of an hour, nor one to a proxy that is alive. Node has no TCP_USER_TIMEOUT.
 *
 * Each connection is checked once a second:
 *
 *   bytes came or left since the last check    healthy
 *   idle for 3 checks                          ping it; no response in 10 more checks: lost
 *   waits for 10 checks                        probe the server over a new connection: is that backend at work?
 *       it is (a COPY of minutes is)             healthy, for 10 more checks
 *       it is not                                one more check, since the response may be on its way; then lost
 *       the server cannot tell (a pooler)        lost after 300 checks
 *       the server does not respond              lost after 3 probes
 *
 * So a dead connection is lost within half a minute. It becomes an ordinary connection error, which callers retry.
 *
 * The probe also shows when the address leads to another server (a switch-over whose old server is still up): all older
 * connections are dropped then.
 */
import type { Socket } from 'node:net'
import type { ServerProbe, Backend, ProbeResult } from './server-probe.ts'
import type { Wire } from './wire.ts'

/** A connection under watch. */
export interface WatchedConnection {
  readonly wire: Wire
  /** When connecting began, by `performance.now()`. */
  since: number
  /** Bytes that are left to send (`unsentBytes`). */
  readonly unsent: () => number
  readonly send: (data: Buffer) => void
  readonly lose: (why: Error) => void
}

/** Time is counted in checks and not in seconds: a process that was suspended or busy reads first what arrived meanwhile. */
let checkEveryMs = 1_000
const DOUBT_AFTER = 10
/** A session that only listens is found dead as fast as one that waits for a response: nothing looks beside it at what it should have heard. */
const PING_AFTER = 3
/** A process that is to end waits less, also for a connection that is being made. */
const DOUBT_AT_THE_END = 3
let ending = false
/**
 * Probes without a response until a connection is lost: another connection would be no better, a machine under load may only be
 * slow, and a network that comes back often delivers what it held. A process that is to end does not wait.
 */
const SILENCES = 3
let doubtAfter = DOUBT_AFTER
let mostSilences = SILENCES

/** For the rest of this process's life. */
export function shortenPatience(): void {
  ending = true
  doubtAfter = DOUBT_AT_THE_END
  mostSilences = 1
}

/** For tests, before the first connection: all that is counted in checks takes less time. */
export function checkEvery(ms: number): void {
  checkEveryMs = ms
}

/** Checks until a loss where the server cannot tell: a pooler invents backend pids, or all connections are in use. */
const CEILING = 300
/** Checks between two probes of the server's identity. */
const IDENTIFY_EVERY = 10
const LATELY_MS = 60_000
/** Probes that try to end the backend of a lost connection; after them the server's own limits do. */
const MOST_ORPHAN_PROBES = 30

interface Doubt {
  traffic: string
  waiting: boolean
  /** Checks without a byte, in or out, since it began to wait or to rest, or since the server confirmed it. */
  still: number
  /** As `still`, but confirmations do not reset it. */
  total: number
  doubted: boolean
  /** Probes in a row without a response. */
  silences: number
}

interface Orphan extends Backend {
  probes: number
}

export class Watch {
  readonly #watched = new Map<WatchedConnection, Doubt>()
  readonly #probe: ServerProbe
  #orphans: Orphan[] = []
  #timer: NodeJS.Timeout | undefined
  #checks = 0
  #probing: AbortController | undefined
  /** Servers that have responded at this address, and when each did last. */
  readonly #known = new Map<number, number>()
  #current: number | undefined

  constructor(probe: ServerProbe) {
    this.#probe = probe
  }

  add(one: WatchedConnection): void {
    this.#watched.set(one, { traffic: '', waiting: false, still: 0, total: 0, doubted: false, silences: 0 })
    this.#timer ??= setInterval(() => this.#check(), checkEveryMs).unref()
  }

  /** @param broken it was not closed properly, so its backend may still be there. */
  remove(one: WatchedConnection, broken: boolean): void {
    if (!this.#watched.delete(one)) return
    if (broken && one.wire.pid !== undefined) this.#orphans.push({ ...backendOf(one), probes: 0 })
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    // The probe would keep the process alive.
    this.#probing?.abort()
  }

  /** Those that wait for a response or are in a transaction, and the others. */
  counts(): { busy: number; idle: number } {
    const busy = [...this.#watched.keys()].filter(({ wire }) => wire.isWaiting || wire.inTransaction).length
    return { busy, idle: this.#watched.size - busy }
  }

  /** The server has become read-only: all its connections are dropped, so that the next ones find the primary. */
  drop(why: Error): void {
    for (const one of this.#watched.keys()) if (one.wire.hasBegun) one.lose(why)
  }

  #check(): void {
    this.#checks++
    const suspects = [...this.#watched].filter(([one, doubt]) => isSuspect(one, doubt)).map(([one]) => one)
    if (suspects.length > 0 || this.#orphans.length > 0 || this.#checks % IDENTIFY_EVERY === 1) {
      void this.#probeSuspects(suspects).catch(() => {})
    }
  }

  /** Probes the server about the suspects, and closes those that it is not at work on. */
  async #probeSuspects(suspects: readonly WatchedConnection[]): Promise<void> {
    if (this.#probing !== undefined) return
    const { signal } = (this.#probing = new AbortController())
    const before = new Map(suspects.map((one) => [one, trafficOf(one)]))
    const began = performance.now()
    for (const orphan of this.#orphans) orphan.probes++
    try {
      const result = await this.#probe(suspects.map(backendOf), this.#orphans, signal)
      const hasResponded = result.kind === 'response'
      // Those that were added meanwhile stay.
      this.#orphans = this.#orphans.filter(
        ({ probes }) => probes === 0 || (!hasResponded && probes < MOST_ORPHAN_PROBES),
      )
      if (hasResponded && result.server !== null) this.#compareServer(result.server, began)
      for (const one of suspects) {
        const doubt = this.#watched.get(one)
        // Bytes that arrived or left meanwhile are proof enough.
        if (doubt !== undefined && trafficOf(one) === before.get(one)) decide(one, doubt, result)
      }
    } finally {
      this.#probing = undefined
    }
  }

  #compareServer(server: number, began: number): void {
    const now = performance.now()
    const last = this.#known.get(server)
    const another = this.#current !== undefined && this.#current !== server
    this.#current = server
    this.#known.set(server, now)
    // Two servers that respond by turns at one address are no switch-over: each of them was seen lately.
    if (!another || (last !== undefined && now - last < LATELY_MS)) return
    for (const one of this.#watched.keys()) {
      if (one.since < began) one.lose(lossOf('the address leads to another server now'))
    }
  }
}

/** What a probe's result means for a connection that waited all the while. */
function decide(one: WatchedConnection, doubt: Doubt, result: ProbeResult): void {
  doubt.silences = result.kind === 'silence' ? doubt.silences + 1 : 0
  switch (result.kind) {
    case 'silence':
      if (doubt.silences >= mostSilences) one.lose(noResponse('nor does its server respond to a new connection'))
      return
    case 'unknown':
      if (doubt.total >= CEILING) one.lose(noResponse(`for ${CEILING} s`))
      else doubt.still = 0
      return
    case 'response':
      if (result.working.has(one.wire.pid ?? 0)) Object.assign(doubt, { still: 0, doubted: false })
      // Its response may be on its way: one more look.
      else if (!doubt.doubted) Object.assign(doubt, { doubted: true, still: doubtAfter })
      else one.lose(noResponse('and the server is not at work on it'))
  }
}

/** Counts the check, pings an idle connection, and decides whether to probe the server. */
function isSuspect(one: WatchedConnection, doubt: Doubt): boolean {
  const { wire } = one
  const waiting = wire.isWaiting || one.unsent() > 0
  const pinged = wire.isPinging
  const traffic = trafficOf(one)
  if (doubt.traffic !== traffic || doubt.waiting !== waiting) {
    Object.assign(doubt, { traffic, waiting, still: 0, total: 0, doubted: false, silences: 0 })
    return false
  }
  doubt.still++
  doubt.total++
  if (!waiting && doubt.still >= PING_AFTER && wire.isIdle) one.send(wire.ping())
  if (doubt.still < doubtAfter) return false
  if (!wire.hasBegun) {
    // Otherwise the caller's connection timeout applies.
    if (ending) one.lose(noResponse('not even a greeting'))
    return false
  }
  // A ping needs no probe: any live server responds to it.
  if (pinged) one.lose(noResponse('not even a ping'))
  else return waiting
  return false
}

/** Differs after each byte in or out. */
const trafficOf = ({ wire, unsent }: WatchedConnection): string => `${wire.received} ${unsent()}`

/**
 * A batch is one write and may take a minute on a slow network, while the server waits for it and is not at work.
 * `writableLength` does not change until the whole write has left, and Node has no public API for the rest; with TLS only the
 * underlying handle has it.
 */
export function unsentBytes(stream: Socket): number {
  const handle = (stream as Socket & { readonly _handle?: Handle | null })['_handle']
  const left = (handle?.['_parent'] ?? handle)?.writeQueueSize ?? 0
  return stream.writableLength === 0 ? 0 : stream.writableLength + left
}

interface Handle {
  readonly writeQueueSize?: number
  readonly _parent?: Handle
}

const backendOf = ({ wire, since }: WatchedConnection): Backend => ({
  pid: wire.pid ?? 0,
  seconds: (performance.now() - since) / 1000,
})

const noResponse = (how: string): Error => lossOf(`Postgres has not responded, ${how}`)

const lossOf = (message: string): Error => Object.assign(new Error(message), { code: 'CONNECTION_LOST' })
