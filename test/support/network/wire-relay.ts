/** A relay of bytes in front of a server: a cable that is pulled, a firewall that forgets, an address that moves. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface WireRelay extends AsyncDisposable {
  /** The server's URL with the relay's place in it. */
  readonly url: string
  /**
   * Holds every byte in both directions, without a word: nobody hears of an end either. Of the connections there are, and,
   * unless `old`, of those that come, which are taken.
   */
  freeze(which?: 'all' | 'old'): void
  /** What was held arrives. */
  thaw(): void
  /** From now on no connection takes more than so many bytes of a client's in a second. */
  narrow(bytesASecond: number): void
  /** Ends every connection there is. */
  cut(): void
  /** Connections that come from now on reach another server; those there are stay. */
  point(url: string): void
  /** How many the client has open, and of those how many are frozen, and marked. */
  count(): { open: number; frozen: number; marked: number }
  /** Those there are. */
  mark(): void
}

export async function startWireRelay(url: string): Promise<WireRelay> {
  const pairs = new Set<Pair>()
  let marked = new Set<Pair>()
  let target = placeOf(url)
  let freezing = false
  let rate = Infinity
  const server = createServer((near) => {
    const pair = join(near, target, { rate: () => rate, onEnd: () => pairs.delete(pair) })
    pairs.add(pair)
    if (freezing) pair.freeze()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String((server.address() as AddressInfo).port)
  return {
    url: through.href,
    freeze(which = 'all') {
      freezing = which === 'all'
      for (const pair of pairs) pair.freeze()
    },
    thaw() {
      freezing = false
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
  freeze(): void
  thaw(): void
  cut(): void
}

function placeOf(url: string): Place {
  const { hostname, port, protocol } = new URL(url)
  return { host: hostname, port: Number(port || (protocol.startsWith('redis') ? 6379 : 5432)) }
}

function join(near: Socket, { host, port }: Place, { rate, onEnd }: { rate: () => number; onEnd: () => void }): Pair {
  let frozen = false
  /** What waits to be done, in its order. */
  const held: (() => void)[] = []
  const carry = (act: () => void): void => void (frozen ? held.push(act) : act())
  const far = connect(port, host)
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    // A server that waits for an answer of 40 ms each time would be another fault than the one meant.
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
    frozen: () => frozen,
    freeze() {
      frozen = true
    },
    thaw() {
      frozen = false
      for (const act of held.splice(0)) act()
    },
    cut() {
      near.destroy()
      far.destroy()
      onEnd()
    },
  }
}
