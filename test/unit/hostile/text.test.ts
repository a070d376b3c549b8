/**
 * Whatever text comes from outside, each reader of it returns what it promises or fails with a sentence of ours: no other error, no number
 * that is none, no secret in the sentence. Random texts near to right ones; `npm run faults` tries a hundred times as many.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDatabaseUrl } from '../../../src/config/database-url.ts'
import { parseEnvFile } from '../../../src/config/env-file.ts'
import { SyncError } from '../../../src/errors/sync-error.ts'
import { readSchedule } from '../../../src/jobs/schedule.ts'
import { requestToken } from '../../../src/remote/auth/grants.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { retryAfterMs } from '../../../src/remote/http/response.ts'
import { serve } from '../../support/network/http.ts'
import { LONG } from '../../support/run/seeds.ts'

const some = (count: number): { numRuns: number } => ({ numRuns: LONG ? 100 * count : count })

/** A text with a few of its characters replaced, left out or doubled. */
const near = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(
        fc.tuple(fc.nat(), fc.constantFrom('replace', 'drop', 'double'), fc.string({ maxLength: 2, unit: 'binary' })),
        { maxLength: 4 },
      ),
    )
    .map(([text, edits]) =>
      edits.reduce((so, [at, how, by]) => {
        const place = so.length === 0 ? 0 : at % so.length
        const kept = how === 'double' ? so[place] + so[place]! : how === 'drop' ? '' : by
        return so.slice(0, place) + kept + so.slice(place + 1)
      }, text),
    )

/** A JSON:API document whose members are of any type and shape. */
const members = fc.record(
  {
    data: fc.oneof(
      fc.array(
        fc.oneof(
          fc.record(
            { type: fc.anything(), id: fc.anything(), attributes: fc.anything(), relationships: fc.anything() },
            { requiredKeys: [] },
          ),
          fc.anything(),
        ),
      ),
      fc.anything(),
    ),
    included: fc.anything(),
    meta: fc.record({ 'record-count': fc.anything(), 'page-count': fc.anything() }, { requiredKeys: [] }),
    links: fc.anything(),
    errors: fc.anything(),
  },
  { requiredKeys: [] },
)
const WHOLE =
  '{"data":[{"id":"1","type":"clients","attributes":{"name":"A","n":12345678901234567890.10},"relationships":{"account":{"data":{"id":"1","type":"accounts"}}}}],"included":[],"meta":{"record-count":1,"page-count":1},"links":{"first":"x"}}'

describe('a document', () => {
  const check = (body: string): void => {
    let document
    try {
      document = parseDocument(body, 'https://api.example/demo/v1/clients?include=account')
    } catch (error) {
      expect(error).toBeInstanceOf(SyncError)
      expect(error).toMatchObject({ code: 'SYNC_BODY_UNREADABLE' })
      return
    }
    for (const record of [...document.records, ...document.included]) {
      expect(typeof record.id).toBe('string')
      expect(typeof record.type).toBe('string')
    }
    for (const count of [document.recordCount, document.pageCount])
      expect(count === null || (Number.isSafeInteger(count) && count >= 0)).toBe(true)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  }

  it('of any JSON', () => {
    fc.assert(
      fc.property(members, (value) => {
        const body = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one))
        if (body !== undefined) check(body)
      }),
      some(300),
    )
  })

  it('of a text near to one', () => {
    fc.assert(fc.property(near([WHOLE, '{"data":[]}', '{"__proto__":{"polluted":1},"data":null}']), check), some(500))
  })
})

it('Retry-After is a time of at least 0, or none', () => {
  const values = near([
    '120',
    '0',
    '-1',
    '1e9',
    'Wed, 21 Oct 2026 07:28:00 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT',
    ' 5 ',
    '0x10',
  ])
  fc.assert(
    fc.property(values, (value) => {
      const ms = retryAfterMs({ headers: { 'retry-after': value, date: 'Wed, 21 Oct 2026 07:27:00 GMT' } })
      expect(ms === null || (Number.isFinite(ms) && ms >= 0), `${value} → ${ms}`).toBe(true)
    }),
    some(500),
  )
})

it('a schedule is due after now and not before, or is refused with a sentence', () => {
  const field = fc.oneof(
    fc.constantFrom('*', '*/5', '0', '1-5', 'L', '7', '59', '31', 'MON', '?', '1,2', '*/0', '60', '5#3'),
    fc.string({ maxLength: 3 }),
  )
  const patterns = fc.oneof(
    fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(' ')),
    near(['0 2 * * *', '@daily', '*/15 * * * *']),
  )
  const now = new Date('2026-11-29T12:34:56.789Z')
  fc.assert(
    fc.property(patterns, fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'), (pattern, zone) => {
      let schedule
      try {
        schedule = readSchedule('full', pattern, zone)
      } catch (error) {
        expect((error as Error).message).not.toBe('')
        return
      }
      const [before, after] = [schedule.dueBy(now), schedule.nextAfter(now)]
      if (before !== null) expect(before.getTime()).toBeLessThanOrEqual(now.getTime())
      if (after !== null) expect(after.getTime()).toBeGreaterThan(now.getTime())
      expect(before ?? after).not.toBeNull()
    }),
    some(60),
  )
})

describe('.env', () => {
  it('of any bytes is read, or refused with a sentence', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          for (const value of Object.values(parseEnvFile(Buffer.from(bytes), '.env').values))
            expect(typeof value).toBe('string')
        } catch (error) {
          expect((error as Error).message).toMatch(/^\.env is not a text in UTF-8/)
        }
      }),
      some(300),
    )
  })

  it('of a text near to one says nothing of a value', () => {
    const secret = 'S3cret#Value'
    fc.assert(
      fc.property(
        near([`A=1\nSCOPESTACK_CLIENT_SECRET=${secret}\r\n# c\nB="two\nlines"\n`, `export X='${secret}'`]),
        (text) => {
          if (text.includes('\0')) return
          expect(parseEnvFile(Buffer.from(text), '.env').notes.join('\n')).not.toContain('S3cret')
        },
      ),
      some(300),
    )
  })
})

it('DATABASE_URL is read, or its mistake is reported without its password', () => {
  const urls = [
    'postgres://user:Pa55w0rd@host:5432/db?sslmode=verify-full',
    'postgresql://u:Pa55w0rd@[::1]/d',
    'postgres://a:Pa55w0rd@h1,h2:1/x?target_session_attrs=any',
  ]
  fc.assert(
    fc.property(near(urls), (url) => {
      const read = parseDatabaseUrl(url)
      if (typeof read === 'string') expect(read).not.toMatch(/Pa55|w0rd/)
      else for (const { port } of read.hosts) expect(Number.isInteger(port) && port > 0 && port < 65_536).toBe(true)
    }),
    some(1_000),
  )
})

it('an answer of the token endpoint is a token, or an error of ours without the secret', async () => {
  let next: { status: number; body: string; type: string } = { status: 200, body: '', type: 'application/json' }
  await using server = await serve((request, response) => {
    request.resume()
    response.writeHead(next.status, { 'content-type': next.type }).end(next.body)
  })
  const http = createHttp({ connections: 1 })
  const credentials = { authUrl: server.url, clientId: 'id', clientSecret: 'The-Secret-Of-It' } as Parameters<
    typeof requestToken
  >[0]['credentials']
  const answer = fc.record(
    { access_token: fc.anything(), token_type: fc.anything(), expires_in: fc.anything(), refresh_token: fc.anything() },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    answer.map((one) => JSON.stringify(one, (_, value: unknown) => (typeof value === 'bigint' ? 1 : value))),
    near([
      '{"access_token":"abc","token_type":"Bearer","expires_in":7200}',
      '<html>The-Secret-Of-It</html>',
      '{"error":"invalid_client","error_description":"The-Secret-Of-It"}',
    ]),
  )
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom(200, 201, 204, 400, 401, 403, 429, 500, 503),
      fc.constantFrom('application/json', 'text/html'),
      async (text, status, type) => {
        next = { status, body: text, type }
        try {
          const token = await requestToken(
            { http, credentials, userAgent: 'test' },
            { grant_type: 'client_credentials' },
            new AbortController().signal,
          )
          expect(token.accessToken).toMatch(/^[\x21-\x7e]+$/)
        } catch (error) {
          expect(error).toBeInstanceOf(SyncError)
          expect(JSON.stringify([error, (error as Error).message])).not.toContain('The-Secret-Of-It')
        }
      },
    ),
    some(150),
  )
  await http.close()
})
