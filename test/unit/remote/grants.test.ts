import { describe, expect, it } from 'vitest'
import { createHttp } from '../../../src/remote/http.ts'
import { judgeTokenResponse, requestToken } from '../../../src/remote/grants.ts'
import { serve } from '../../support/http.ts'

const judge = (status: number, body: string) =>
  judgeTokenResponse({ status, headers: {}, body }, 'https://app/oauth/token')

describe("a token endpoint's answer", () => {
  it('gives the token and its lifetime', () => {
    expect(judge(200, '{"access_token":"eyJ.a.b","expires_in":86400,"token_type":"Bearer"}')).toEqual({
      accessToken: 'eyJ.a.b',
      lifetimeSeconds: 86_400,
    })
  })

  it.each(['{"access_token":"t"}', '{"access_token":"t","expires_in":0}', '{"access_token":"t","expires_in":"soon"}'])(
    'without a usable lifetime, %s, is good for two hours',
    (body) => expect(judge(200, body).lifetimeSeconds).toBe(7200),
  )

  it.each([
    [200, '<html>', 'SYNC_BODY_UNREADABLE', 'retry'],
    [200, '{}', 'SYNC_BODY_UNREADABLE', 'retry'],
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
    expect(() => judge(status, body)).toThrow(expect.objectContaining({ code, remedy }))
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
