/**
 * The socket given to the driver, which outlives the connection it stands for.
 *
 * postgres.js 3.4.9 forgets a socket when it closes, though a transaction still has to say ROLLBACK: that write meets a
 * null in a timer and ends the process (porsager/postgres#1154, #1208). Here a lost connection is first an error, which
 * rejects what was asked; each later write is answered by the same error; and only when nothing is written any more
 * does the driver hear `close` and open another.
 *
 * A write that still waits in the driver just then stays in its buffer, and from then on that buffer is only sent when
 * it holds 1 KB: the next connection never says hello, and its statements hang until the time-out. Such a connection is
 * closed at once, until the hellos that pile up are sent, and all but the last are dropped.
 *
 * TLS is negotiated here too, since the driver would put a socket of its own on top. And the session is opened here, so that
 * both drivers, postgres.js and pg, have the same one (store/greeting.ts).
 */
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Host } from '../database-url.ts'
import { tlsOptions, type Session, type Tls } from './address.ts'
import { Greeting, startupIn } from './greeting.ts'

/** A transaction that lost its connection has this long to notice; then another connection takes the place. */
const QUIET_MS = 1_000
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5])
const IDLE = 0x49

export interface Way {
  /** Which host is next, known at once or found out first; and whether it has to be one that can be written to. */
  readonly hosts: { next(): Host | Promise<Host>; forget(): void; readonly writable: boolean }
  readonly tls: Tls
  readonly session: Session
}

/** What the driver uses of a `net.Socket`. */
export class DriverSocket extends EventEmitter {
  // The driver never sets noDelay, and every COPY would stall 40–88 ms on Nagle's algorithm.
  #stream = new Socket({ noDelay: true, keepAlive: true })
  readonly #way: Way
  #greeting: Greeting | undefined
  /** Written before the host is known, or TLS agreed on. */
  #held: Buffer[] | undefined
  #tail = Buffer.alloc(0)
  #inTransaction = false
  #cause: unknown
  #lost: unknown
  #writes = 0
  #ended = false
  #closed = false
  /** For the driver's own failures. */
  host = ''
  port = 0

  constructor(way: Way) {
    super()
    this.#way = way
    this.#greeting = new Greeting(way.session.statement, way.hosts.writable)
    const host = way.hosts.next()
    if (host instanceof Promise) this.#await(host)
    else this.#connect(host)
    // The driver puts its first write off by one turn.
    setImmediate(() => setImmediate(() => this.#closeWhenMute()))
  }

  write(given: Buffer, done?: () => void): boolean {
    const data = this.#writes++ === 0 ? startupIn(given, this.#way.session.startup) : given
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
    this.#stream.end(data ?? Buffer.alloc(0))
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

  setKeepAlive(on: boolean, afterMs: number): void {
    this.#stream.setKeepAlive(on, afterMs)
  }

  get readyState(): string {
    return this.#closed ? 'closed' : this.#lost === undefined ? this.#stream.readyState : 'closing'
  }

  /** Several hosts are asked first which of them it is. */
  #await(found: Promise<Host>): void {
    const nowhere = this.#stream
    const lose = (error?: unknown): void => {
      this.#cause ??= error
      this.#lose()
    }
    this.#held = []
    nowhere.once('close', lose)
    const go = (host: Host): void => {
      nowhere.removeListener('close', lose)
      if (nowhere.destroyed) lose()
      else this.#connect(host)
    }
    void found.then(go, lose)
  }

  #connect({ host, port }: Host): void {
    const { tls } = this.#way
    const path = host.startsWith('/')
    Object.assign(this, { host, port })
    this.#stream.connect(path ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
    if (path || tls.mode === 'disable') this.#adopt(this.#stream)
    else if (tls.direct) {
      this.#adopt(connectTls({ socket: this.#stream, ...tlsOptions(host, tls), ALPNProtocols: ['postgresql'] }))
    } else this.#negotiate(host, tls)
  }

  #adopt(stream: Socket): void {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('drain', () => this.emit('drain'))
    stream.on('error', (error) => (this.#cause = error))
    stream.on('close', () => this.#lose())
    const held = this.#held
    this.#held = undefined
    for (const data of held ?? []) stream.write(data)
  }

  #negotiate(host: string, tls: Tls): void {
    const plain = this.#stream
    this.#held = []
    const lose = (error?: unknown): void => {
      this.#cause ??= error
      this.#lose()
    }
    plain.once('error', lose)
    plain.once('close', lose)
    plain.once('data', (answer: Buffer) => {
      plain.removeListener('error', lose)
      plain.removeListener('close', lose)
      if (answer[0] === 0x53) {
        this.#adopt(connectTls({ socket: plain, ...tlsOptions(host, tls) }))
      } else if (tls.mode === 'prefer') this.#adopt(plain)
      else {
        this.#adopt(plain)
        const why = 'the server does not offer TLS, which sslmode in DATABASE_URL asks for'
        plain.destroy(Object.assign(new Error(why), { code: 'ERR_TLS_NOT_OFFERED' }))
      }
    })
    plain.write(SSL_REQUEST)
  }

  #read(chunk: Buffer): void {
    if (this.#greeting === undefined) return this.#pass(chunk)
    const { pass, send, end } = this.#greeting.hear(chunk)
    if (end !== undefined) this.#greeting = undefined
    if (send !== undefined) this.#stream.write(send)
    if (pass.length > 0) this.#pass(pass)
    if (end instanceof Error) this.#stream.destroy(end)
  }

  #pass(chunk: Buffer): void {
    this.#follow(chunk)
    this.emit('data', chunk)
  }

  /** Every answer ends with ReadyForQuery, whose last byte tells whether a transaction is open. */
  #follow(chunk: Buffer): void {
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-6)]).subarray(-6)
    if (this.#tail.subarray(0, 5).equals(READY_FOR_QUERY)) this.#inTransaction = this.#tail[5] !== IDLE
  }

  #lose(): void {
    if (this.#lost !== undefined) return
    this.#lost =
      this.#cause ?? Object.assign(new Error('Postgres closed the connection'), { code: 'CONNECTION_CLOSED' })
    this.#way.hosts.forget()
    this.#fail()
    this.#closeWhenQuiet()
  }

  #fail(): void {
    // What was ended from here has nobody left to tell.
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
    // `true` would tell of an error, and the driver then waits up to 20 s before it connects again: ten connections
    // that a restart cuts at once count as ten failures in a row. Who asks again decides when.
    this.emit('close', false)
  }

  #closeWhenQuiet(): void {
    const writes = this.#writes
    const look = (): void => {
      if (this.#writes !== writes) return this.#closeWhenQuiet()
      this.#close()
    }
    // Immediates run in order: a write that the driver has put off by one comes before the look.
    if (this.#inTransaction) setTimeout(() => setImmediate(look), QUIET_MS)
    else setImmediate(look)
  }
}
