/**
 * The start of a Postgres session, between the server and the driver. When the server is ready for the first time, it gets our
 * settings statement, and its response is withheld from the driver, except for changed parameters. If the server rejects the
 * statement, the connection fails; it fails too when the server is read-only and DATABASE_URL asks for a writable one.
 *
 * A message is one byte for its type, four bytes for its length (which includes these four), and the content.
 */
import { configInvalid } from '../../errors/commands.ts'

const ERROR = 0x45
const PARAMETER_STATUS = 0x53
const QUERY = 0x51
const READY_FOR_QUERY = 0x5a
const HEAD = 5

export interface GreetingResult {
  /** Whole messages for the driver. */
  readonly pass: Buffer
  /** Data for the server. */
  readonly send?: Buffer
  /** The session is ready for the driver; or it failed, with this error. */
  readonly end?: 'ready' | Error
}

export class Greeting {
  readonly #statement: string
  #rest = Buffer.alloc(0)
  /** The first ReadyForQuery, which the driver waits for. */
  #ready: Buffer | undefined
  #refusal: Error | undefined
  readonly #writable: boolean

  /** @param statement the settings statement; empty: none. */
  constructor(statement: string, writable: boolean) {
    this.#statement = statement
    this.#writable = writable
  }

  receive(chunk: Buffer): GreetingResult {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const pass: Buffer[] = []
    let send: Buffer | undefined
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      const [type] = message
      if (this.#writable && isReadOnly(message)) return { pass: NOTHING, end: readOnly() }
      if (this.#ready === undefined) {
        if (type !== READY_FOR_QUERY) pass.push(message)
        else if (this.#statement === '') return { pass: Buffer.concat([...pass, message, this.#rest]), end: 'ready' }
        else {
          this.#ready = message
          send = queryMessage(this.#statement)
        }
      } else if (type === READY_FOR_QUERY) {
        if (this.#refusal !== undefined) return { pass: NOTHING, end: this.#refusal }
        return { pass: Buffer.concat([...pass, this.#ready, this.#rest]), end: 'ready' }
      } else if (type === ERROR) this.#refusal = refusalIn(message)
      else if (type === PARAMETER_STATUS) pass.push(message)
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

const NOTHING = Buffer.alloc(0)

/** Servers report it before they are ready, since version 14. */
const isReadOnly = (message: Buffer): boolean =>
  message[0] === PARAMETER_STATUS &&
  /^(?:in_hot_standby|default_transaction_read_only)\0on\0$/.test(message.toString('latin1', 5))

const readOnly = (): Error =>
  Object.assign(new Error('the server cannot be written to (a standby, or read-only)'), {
    code: 'CONNECTION_READ_ONLY',
  })

function refusalIn(message: Buffer): Error {
  const fields = new Map(
    message
      .toString('utf8', 5)
      .split('\0')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  )
  const [code = '', text = ''] = [fields.get('C'), fields.get('M')]
  // A permanent error: unknown name, invalid value, no privilege, or not changeable in a session.
  if (/^(?:42|22|55P02)/.test(code)) {
    return configInvalid([
      `DATABASE_URL makes a setting that the server rejects: ${text}. Correct it in the part behind "?", or leave it out.`,
    ])
  }
  return Object.assign(new Error(text), { code })
}

/** Behind the length of a startup message. */
const PROTOCOL_3 = Buffer.from([0, 3, 0, 0])

/** Replaces the driver's startup message, and leftovers of the connection before, by our startup message. */
export function replaceStartup(data: Buffer, startup: Readonly<Record<string, string>>): Buffer {
  if (data.lastIndexOf(PROTOCOL_3) < 4) return data
  const words = Object.entries(startup).flat()
  const body = Buffer.from(`${words.map((word) => `${word}\0`).join('')}\0`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 8, 0)
  return Buffer.concat([length, PROTOCOL_3, body])
}
