import { describe, expect, test } from 'vitest'
import { Wire } from '../../../src/store/connection/wire.ts'

const message = (type: string, body = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const ready = (state = 'I') => message('Z', Buffer.from(state))
const row = (text: string) => message('D', Buffer.from(text))
const failure = (code: string, said: string) =>
  message('E', Buffer.from(`SERROR\0VERROR\0C${code}\0M${said}\0\0`, 'utf8'))
const key = (pid: number) => {
  const body = Buffer.alloc(8)
  body.writeUInt32BE(pid)
  return message('K', body)
}
const query = message('Q', Buffer.from('select 1\0'))

function opened(): Wire {
  const wire = new Wire()
  wire.arrived(Buffer.concat([key(77), ready()]))
  return wire
}

/** However the network cuts it. */
function inPieces(wire: Wire, data: Buffer, size: number): Buffer {
  const given: Buffer[] = []
  for (let at = 0; at < data.length; at += size) given.push(wire.arrived(data.subarray(at, at + size)))
  return Buffer.concat(given)
}

test('knows which side is to send, and when the connection rests', () => {
  const wire = opened()
  expect(wire).toMatchObject({ pid: 77, isIdle: true, isWaiting: false, inTransaction: false })
})

describe.each([1, 2, 3, 5, 6, 7, 1_000_000])('in pieces of %i bytes', (size) => {
  test('waits until each request has its response', () => {
    const wire = opened()
    wire.sent(query)
    wire.sent(query)
    expect(wire.isWaiting).toBe(true)
    const answer = Buffer.concat([row('Z\0\0\0\x05I'), message('C', Buffer.from('SELECT 1\0')), ready('T')])
    expect(inPieces(wire, answer, size)).toEqual(answer)
    expect(wire).toMatchObject({ isWaiting: true, inTransaction: true })
    inPieces(wire, ready('I'), size)
    expect(wire).toMatchObject({ isWaiting: false, isIdle: true, inTransaction: false })
  })

  test('its ping is answered without the driver, and nothing else is', () => {
    const wire = opened()
    expect(wire.ping()).toEqual(message('S'))
    // The driver asks before it is answered; and a notification arrives meanwhile.
    wire.sent(query)
    const notification = message('A', Buffer.from('....channel\0text\0'))
    const answer = Buffer.concat([row('1'), ready('I')])
    expect(inPieces(wire, Buffer.concat([notification, ready('I'), answer]), size)).toEqual(
      Buffer.concat([notification, answer]),
    )
    expect(wire).toMatchObject({ isWaiting: false, isIdle: true, isPinging: false })
  })

  test('reads the code of an error, and not one that is quoted', () => {
    const wire = opened()
    inPieces(wire, failure('22P02', 'invalid input: "C25006"'), size)
    expect(wire.code).toBe('22P02')
    inPieces(wire, failure('25006', 'cannot execute INSERT'), size)
    expect(wire.code).toBe('25006')
  })

  test('a COPY waits for us while it is written, and for the server when it is done', () => {
    const wire = opened()
    wire.sent(query)
    inPieces(wire, message('G', Buffer.from([0, 0, 0])), size)
    expect(wire).toMatchObject({ isWaiting: false, isIdle: false })
    wire.sent(message('d', Buffer.alloc(100_000, 'Z')))
    expect(wire.isWaiting).toBe(false)
    wire.sent(message('c'))
    expect(wire.isWaiting).toBe(true)
    inPieces(wire, ready(), size)
    expect(wire).toMatchObject({ isWaiting: false, isIdle: true })
  })

  test('half a message is no rest', () => {
    const wire = opened()
    inPieces(wire, row('a long row').subarray(0, 9), size)
    expect(wire.isIdle).toBe(false)
  })
})

test('a request without an end (Flush) is waited for, too', () => {
  const wire = opened()
  wire.sent(Buffer.concat([message('P', Buffer.from('\0select $1\0\0\0')), message('H')]))
  expect(wire.isWaiting).toBe(true)
  wire.arrived(message('t', Buffer.from([0, 0])))
  expect(wire.isWaiting).toBe(false)
})
