/**
 * The begin of a connection to Postgres, read on its way to the driver: when the server is ready for the first time, it is
 * given a statement, and its answer is kept back. The driver learns of nothing but what its settings became, or of the error
 * that it would have had if the server had refused the connection.
 *
 * A message is one byte, its type, and four with the length of what follows, which count themselves.
 */
const ERROR = 0x45
const PARAMETER_STATUS = 0x53
const QUERY = 0x51
const READY_FOR_QUERY = 0x5a
const HEAD = 5

export interface Heard {
  /** Whole messages for the driver. */
  readonly pass: Buffer
  /** To be sent to the server. */
  readonly send?: Buffer
  /** The connection is the driver's from here on; or it is of no use, and the last message says why. */
  readonly end?: 'ready' | 'refused'
}

export class Greeting {
  readonly #statement: string
  #rest = Buffer.alloc(0)
  /** The first one, which the driver waits for. */
  #ready: Buffer | undefined
  #refused = false

  constructor(statement: string) {
    this.#statement = statement
  }

  hear(chunk: Buffer): Heard {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const pass: Buffer[] = []
    let send: Buffer | undefined
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      const [type] = message
      if (this.#ready === undefined) {
        if (type !== READY_FOR_QUERY) pass.push(message)
        else {
          this.#ready = message
          send = queryMessage(this.#statement)
        }
      } else if (type === READY_FOR_QUERY) {
        if (this.#refused) return { pass: Buffer.concat(pass), end: 'refused' }
        return { pass: Buffer.concat([...pass, this.#ready, this.#rest]), end: 'ready' }
      } else if (type === ERROR || type === PARAMETER_STATUS) {
        this.#refused ||= type === ERROR
        pass.push(message)
      }
    }
    return { pass: Buffer.concat(pass), ...(send === undefined ? {} : { send }) }
  }

  #next(): Buffer | undefined {
    if (this.#rest.length < HEAD) return undefined
    const length = this.#rest.readUInt32BE(1) + 1
    if (this.#rest.length < length) return undefined
    const message = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return message
  }
}

function queryMessage(statement: string): Buffer {
  const text = Buffer.from(`${statement}\0`)
  const head = Buffer.alloc(HEAD)
  head[0] = QUERY
  head.writeUInt32BE(text.length + 4, 1)
  return Buffer.concat([head, text])
}
