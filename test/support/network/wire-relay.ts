/** A relay of bytes in front of a server: a pulled cable, a firewall that drops connections, an address that moves. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Whose bytes: the client's, or the server's. */
export type Side = 'client' | 'server' | 'both'

export interface WireRelay extends AsyncDisposable {
  /** The server's URL with the relay's host and port. */
  readonly url: string
  /**
   * Holds every byte in both directions, or of one side, also the end of a connection: of the existing connections, and,
   * unless `old`, of new ones, which are accepted.
   */
  freeze(which?: 'all' | 'old', from?: Side): void
  /** Releases the held bytes. */
  thaw(): void
  /** From now on each connection takes at most so many bytes a second from its client. */
  narrow(bytesASecond: number): void
  /** Ends all existing connections. */
  cut(): void
  /** New connections reach another server; existing ones stay. */
  point(url: string): void
  /** How many connections the client has open, and how many of them are frozen, and marked. */
  count(): { open: number; frozen: number; marked: number }
  /** Marks the existing connections. */
  mark(): void
}

export async function startWireRelay(url: string): Promise<WireRelay> {
  const pairs = new Set<Pair>()
  let marked = new Set<Pair>()
  let target = placeOf(url)
  let freezing: Side | undefined
  let rate = Infinity
  const server = createServer((near) => {
    const pair = join(near, target, { rate: () => rate, onEnd: () => pairs.delete(pair) })
    pairs.add(pair)
    if (freezing !== undefined) pair.freeze(freezing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String((server.address() as AddressInfo).port)
  return {
    url: through.href,
    freeze(which = 'all', from = 'both') {
      freezing = which === 'all' ? from : undefined
      for (const pair of pairs) pair.freeze(from)
    },
    thaw() {
      freezing = undefined
      for (const pair of pairs) pair.thaw()
    },
    narrow(bytesASecond) {
      rate = bytesASecond
    },
    cut() {
      for (const pair of pairs) pair.cut()
    },
    point(other) {
      target = placeOf(other)
    },
    count() {
      const open = [...pairs].filter((pair) => pair.open())
      const [frozen, old] = [open.filter((pair) => pair.frozen()), open.filter((pair) => marked.has(pair))]
      return { open: open.length, frozen: frozen.length, marked: old.length }
    },
    mark() {
      marked = new Set(pairs)
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const pair of pairs) pair.cut()
      await closed
    },
  }
}

// --- internal ---

interface Place {
  readonly host: string
  readonly port: number
}

interface Pair {
  open(): boolean
  frozen(): boolean
  freeze(from: Side): void
  thaw(): void
  cut(): void
}

function placeOf(url: string): Place {
  const { hostname, port, protocol } = new URL(url)
  return { host: hostname, port: Number(port || (protocol.startsWith('redis') ? 6379 : 5432)) }
}

function join(near: Socket, { host, port }: Place, { rate, onEnd }: { rate: () => number; onEnd: () => void }): Pair {
  let frozen: Side | undefined
  /** The pending work, in order. */
  const held: (() => void)[] = []
  const far = connect(port, host)
  for (const [from, to, side] of [
    [near, far, 'client'],
    [far, near, 'server'],
  ] as const) {
    const carry = (act: () => void): void => void (frozen === side || frozen === 'both' ? held.push(act) : act())
    // Nagle's algorithm would add 40 ms to each exchange, which is another fault than the intended one.
    from.setNoDelay(true)
    from.on('data', (chunk) => carry(() => void to.write(chunk)))
    from.on('end', () => carry(() => void to.end()))
    from.on('error', () => {})
    from.on('close', () => {
      carry(() => void to.destroy())
      if (near.destroyed && far.destroyed) onEnd()
    })
  }
  near.on('data', ({ length }) => {
    if (rate() === Infinity) return
    near.pause()
    setTimeout(() => near.resume(), (length / rate()) * 1000)
  })
  return {
    open: () => !near.destroyed,
    frozen: () => frozen !== undefined,
    freeze(from) {
      frozen = from
    },
    thaw() {
      frozen = undefined
      for (const act of held.splice(0)) act()
    },
    cut() {
      near.destroy()
      far.destroy()
      onEnd()
    },
  }
}
