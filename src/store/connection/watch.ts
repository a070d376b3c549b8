/**
 * Finds connections whose other end is gone without a word: a pulled cable, a firewall that forgot them, a server that was
 * replaced. TCP keep-alive finds some; not one with bytes under way, which the system sends again for a quarter of an hour,
 * nor one whose neighbour, a proxy, still answers. Node has no TCP_USER_TIMEOUT.
 *
 * So each connection is looked at once a second. One that rests is pinged. Of one that waits for an answer the server is
 * asked, over a connection made for it: does that process of yours still work? A COPY or a sweep that takes minutes does.
 * What comes of it is a lost connection, which everybody here knows how to try again.
 *
 * The same visit tells when the address leads to another server by now (a switch-over whose old server is still up):
 * everything that was connected before is dropped.
 */
import type { Socket } from 'node:net'
import type { ServerProbe, Backend, ProbeResult } from './visit.ts'
import type { Wire } from './wire.ts'

/** A connection, as the watch knows it. */
export interface WatchedConnection {
  readonly wire: Wire
  /** When it began to be made, by `performance.now()`. */
  since: number
  /** Bytes that are left to send (`unsentBytes`). */
  readonly unsent: () => number
  readonly send: (data: Buffer) => void
  readonly lose: (why: Error) => void
}

/**
 * Looks, of a second each, and not seconds: a process that was suspended, or busy, sees first what arrived meanwhile.
 * Ten until a doubt, about ten until it is settled, and ten for what is tried again: within half a minute.
 */
const LOOK_MS = 1_000
const DOUBT_AFTER = 10
/** A process that is to end has less patience with who does not answer, and with what is only being connected. */
const DOUBT_AT_THE_END = 3
let ending = false
/**
 * Visits in vain until it is given up: while nobody answers another connection would be no better, a machine under load may
 * only be slow, and a network that comes back often brings what was held. A process that is to end does not wait.
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

/** Where the server cannot be asked: a pooler makes up the numbers of its processes, or all connections are taken. */
const CEILING = 300
/** An address is asked who answers there so often. */
const IDENTIFY_EVERY = 10
const LATELY_MS = 60_000
/** What a lost connection left on the server is ended within so many visits, minutes of them, or by the server's own limits. */
const MOST_ORPHAN_PROBES = 30

interface Doubt {
  traffic: string
  awaited: boolean
  /** Looks without a byte, in or out, since it began to wait, or to rest, or since the server vouched for it. */
  still: number
  /** As `still`, but for the vouching. */
  total: number
  doubted: boolean
  /** Visits in a row that nobody answered. */
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
  #looks = 0
  #probing: AbortController | undefined
  /** Servers that have answered at this address, and when the last time. */
  readonly #known = new Map<string, number>()
  #current: string | undefined

  constructor(probe: ServerProbe) {
    this.#probe = probe
  }

  add(one: WatchedConnection): void {
    this.#watched.set(one, { traffic: '', awaited: false, still: 0, total: 0, doubted: false, silences: 0 })
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  /** @param broken it ended otherwise than by a goodbye, so the server may not know. */
  remove(one: WatchedConnection, broken: boolean): void {
    if (!this.#watched.delete(one)) return
    if (broken && one.wire.pid !== undefined) this.#orphans.push({ ...backendOf(one), probes: 0 })
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    // It would keep the process waiting.
    this.#probing?.abort()
  }

  /** This server cannot be written to any more; whoever is still connected to it must find the one that can. */
  drop(why: Error): void {
    for (const one of this.#watched.keys()) if (one.wire.begun) one.lose(why)
  }

  #look(): void {
    this.#looks++
    const suspects = [...this.#watched].filter(([one, doubt]) => isSuspect(one, doubt)).map(([one]) => one)
    if (suspects.length > 0 || this.#orphans.length > 0 || this.#looks % IDENTIFY_EVERY === 1) {
      void this.#probeSuspects(suspects).catch(() => {})
    }
  }

  /** Asks the server about the suspects, and closes those that it does not vouch for. */
  async #probeSuspects(suspects: readonly WatchedConnection[]): Promise<void> {
    if (this.#probing !== undefined) return
    const { signal } = (this.#probing = new AbortController())
    const before = new Map(suspects.map((one) => [one, trafficOf(one)]))
    const began = performance.now()
    for (const orphan of this.#orphans) orphan.probes++
    try {
      const result = await this.#probe(suspects.map(backendOf), this.#orphans, signal)
      const isAnswer = result.kind === 'answer'
      // Those that were added meanwhile stay.
      this.#orphans = this.#orphans.filter(({ probes }) => probes === 0 || (!isAnswer && probes < MOST_ORPHAN_PROBES))
      if (isAnswer && result.server !== null) this.#compareServer(result.server, began)
      for (const one of suspects) {
        const doubt = this.#watched.get(one)
        // Bytes that arrived or left meanwhile are proof enough.
        if (doubt !== undefined && trafficOf(one) === before.get(one)) decide(one, doubt, result)
      }
    } finally {
      this.#probing = undefined
    }
  }

  #compareServer(server: string, began: number): void {
    const now = performance.now()
    const last = this.#known.get(server)
    const another = this.#current !== undefined && this.#current !== server
    this.#current = server
    this.#known.set(server, now)
    // Two servers behind one address, by turns, are none that moved: each of them was seen lately.
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
      if (doubt.silences >= mostSilences) one.lose(unanswered('nor does its server answer anybody else'))
      return
    case 'unknown':
      if (doubt.total >= CEILING) one.lose(unanswered(`for ${CEILING} s`))
      else doubt.still = 0
      return
    case 'answer':
      if (result.working.has(one.wire.pid ?? 0)) Object.assign(doubt, { still: 0, doubted: false })
      // Its response may be on its way: one more look.
      else if (!doubt.doubted) Object.assign(doubt, { doubted: true, still: doubtAfter })
      else one.lose(unanswered('and the server is not at work on it'))
  }
}

/** Counts the look, pings what rests, and tells whether the server is to be asked. */
function isSuspect(one: WatchedConnection, doubt: Doubt): boolean {
  const { wire } = one
  const awaited = wire.awaits || one.unsent() > 0
  const pinged = wire.pinging
  const traffic = trafficOf(one)
  if (doubt.traffic !== traffic || doubt.awaited !== awaited) {
    Object.assign(doubt, { traffic, awaited, still: 0, total: 0, doubted: false, silences: 0 })
    return false
  }
  doubt.still++
  doubt.total++
  if (doubt.still < doubtAfter) return false
  if (!wire.begun) {
    // Else whoever connects has limits of its own.
    if (ending) one.lose(unanswered('not even a greeting'))
    return false
  }
  // Nothing is simpler to answer, so nobody needs to be asked.
  if (pinged) one.lose(unanswered('not even a ping'))
  else if (awaited) return true
  else if (wire.rests) one.send(wire.ping())
  return false
}

/** Changes with each byte that comes in, and each that goes out. */
const trafficOf = ({ wire, unsent }: WatchedConnection): string => `${wire.received} ${unsent()}`

/**
 * A batch is one write, and takes a minute where the way is narrow: the server waits for it all the while, and is at work on
 * nothing. `writableLength` stays as it is until all of it has left, and Node has no public word for the rest; with TLS only
 * the handle below knows.
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

const unanswered = (how: string): Error => lossOf(`Postgres has not answered, ${how}`)

const lossOf = (message: string): Error => Object.assign(new Error(message), { code: 'CONNECTION_LOST' })
