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
const ASKING = new Set([0x51, 0x53, 0x46]) // Query, Sync, FunctionCall: each is answered by one ReadyForQuery
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
  #owed = 0
  #flushed = false
  #copying = false
  #state = ''
  #echo: Buffer | undefined
  readonly #out = new Messages(new Set())
  readonly #in = new Messages(new Set([KEY, READY, ERROR]))

  /** @param data after the startup message, which has no type. */
  sent(data: Buffer): void {
    this.#out.read(data, (type) => {
      if (ASKING.has(type)) this.#owed++
      else if (type === FLUSH) this.#flushed = true
      else if (COPY_ENDS.has(type)) this.#copying = false
    })
  }

  /** @returns the part for the driver. */
  arrived(chunk: Buffer): Buffer {
    this.received++
    this.#flushed = false
    const given = this.#echo === undefined ? chunk : this.#withoutEcho(chunk)
    this.#in.read(given, (type, body) => this.#take(type, body))
    return given
  }

  /** The server has been ready once. */
  get begun(): boolean {
    return this.#state !== ''
  }

  /** A request has no response yet. */
  get awaits(): boolean {
    return this.#echo !== undefined || ((this.#owed > 0 || this.#flushed) && !this.#copying)
  }

  get pinging(): boolean {
    return this.#echo !== undefined
  }

  get rests(): boolean {
    return this.#state === 'I' && !this.awaits && !this.#copying && this.#in.whole && this.#out.whole
  }

  get inTransaction(): boolean {
    return this.#state === 'T' || this.#state === 'E'
  }

  /** A Sync of our own, whose response the driver does not see; only while the connection is idle. @returns the bytes to send. */
  ping(): Buffer {
    this.#echo = NOTHING
    return SYNC
  }

  #take(type: number, body: Buffer): void {
    if (type === READY) {
      this.#state = String.fromCharCode(body[0]!)
      this.#copying = false
      if (this.#owed > 0) this.#owed--
    } else if (type === KEY) this.pid = body.readUInt32BE(0)
    else if (type === COPY_IN) this.#copying = true
    // Fields end with a NUL, which no text in Postgres contains: quoted text is never taken for a field.
    else if (type === ERROR) this.code = /(?:^|\0)C([0-9A-Z]{5})\0/.exec(body.toString('latin1'))?.[1]
  }

  /** Removes the response to our own Sync, and keeps what came before it (a notification) and after it. */
  #withoutEcho(chunk: Buffer): Buffer {
    const data = Buffer.concat([this.#echo!, chunk])
    let at = 0
    while (at + HEAD <= data.length) {
      const end = at + 1 + data.readUInt32BE(at + 1)
      if (end > data.length) break
      if (data[at] === READY) {
        this.#echo = undefined
        return Buffer.concat([data.subarray(0, at), data.subarray(end)])
      }
      at = end
    }
    this.#echo = data.subarray(at)
    return data.subarray(0, at)
  }
}

/** Splits a stream into messages, however it is chunked. */
class Messages {
  /** Bytes still to come of a message that is skipped. */
  #skip = 0
  #begun = NOTHING
  readonly #kept: ReadonlySet<number>

  /** @param kept types whose content is read. */
  constructor(kept: ReadonlySet<number>) {
    this.#kept = kept
  }

  get whole(): boolean {
    return this.#skip === 0 && this.#begun.length === 0
  }

  read(chunk: Buffer, onMessage: (type: number, body: Buffer) => void): void {
    const data = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
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
    this.#begun = at < data.length ? Buffer.from(data.subarray(at)) : NOTHING
  }
}
