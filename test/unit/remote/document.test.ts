import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { parseTokenResponse } from '../../../src/remote/auth/token-response.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { errorObjectsOf } from '../../../src/remote/documents/error-response.ts'
import { isFromIntermediary } from '../../../src/remote/http/response.ts'

const URL = 'https://api.example.test/demo/v1/clients'
const list = (members: unknown[], meta: object = {}) => JSON.stringify({ data: members, meta })

describe('a document', () => {
  it('holds its records, what is included, and the counts', () => {
    const body = JSON.stringify({
      data: [{ id: '1', type: 'clients' }],
      included: [{ id: 'demo', type: 'accounts' }],
      meta: { 'record-count': 7, 'page-count': 2 },
    })
    expect(parseDocument(body, URL)).toMatchObject({
      records: [{ id: '1' }],
      included: [{ id: 'demo' }],
      recordCount: 7,
      pageCount: 2,
    })
  })

  it('may be one record, or none', () => {
    expect(parseDocument('{"data":{"id":"1","type":"mes"}}', URL).records).toHaveLength(1)
    expect(parseDocument('{"data":null}', URL).records).toHaveLength(0)
  })

  it('lists members that are no records apart, and keeps the others', () => {
    const members = [{ id: '1', type: 'a' }, { id: 2, type: 'a' }, { id: '', type: 'a' }, { id: '3' }, null, 'x', []]
    const { records, unusable } = parseDocument(list(members), URL)
    expect(records.map(({ id }) => id)).toEqual(['1'])
    expect(unusable).toHaveLength(6)
  })

  it.each([
    ['no number', { 'record-count': 'many' }],
    ['more than any list holds', { 'record-count': 1e15 }],
    ['negative', { 'record-count': -1 }],
    ['a fraction', { 'record-count': 1.5 }],
    ['missing', {}],
  ])('has no count when it is %s', (_, meta) => {
    expect(parseDocument(list([], meta), URL).recordCount).toBeNull()
  })

  it('has a count that is sent as text', () => {
    expect(parseDocument(list([], { 'record-count': '7' }), URL).recordCount).toBe(7)
  })

  it.each([
    ['', 'it is empty'],
    ['<html><body>Log in</body></html>', 'it is HTML'],
    ['{"data":[{"id":"1","type":"cli', 'it is cut short'],
    ['gateway timeout', 'it is not JSON'],
    ['{"errors":[]}', 'without a "data" member'],
    ['"data"', 'without a "data" member'],
    ['[1]', 'without a "data" member'],
  ])('cannot be read from %j, which is a failure to retry and never an end of data', (body, problem) => {
    expect(() => parseDocument(body, URL)).toThrow(
      expect.objectContaining({
        code: 'SYNC_BODY_UNREADABLE',
        remedy: 'retry',
        message: expect.stringContaining(problem),
      }),
    )
  })
})

describe('a hostile document', () => {
  const withMember = (value: string) => `{"padding":${value},"data":[{"id":"1","type":"clients"}]}`
  it.each([
    ['objects', '{},'],
    ['lists', '[0],'],
    ['numbers', '1234,'],
  ])('of more values than memory holds (%s) is refused before it is parsed, and as too large', (_, value) => {
    const body = withMember(`[${value.repeat(31_000_000 / value.length)}0]`)
    expect(() => parseDocument(body, URL)).toThrow(
      expect.objectContaining({
        code: 'SYNC_BODY_UNREADABLE',
        facts: expect.objectContaining({ tooLarge: true }),
        message: expect.stringContaining('more than 1000000 values'),
      }),
    )
    // Of a failure and of a token, too.
    expect(errorObjectsOf(body)).toHaveLength(1)
    expect(isFromIntermediary({ status: 403, headers: {}, body })).toBe(true)
    expect(() => parseTokenResponse({ status: 200, headers: {}, body }, URL)).toThrow(/is not usable/)
  })

  it.each([
    ['one long text', `"${'x'.repeat(31_000_000)}"`],
    ['a hundred thousand values', `[${'{},'.repeat(100_000)}0]`],
    ['lists in lists, a million deep', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
    [
      'objects in objects, with a number of many digits',
      `${'{"a":'.repeat(99_999)}12345678901234567890${'}'.repeat(99_999)}`,
    ],
    ['a number of 200,000 digits', '7'.repeat(200_000)],
    ['a name that is no member', '{"__proto__":{"data":[]},"constructor":{"prototype":{"id":"2"}}}'],
  ])('of %s is read', (_, value) => {
    expect(parseDocument(withMember(value), URL).records).toEqual([{ id: '1', type: 'clients' }])
    expect({}).not.toHaveProperty('data')
  })

  it('is quoted in an error by its beginning alone', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    const before = process.memoryUsage().heapUsed
    const errors = Array.from({ length: 20 }, (_, number) => {
      try {
        return parseDocument(`<${number}>${'é'.repeat(5_000_000)}`, URL)
      } catch (error) {
        return error
      }
    })
    expect(errors).toHaveLength(20)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000)
  })
})
