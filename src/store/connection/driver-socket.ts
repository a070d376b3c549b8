/**
 * The socket that is given to the driver. It outlives its TCP connection.
 *
 * postgres.js 3.4.9 drops a socket when it closes, though a transaction still has to send ROLLBACK: that write meets a null in a
 * timer and ends the process (porsager/postgres#1154, #1208). Here a lost connection is first an error, which rejects the
 * open statements; each later write gets the same error; and only when the driver writes no more does it get `close`, and
 * opens another connection.
 *
 * A write that waits in the driver at that moment stays in its buffer, which is then only sent when it holds 1 KB: the next
 * connection never sends its startup message, and its statements hang until the timeout. Such a connection is closed at
 * once, until the startup messages that pile up are sent; all but the last are dropped.
 *
 * TLS is negotiated here too, since the driver would put its own socket on top; and so is the session, so that both drivers,
 * postgres.js and pg, have the same settings (store/connection/greeting.ts).
 */
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Host } from '../../config/database-url.ts'
import { tlsOptions, type Session, type Tls } from './address.ts'
import { Greeting, replaceStartup } from './greeting.ts'
import { requestTls } from './tls-request.ts'
import { unsentBytes, type Watch, type WatchedConnection } from './watch.ts'
import { Wire } from './wire.ts'

/** How long a transaction that lost its connection has to notice, before another connection replaces it. */
const QUIET_MS = 1_000
/** Until the first keep-alive probe; then come ten, a second apart (libuv). It overrides the driver's minute. */
const KEEP_ALIVE_MS = 10_000
/** A server that does not close the connection within this time after we end it is away. */
const END_TIMEOUT_MS = 2_000
/** The error of a server that became a standby or read-only. (A shutdown's 57P0x end the connection anyway.) */
const READ_ONLY = '25006'

export interface ServerRoute {
  /** The next host, known at once or searched first; and whether it must be writable. */
  readonly hosts: { next(): Host | Promise<Host>; forget(): void; readonly writable: boolean }
  readonly tls: Tls
  readonly session: Session
  /** Not for a connection whose caller limits its time. */
  readonly watch?: Watch
}

/** The part of `net.Socket` that the driver uses. */
export class DriverSocket extends EventEmitter {
  // The driver never sets noDelay, and every COPY would stall 40–88 ms on Nagle's algorithm.
  #stream = new Socket({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
  readonly #route: ServerRoute
  #greeting: Greeting | undefined
  /** Data written before the host is known or TLS is negotiated. */
  #held: Buffer[] | undefined
  readonly #wire = new Wire()
  readonly #watched: WatchedConnection = {
    wire: this.#wire,
    since: performance.now(),
    unsent: () => unsentBytes(this.#stream),
    send: (data) => void this.#stream.write(data),
    lose: (why) => void this.#stream.destroy(why),
  }
  /** The server has closed the connection, so no backend is left. */
  #left = false
  #cause: unknown
  #lost: unknown
  #writes = 0
  #ended = false
  #closed = false
  /** For the driver's own error messages. */
  host = ''
  port = 0

  constructor(route: ServerRoute) {
    super()
    this.#route = route
    this.#greeting = new Greeting(route.session.statement, route.hosts.writable)
    const host = route.hosts.next()
    if (host instanceof Promise) this.#await(host)
    else this.#connect(host)
    // The driver delays its first write by one turn of the event loop.
    setImmediate(() => setImmediate(() => this.#closeWhenMute()))
  }

  write(given: Buffer, done?: () => void): boolean {
    const first = this.#writes++ === 0
    const data = first ? replaceStartup(given, this.#route.session.startup) : given
    if (!first) this.#wire.sent(data)
    if (this.#lost !== undefined) {
      setImmediate(() => this.#fail())
      done?.()
      return true
    }
    if (this.#held === undefined) return this.#stream.write(data, done)
    this.#held.push(data)
    done?.()
    return true
  }

  end(data?: Buffer): void {
    this.#ended = true
    this.#route.watch?.remove(this.#watched, false)
    const stream = this.#stream
    // Without a host there is no connection to end.
    if (stream.connecting || this.host === '') stream.destroy()
    else stream.end(data ?? Buffer.alloc(0))
    const timer = setTimeout(() => stream.destroy(), END_TIMEOUT_MS)
    stream.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#stream.destroy()
  }

  ref(): void {
    this.#stream.ref()
  }

  unref(): void {
    this.#stream.unref()
  }

  get writable(): boolean {
    return this.#lost === undefined && !this.#ended
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  setKeepAlive(): void {}

  get readyState(): string {
    if (this.#closed) return 'closed'
    if (this.#lost !== undefined) return 'closing'
    // The driver would not end a socket that is still connecting.
    return this.#stream.connecting ? 'open' : this.#stream.readyState
  }

  /** Waits until the right host is found. */
  #await(found: Promise<Host>): void {
    const nowhere = this.#stream
    const lose = (error?: unknown): void => this.#loseBy(error)
    this.#held = []
    nowhere.once('close', lose)
    void found.then((host) => {
      nowhere.removeListener('close', lose)
      return nowhere.destroyed ? lose() : this.#connect(host)
    }, lose)
  }

  #connect({ host, port }: Host): void {
    const { tls } = this.#route
    const path = host.startsWith('/')
    Object.assign(this, { host, port })
    this.#watched.since = performance.now()
    this.#route.watch?.add(this.#watched)
    this.#stream.connect(path ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
    if (path || tls.mode === 'disable') this.#adopt(this.#stream)
    else if (tls.direct) {
      this.#adopt(connectTls({ socket: this.#stream, ...tlsOptions(host, tls), ALPNProtocols: ['postgresql'] }))
    } else this.#negotiate(host, tls)
  }

  #adopt(stream: Socket): void {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('end', () => (this.#left = true))
    stream.on('drain', () => this.emit('drain'))
    stream.on('error', (error) => (this.#cause = error))
    stream.on('close', () => this.#lose())
    const held = this.#held
    this.#held = undefined
    for (const data of held ?? []) stream.write(data)
  }

  #negotiate(host: string, tls: Tls): void {
    this.#held = []
    const [lose, adopt] = [(error?: unknown) => this.#loseBy(error), (stream: Socket) => this.#adopt(stream)]
    requestTls(this.#stream, host, tls, { lose, adopt })
  }

  #read(chunk: Buffer): void {
    if (this.#greeting === undefined) return this.#pass(chunk)
    const { pass, send, end } = this.#greeting.receive(chunk)
    if (end !== undefined) this.#greeting = undefined
    if (send !== undefined) this.#stream.write(send)
    if (pass.length > 0) this.#pass(pass)
    if (end instanceof Error) this.#stream.destroy(end)
  }

  #pass(chunk: Buffer): void {
    const data = this.#wire.arrived(chunk)
    if (data.length > 0) this.emit('data', data)
    if (this.#wire.code !== READ_ONLY || this.#lost !== undefined) return
    // The address may lead to another server by now, so all connections to this one are dropped.
    const why = Object.assign(new Error('Postgres can only be read from here'), { code: READ_ONLY })
    this.#route.watch?.drop(why)
    this.#stream.destroy(why)
  }

  #loseBy(error: unknown): void {
    this.#cause ??= error
    this.#lose()
  }

  #lose(): void {
    if (this.#lost !== undefined) return
    this.#route.watch?.remove(this.#watched, !this.#left)
    this.#lost =
      this.#cause ?? Object.assign(new Error('Postgres closed the connection'), { code: 'CONNECTION_CLOSED' })
    this.#route.hosts.forget()
    this.#fail()
    this.#closeWhenQuiet()
  }

  #fail(): void {
    // After our own end, no caller is left for the error.
    if (!this.#ended && this.listenerCount('error') > 0) this.emit('error', this.#lost)
  }

  #closeWhenMute(): void {
    if (this.#writes > 0 || this.#lost !== undefined) return
    this.#lost = new Error('The driver sent nothing')
    this.#stream.destroy()
    this.#close()
  }

  #close(): void {
    this.#closed = true
    // `true` would signal an error, and the driver would wait up to 20 s before it connects again: ten connections that a
    // restart cuts at once would count as ten failures in a row. The caller decides when to retry.
    this.emit('close', false)
  }

  #closeWhenQuiet(): void {
    const writes = this.#writes
    const look = (): void => {
      if (this.#writes !== writes) return this.#closeWhenQuiet()
      this.#close()
    }
    // Immediates run in order: a write that the driver has delayed by one comes before this one.
    if (this.#wire.inTransaction) setTimeout(() => setImmediate(look), QUIET_MS)
    else setImmediate(look)
  }
}
