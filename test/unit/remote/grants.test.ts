import { describe, expect, it } from 'vitest'
import { requestToken } from '../../../src/remote/auth/grants.ts'
import { parseTokenResponse } from '../../../src/remote/auth/token-response.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRedactor } from '../../../src/remote/redact/redact.ts'
import { serve } from '../../support/network/http.ts'

const parse = (status: number, body: string) =>
  parseTokenResponse({ status, headers: {}, body }, 'https://app/oauth/token')

/** Doorkeeper's default. */
const nothing = (text: string): [string, number] => [text, 7_200]

describe('the response of a token endpoint', () => {
  it('gives the token and its lifetime', () => {
    expect(parse(200, '{"access_token":"eyJ.a.b","expires_in":86400,"token_type":"Bearer"}')).toEqual({
      accessToken: 'eyJ.a.b',
      lifetimeSeconds: 86_400,
    })
  })

  it.each([200, 201, 203, 299])('of any 2xx, %i, is one', (status) => {
    expect(parse(status, '{"access_token":"t","expires_in":60}').accessToken).toBe('t')
  })

  it.each([
    ['86400', 86_400],
    ['"86400"', 86_400],
    ['"86400.0"', 86_400],
    ['" 7200 "', 7_200],
    ['59.5', 59.5],
    // A life of moments would make a token request of every call.
    ['1', 10],
    ['0.001', 10],
    // More than any date holds.
    ['1e15', 2_592_000],
    ['1e999', 2_592_000],
    ['"99999999999999999999999999999999999999"', 2_592_000],
    // None of these means anything.
    ...['0', '-1', '-1e15', '"0"', '"-5"', 'null', '""', '"soon"', '"NaN"', '"Infinity"', '"0x10"', '"2h"'].map(
      nothing,
    ),
    ...['true', '[]', '[86400]', '{}', '{"seconds":5}'].map(nothing),
  ])('has its lifetime: %s is %i s', (expires, seconds) => {
    expect(parse(200, `{"access_token":"t","expires_in":${expires}}`).lifetimeSeconds).toBe(seconds)
  })

  it('without a lifetime counts as two hours', () => {
    expect(parse(200, '{"access_token":"t"}').lifetimeSeconds).toBe(7200)
  })

  it.each(['"Bearer"', '"bearer"', '"BEARER"', '" Bearer "', 'null', '""'])('is of token_type %s', (type) => {
    expect(parse(200, `{"access_token":"t","token_type":${type}}`).accessToken).toBe('t')
  })

  it.each(['"mac"', '"DPoP"', '"Bearer token"', '7', '["Bearer"]', '{"a":1}'])(
    'of token_type %s is refused with that reason',
    (type) => {
      expect(() => parse(200, `{"access_token":"t","token_type":${type}}`)).toThrow(
        expect.objectContaining({
          code: 'SYNC_TOKEN_FAILED',
          remedy: 'wait',
          message: expect.stringMatching(/its token_type is .*, not Bearer\. Check/s),
        }),
      )
    },
  )

  it.each(['the-client-secret-of-ours', 'the-token-just-issued', 'x the-refresh-just-issued'])(
    'of a token_type that repeats a secret does not show it: %s',
    (type) => {
      const redactor = createRedactor({ clientSecret: 'the-client-secret-of-ours' })
      const body = JSON.stringify({
        access_token: 'the-token-just-issued',
        refresh_token: 'the-refresh-just-issued',
        token_type: type,
      })
      expect(() => parseTokenResponse({ status: 200, headers: {}, body }, 'https://app/oauth/token', redactor)).toThrow(
        expect.objectContaining({ message: expect.stringMatching(/its token_type is "(x )?\[secret\]", not Bearer/) }),
      )
    },
  )

  it.each(['"t\\n"', '"t\\r\\n"', '" t "', '"\\tt"', '"\\ufefft\\u00a0"'])(
    '%s is taken without what stands around it',
    (token) => {
      expect(parse(200, `{"access_token":${token}}`).accessToken).toBe('t')
    },
  )

  it.each([
    ['"a b"', 'U+0020'],
    ['"a\\nb"', 'U+000A'],
    ['"a\\r\\nX-Other: b"', 'U+000D'],
    ['"a\\tb"', 'U+0009'],
    ['"a\\u0000"', 'U+0000'],
    ['"tökén"', 'U+00F6'],
    ['"a\\u007f"', 'U+007F'],
    ['"a\\ud83d\\ude00"', 'U+D83D'],
    [`"${'x'.repeat(200_000)}"`, '200000 characters'],
    ['12345', 'no text'],
    ['true', 'no text'],
    ['{"value":"t"}', 'no text'],
    ['["t"]', 'no text'],
  ])('that no header carries, %.30s, is refused with the reason', (token, why) => {
    expect(() => parse(200, `{"access_token":${token}}`)).toThrow(
      expect.objectContaining({
        code: 'SYNC_TOKEN_FAILED',
        remedy: 'wait',
        message: expect.stringContaining(why),
      }),
    )
  })

  it.each([
    ['"r"', 'r'],
    ['" r\\n"', ' r\n'],
    ...['""', '"  "', 'null', '7', '{}', '["r"]', 'false'].map((text): [string, undefined] => [text, undefined]),
  ])('has the refresh token %s as %j', (given, kept) => {
    expect(parse(200, `{"access_token":"t","refresh_token":${given}}`).refreshToken).toBe(kept)
  })

  it('is read behind a byte order mark, and the last of two members of a name counts', () => {
    expect(parse(200, '\ufeff {"access_token":"t","access_token":"u","expires_in":"60"}\r\n')).toMatchObject({
      accessToken: 'u',
      lifetimeSeconds: 60,
    })
  })

  it.each([
    [200, '<html>', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '', 'SYNC_BODY_UNREADABLE', 'retry'],
    [204, '', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{}', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{"access_token":""}', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{"access_token":null}', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '[{"access_token":"t"}]', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '"t"', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{"access_token":"t"', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{"error":"invalid_client"}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [400, '{"error":{"code":"invalid_client","message":"no"}}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [400, '{"error":{"message":"no"}}', 'SYNC_TOKEN_FAILED', 'retry'],
    [400, '{"errors":[{"title":"Bad","detail":"no"}]}', 'SYNC_TOKEN_FAILED', 'retry'],
    [400, '{"error":"invalid_grant"}'.replace('{', '\ufeff{'), 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [401, '{"errors":[{"title":"Unauthorized"}]}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [401, '{"error":"invalid_client"}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [401, '', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [400, '{"error":"invalid_grant"}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [400, '{"error":"unauthorized_client"}', 'SYNC_CREDENTIALS_REFUSED', 'stop'],
    [400, '{"error":"unsupported_grant_type"}', 'SYNC_TOKEN_FAILED', 'retry'],
    [404, '', 'SYNC_TOKEN_FAILED', 'retry'],
    [429, '', 'SYNC_RATE_LIMITED', 'wait'],
    [401, '<html>', 'SYNC_REMOTE_FAILED', 'retry'],
    [404, '<html>', 'SYNC_REMOTE_FAILED', 'retry'],
    [302, '', 'SYNC_REMOTE_FAILED', 'retry'],
    [503, '<html>', 'SYNC_REMOTE_FAILED', 'retry'],
  ])('of status %i and body %j is %s', (status, body, code, remedy) => {
    expect(() => parse(status, body)).toThrow(expect.objectContaining({ code, remedy }))
  })

  it.each([
    [
      400,
      '{"error":"unsupported_grant_type","error_description":"Not\\u0000 so\\n."}',
      'unsupported_grant_type: Not so .',
    ],
    [400, '{"error":{"code":"odd","message":"no"}}', 'odd: no'],
    [422, '{"errors":[{"title":"Bad","detail":"no"}]}', 'Bad: no'],
    [418, '{"message":"no"}', 'no'],
    [400, '<html>', 'no reason given'],
  ])('of status %i has its reason in one line, %s', (status, body, why) => {
    expect(() => parse(status, body)).toThrow(`responded with ${status} to a token request: ${why}. Check`)
  })

  it('shows nothing of a token that was cut short', () => {
    expect(() => parse(200, '{"access_token":"half-of-a-tok')).toThrow(/^(?!.*half-of).*it is no JSON object/s)
  })
})

describe('a token request', () => {
  it('sends exactly the parameters of the guide, form-encoded', async () => {
    let sent = ''
    let type: string | undefined
    await using server = await serve((request, response) => {
      type = request.headers['content-type']
      request.on('data', (chunk) => (sent += chunk))
      request.on('end', () => response.end('{"access_token":"t","expires_in":60}'))
    })
    const http = createHttp({ connections: 1 })
    const credentials = { authUrl: server.url, clientId: 'id', clientSecret: 'se&cret' }
    const endpoint = { http, credentials, userAgent: 'test' }
    await requestToken(endpoint, { grant_type: 'client_credentials' }, new AbortController().signal)
    await http.close()
    expect(type).toBe('application/x-www-form-urlencoded')
    expect(Object.fromEntries(new URLSearchParams(sent))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'id',
      client_secret: 'se&cret',
    })
  })
})
