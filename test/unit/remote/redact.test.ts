import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRedactor, redacting } from '../../../src/remote/redact/redact.ts'
import { serve } from '../../support/network/http.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: object): string =>
  `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`

const TOKEN = jwt({
  iss: 'scopestack',
  iat: 1_780_000_000,
  jti: 'b7ad2f',
  user: { id: '7', email: 'sync@example.org' },
})
const CLIENT_SECRET = 'kX9+/w==?&%"\\<ä>-4711-hkQ2'
const PASSWORD = 'Northwind Consulting 2024!'

const redactor = (more: { password?: string } = {}) => {
  const made = createRedactor({ clientSecret: CLIENT_SECRET, password: PASSWORD, ...more })
  made.addSecret(TOKEN)
  return made
}

/** Written as an error page, a log, a header or a document may quote it, by the standard library alone. */
const SHAPES: readonly [name: string, shape: (secret: string) => string][] = [
  ['as it is', (secret) => secret],
  ['after Bearer', (secret) => `Bearer ${secret}`],
  ['in upper case', (secret) => secret.toUpperCase()],
  ['in lower case', (secret) => secret.toLowerCase()],
  ['encoded for an address', encodeURIComponent],
  ['encoded in lower case', (secret) => encodeURIComponent(secret).toLowerCase()],
  ['encoded twice', (secret) => encodeURIComponent(encodeURIComponent(secret))],
  ['encoded in a form', (secret) => new URLSearchParams({ a: secret }).toString()],
  ['in JSON', (secret) => JSON.stringify(secret)],
  [
    'in Rails’ JSON',
    (secret) => JSON.stringify(secret).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
  ],
  [
    'in HTML',
    (secret) =>
      secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
  ],
  ['in hexadecimal', (secret) => Buffer.from(secret).toString('hex')],
  ...['', 'a', 'ab', 'Bearer ', 'id:', 'me:'].flatMap((before): [string, (secret: string) => string][] => [
    [`in base64 behind "${before}"`, (secret) => Buffer.from(before + secret).toString('base64')],
    [`in base64url behind "${before}"`, (secret) => Buffer.from(before + secret).toString('base64url')],
    [`in base64 between "${before}" and more`, (secret) => Buffer.from(`${before + secret}\nx`).toString('base64')],
    [
      `encoded and in base64 behind "${before}"`,
      (secret) => Buffer.from(before + encodeURIComponent(secret)).toString('base64'),
    ],
  ]),
]

/** The longest stretch of a text that also stands in another. */
function longestShared(text: string, other: string): number {
  let longest = 0
  for (let at = 0; at + longest < text.length; at++) {
    while (at + longest < text.length && other.includes(text.slice(at, at + longest + 1))) longest++
  }
  return longest
}

describe.each(SHAPES)('a secret %s', (_, shape) => {
  it.each([
    ['token', TOKEN],
    ['client secret', CLIENT_SECRET],
    ['password', PASSWORD],
  ])('%s, is removed from texts and from data', (_name, secret) => {
    const shaped = shape(secret)
    const { text, data } = redactor()
    const quoted = `Refused: ${shaped}.`
    for (const taken of [
      text(quoted),
      JSON.parse(text(JSON.stringify([quoted])))[0],
      JSON.parse(data(JSON.stringify([quoted])))[0],
    ] as string[]) {
      expect(taken).toMatch(/^Refused: .*\[secret\].*\.$/)
      // What is left stands at the ends: "Bearer ", quotes, and base64 of what stood beside it.
      expect(longestShared(taken, shaped)).toBeLessThan(12)
    }
  })

  it.each([
    ['front', 0, 0.5],
    ['back', 0.5, 1],
    ['middle', 0.3, 0.7],
  ])('that lost all but its %s, is removed from texts', (_name, from, to) => {
    const shaped = shape(TOKEN)
    const cut = shaped.slice(shaped.length * from, shaped.length * to)
    const taken = redactor().text(`…${cut}…`)
    expect(longestShared(taken, shaped)).toBeLessThan(12)
  })
})

describe('in data', () => {
  it('half of a token cannot be used, and is removed all the same', () => {
    const half = TOKEN.length / 2
    expect(redactor().data(`{"a":"${TOKEN.slice(0, half)}","b":"${TOKEN.slice(half)}"}`)).toBe(
      '{"a":"[secret]","b":"[secret]"}',
    )
  })

  it('a piece of sixteen characters of an issued secret is removed, of a JWT one of its signature', () => {
    const { data } = redactor()
    const piece = (secret: string, from: number) => JSON.stringify([secret.slice(from, from + 16)])
    const signature = TOKEN.lastIndexOf('.') + 1
    expect(data(piece(TOKEN, signature + 5))).toBe('["[secret]"]')
    expect(data(piece(TOKEN, 40))).toBe(piece(TOKEN, 40))
    const made = createRedactor({ clientSecret: 'Zk7wJ0vDqYp2mXc9tRb4NnLs8HgFa1Ue' })
    expect(made.data('{"a":"…vDqYp2mXc9tRb4Nn…"}')).toBe('{"a":"…[secret]…"}')
  })

  it('another token of the same server stays', () => {
    const body = JSON.stringify({
      link: jwt({ iss: 'scopestack', iat: 1_779_912_345, jti: '0c5e11', user: { id: '8' } }),
    })
    expect(redactor().data(body)).toBe(body)
  })

  it('a part of a password stays', () => {
    const body = '{"name":"Northwind Consulting"}'
    expect(redactor().data(body)).toBe(body)
    expect(redactor().data(`{"name":"${PASSWORD}"}`)).toBe('{"name":"[secret]"}')
  })

  it.each(['demo', 'simulator', 'id', 'attributes', '12345', '123456789012'])(
    'a password %s changes nothing',
    (password) => {
      const body = '{"data":[{"id":"12345","attributes":{"name":"demo simulator","number":123456789012}}]}'
      expect(redactor({ password }).data(body)).toBe(body)
    },
  )

  it('one of twelve to fifteen characters is removed where it stands whole', () => {
    const { data } = redactor({ password: 'open-sesame-7' })
    expect(data('{"a":"xopen-sesame-7","b":"open-sesame-"}')).toBe('{"a":"x[secret]","b":"open-sesame-"}')
  })

  it('the rest stays a document, whatever stands beside the secret', () => {
    const secret = fc.string({ minLength: 16, maxLength: 60, unit: fc.constantFrom(...Array.from('abn"\\/u0ntr&é€')) })
    const piece = (given: string) =>
      fc.oneof(
        fc.constant(given),
        fc.string(),
        fc.nat(40).map((at) => given.slice(at)),
        fc.nat(40).map((to) => given.slice(0, to)),
      )
    const sample = secret.chain((given) =>
      fc.tuple(
        fc.constant(given),
        fc.array(
          fc.array(piece(given), { maxLength: 5 }).map((parts) => parts.join('')),
          { maxLength: 6 },
        ),
      ),
    )
    fc.assert(
      fc.property(sample, fc.constantFrom('issued' as const, 'chosen' as const), ([given, values], origin) => {
        const made = createRedactor()
        made.addSecret(given, origin)
        const body = JSON.stringify(Object.fromEntries(values.map((value, at) => [`${value}${at}`, value])))
        const whole = JSON.stringify(given).slice(1, -1)
        return [made.data(body), made.text(body)].every((filtered) => isDocument(filtered) && !filtered.includes(whole))
      }),
      { numRuns: 200 },
    )
  })
})

function isDocument(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('in texts', () => {
  it('a short one is removed where it stands alone', () => {
    const { text } = redactor({ password: 'demo' })
    expect(text('demo: no demonstration for "DEMO".')).toBe('[secret]: no demonstration for "[secret]".')
  })

  it('one of three letters stays', () => expect(redactor({ password: 'the' }).text('the end')).toBe('the end'))

  it('one that is equal to the mark does no harm', () => {
    expect(redactor({ password: 'secret' }).text(`secret ${TOKEN}`)).toBe('[secret] [secret]')
  })
})

it('earlier tokens are remembered for a while, those of the settings always', () => {
  const made = redactor()
  const tokens = Array.from({ length: 300 }, () => randomBytes(24).toString('base64url'))
  for (const token of tokens) made.addSecret(token)
  expect(made.text(`${tokens.at(-1)} ${tokens.at(-8)} ${CLIENT_SECRET} ${PASSWORD}`)).toBe(
    '[secret] [secret] [secret] [secret]',
  )
  expect(made.text(tokens[0]!)).toBe(tokens[0])
})

it.each([
  ['of one letter', 'a', 'a'],
  ['of a few letters', 'abcd', 'abcd'],
  ['met in pieces', 'abcd', `${'abcd'.repeat(100)}!`],
])('a token %s takes linear time', (_, unit, repeated) => {
  const made = redactor()
  made.addSecret(unit.repeat(16_000))
  const body = repeated.repeat(1_000_000 / repeated.length)
  expect(made.data(body).length).toBeGreaterThan(0)
  expect(made.text(body).length).toBeLessThan(body.length)
})

it('every response is redacted before it is read: headers, bodies, and tokens as soon as they are sent', async () => {
  const token = randomBytes(40).toString('base64url')
  let status = 200
  let page = ''
  await using server = await serve((request, response) => {
    const sent = request.headers.authorization!
    response.writeHead(status, {
      'x-request-id': sent.slice(0, 30),
      'set-cookie': [sent, 'a=b'],
      etag: `"${sent}"`,
      location: `/clients/12345?${encodeURIComponent(sent)}`,
    })
    response.end(page.replaceAll('TOKEN', sent.slice(7)).replaceAll('HALF', sent.slice(30)))
  })
  const http = redacting(createHttp({ connections: 1 }), createRedactor({ password: '12345' }))
  const get = async (now: number, body: string) => {
    ;[status, page] = [now, body]
    const request = { method: 'GET', url: server.url, headers: { authorization: `Bearer ${token}` } } as const
    return await http.send(request, new AbortController().signal)
  }
  const { headers, body } = await get(200, '{"data":"TOKEN 12345"}')
  expect(body).toBe('{"data":"[secret] 12345"}')
  expect(headers).toMatchObject({
    'x-request-id': 'Bearer [secret]',
    'set-cookie': ['Bearer [secret]', 'a=b'],
    etag: '"Bearer [secret]"',
    location: '/clients/12345?Bearer%20[secret]',
  })
  expect((await get(422, '{"errors":[{"detail":"HALF 12345"}]}')).body).toBe(
    '{"errors":[{"detail":"[secret] [secret]"}]}',
  )
  expect((await get(200, '<html>HALF')).body).toBe('<html>[secret]')
  await http.close()
})
