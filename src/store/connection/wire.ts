/**
 * Follows the messages between a driver and Postgres, to distinguish a connection that waits from an idle one: which requests
 * have a response, whether a transaction is open, and which backend responds.
 *
 * It reads the heads of messages (type and length) and skips their content.
 */

const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
const NOTHING = Buffer.alloc(0)
const HEAD = 5

/** Messages of the driver. */
const REQUESTS = new Set([0x51, 0x53, 0x46]) // Query, Sync, FunctionCall: each gets one ReadyForQuery
const FLUSH = 0x48
const COPY_ENDS = new Set([0x63, 0x66]) // CopyDone, CopyFail

/** Messages of the server. */
const KEY = 0x4b
const READY = 0x5a
const ERROR = 0x45
const COPY_IN = 0x47
/** No server sends more in one of these messages; a longer one is not kept in memory. */
const LONGEST = 65_536

export class Wire {
  /** The pid of the backend; undefined until it is known. A pooler invents one. */
  pid: number | undefined
  /** Counts incoming chunks. */
  received = 0
  /** Code of the last error from the server. */
  code: string | undefined
  #pending = 0
  #flushed = false
  #copying = false
  #state = ''
  #pong: Buffer | undefined
  readonly #out = new Messages(new Set())
  readonly #in = new Messages(new Set([KEY, READY, ERROR]))

  /** @param data after the startup message, which has no type. */
  sent(data: Buffer): void {
    this.#out.read(data, (type) => {
      if (REQUESTS.has(type)) this.#pending++
      else if (type === FLUSH) this.#flushed = true
      else if (COPY_ENDS.has(type)) this.#copying = false
    })
  }

  /** @returns the part for the driver. */
  arrived(chunk: Buffer): Buffer {
    this.received++
    this.#flushed = false
    const given = this.#pong === undefined ? chunk : this.#withoutPong(chunk)
    this.#in.read(given, (type, body) => this.#take(type, body))
    return given
  }

  /** The server has been ready once. */
  get hasBegun(): boolean {
    return this.#state !== ''
  }

  /** A request has no response yet. */
  get isWaiting(): boolean {
    return this.#pong !== undefined || ((this.#pending > 0 || this.#flushed) && !this.#copying)
  }

  get isPinging(): boolean {
    return this.#pong !== undefined
  }

  get isIdle(): boolean {
    return this.#state === 'I' && !this.isWaiting && !this.#copying && this.#in.isComplete && this.#out.isComplete
  }

  get inTransaction(): boolean {
    return this.#state === 'T' || this.#state === 'E'
  }

  /** A Sync of our own, whose response the driver does not see; only while the connection is idle. @returns the bytes to send. */
  ping(): Buffer {
    this.#pong = NOTHING
    return SYNC
  }

  #take(type: number, body: Buffer): void {
    if (type === READY) {
      this.#state = String.fromCharCode(body[0]!)
      this.#copying = false
      if (this.#pending > 0) this.#pending--
    } else if (type === KEY) this.pid = body.readUInt32BE(0)
    else if (type === COPY_IN) this.#copying = true
    // Fields end with a NUL, which no text in Postgres contains: quoted text is never taken for a field.
    else if (type === ERROR) this.code = /(?:^|\0)C([0-9A-Z]{5})\0/.exec(body.toString('latin1'))?.[1]
  }

  /** Removes the response to our own Sync, and keeps what came before it (a notification) and after it. */
  #withoutPong(chunk: Buffer): Buffer {
    const data = Buffer.concat([this.#pong!, chunk])
    let at = 0
    while (at + HEAD <= data.length) {
      const end = at + 1 + data.readUInt32BE(at + 1)
      if (end > data.length) break
      if (data[at] === READY) {
        this.#pong = undefined
        return Buffer.concat([data.subarray(0, at), data.subarray(end)])
      }
      at = end
    }
    this.#pong = data.subarray(at)
    return data.subarray(0, at)
  }
}

/** Splits a stream into messages, however it is chunked. */
class Messages {
  /** Bytes still to come of a message that is skipped. */
  #skip = 0
  #partial = NOTHING
  readonly #kept: ReadonlySet<number>

  /** @param kept types whose content is read. */
  constructor(kept: ReadonlySet<number>) {
    this.#kept = kept
  }

  get isComplete(): boolean {
    return this.#skip === 0 && this.#partial.length === 0
  }

  read(chunk: Buffer, onMessage: (type: number, body: Buffer) => void): void {
    const data = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    let at = this.#skip
    while (at + HEAD <= data.length) {
      const type = data[at]!
      const end = at + 1 + data.readUInt32BE(at + 1)
      const wanted = this.#kept.has(type) && end - at < LONGEST
      if (wanted && end > data.length) break
      onMessage(type, wanted ? data.subarray(at + HEAD, end) : NOTHING)
      at = end
    }
    this.#skip = Math.max(0, at - data.length)
    this.#partial = at < data.length ? Buffer.from(data.subarray(at)) : NOTHING
  }
}
