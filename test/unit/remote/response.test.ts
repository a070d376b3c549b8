import { describe, expect, it } from 'vitest'
import { factOf, type SyncError } from '../../../src/errors/sync-error.ts'
import { isFromIntermediary, retryAfterMs, throwIfTemporary } from '../../../src/remote/http/response.ts'

const HOUR = 3_600_000
const url = 'https://api.scopestack.io/demo/v1/clients'

describe('Retry-After', () => {
  // A day that is not today: it is compared with the response's own date, and never with the clock of this host.
  const now = 'Thu, 01 Jan 2026 00:00:00 GMT'
  it.each([
    ['120', 120_000],
    [' 120 ', 120_000],
    ['0', 0],
    ['1.5', 1_500],
    ['-5', 0],
    ['1e15', HOUR],
    ['9'.repeat(400), HOUR],
    ['Infinity', HOUR],
    ['soon', 0],
    ['120, 120', 0],
    ['', null],
    [undefined, null],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
    ['Thu Jan  1 00:00:30 2026', 30_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['Thu, 01 Jan 2099 00:00:00 GMT', HOUR],
    ['Fri, 31 Dec 9999999 00:00:00 GMT', 0],
    ['\0\xff', 0],
  ])('%j is %j ms', (value, expected) => {
    expect(retryAfterMs({ headers: { 'retry-after': value, date: now } })).toBe(expected)
  })
})

describe('a refusal', () => {
  const errors = '{"errors":[{"status":"403","title":"Forbidden"}]}'
  const page = '<html><head><title>403 Forbidden</title></head></html>'
  it.each([
    ['an empty body, as the library sends', 403, '', false],
    ['blanks', 404, ' \n', false],
    ['errors as JSON:API has them', 403, errors, false],
    ['an error as Rails has it', 404, '{"status":404,"error":"Not Found"}', false],
    ['errors in an object', 404, '{"errors":{"base":["gone"]}}', false],
    ['errors in a list', 403, '["not allowed"]', false],
    ['a page', 403, page, true],
    ['a page', 404, page, true],
    ['a page', 401, page, true],
    ['a page', 406, page, true],
    ['a page', 451, page, true],
    ['a line of text', 403, 'Blocked by policy', true],
    ['JSON of a gateway', 403, '{"message":"Forbidden"}', true],
    ['JSON that is cut short', 404, '{"errors":[', true],
    ['a text about the values', 422, 'Name is taken', false],
    ['a page about the request', 400, page, false],
  ])('with %s (%i, %j) is not ScopeStack’s: %j', (_, status, body, foreign) => {
    expect(isFromIntermediary({ status, headers: {}, body })).toBe(foreign)
  })

  it('of Rails for a route that it does not know is ScopeStack’s, page or not', () => {
    expect(isFromIntermediary({ status: 404, headers: { 'x-runtime': '0.004' }, body: page })).toBe(false)
    expect(isFromIntermediary({ status: 403, headers: { 'x-runtime': '0.004' }, body: page })).toBe(true)
  })

  const thrown = (status: number, body = '', headers: Record<string, string> = {}): SyncError | undefined => {
    try {
      throwIfTemporary({ status, headers, body }, url)
    } catch (error) {
      return error as SyncError
    }
    return undefined
  }

  it('that is not ScopeStack’s is to be retried, and is reported with its beginning', () => {
    expect(thrown(404, page)).toMatchObject({ code: 'SYNC_REMOTE_FAILED', remedy: 'retry' })
    expect(thrown(404, page)?.message).toContain('<title>403 Forbidden')
    expect(thrown(404, page)?.message).toMatch(/proxy or firewall/)
  })

  it.each([401, 403, 404, 408, 409, 413, 429, 500, 503])('with Retry-After is a wait, whatever it is: %i', (status) => {
    const error = thrown(status, errors, { 'retry-after': '7' })
    expect(error).toMatchObject({ code: 'SYNC_RATE_LIMITED', remedy: 'wait', facts: { seconds: 7, status } })
  })

  it('of a temporary status is to be retried; with two of them nothing was begun', () => {
    const taken = [408, 421, 425, 503].map((status) => factOf(thrown(status), 'taken'))
    expect(taken).toEqual([true, false, false, true])
    expect(thrown(408)).toMatchObject({ code: 'SYNC_REMOTE_FAILED', remedy: 'retry' })
  })

  it('that redirects is reported with its target, without what may be secret in it', () => {
    const { message, remedy } = thrown(302, '', { location: '/users/sign_in?token=abc' })!
    expect(remedy).toBe('retry')
    expect(message).toContain('https://api.scopestack.io/users/sign_in, which is not followed')
    expect(message).not.toContain('abc')
  })

  it.each([400, 401, 403, 404, 409, 422])('of ScopeStack itself is left to the caller: %i', (status) => {
    expect(thrown(status)).toBeUndefined()
    expect(thrown(status, errors)).toBeUndefined()
  })
})
