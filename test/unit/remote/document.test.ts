import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../../src/remote/document.ts'

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

  it('sets aside members that are no records, and keeps the others', () => {
    const members = [{ id: '1', type: 'a' }, { id: 2, type: 'a' }, { id: '', type: 'a' }, { id: '3' }, null, 'x', []]
    const { records, unusable } = parseDocument(list(members), URL)
    expect(records.map(({ id }) => id)).toEqual(['1'])
    expect(unusable).toHaveLength(6)
  })

  it.each([
    ['a string', { 'record-count': '7' }],
    ['negative', { 'record-count': -1 }],
    ['a fraction', { 'record-count': 1.5 }],
    ['missing', {}],
  ])('has no count when it is %s', (_, meta) => {
    expect(parseDocument(list([], meta), URL).recordCount).toBeNull()
  })

  it.each([
    ['', 'it is empty'],
    ['<html><body>Log in</body></html>', 'it is HTML'],
    ['{"data":[{"id":"1","type":"cli', 'it is cut short'],
    ['gateway timeout', 'it is not JSON'],
    ['{"errors":[]}', 'without a "data" member'],
    ['"data"', 'without a "data" member'],
    ['[1]', 'without a "data" member'],
  ])('is not to be had from %j, which is a failure to retry and never an end of data', (body, problem) => {
    expect(() => parseDocument(body, URL)).toThrow(
      expect.objectContaining({
        code: 'SYNC_BODY_UNREADABLE',
        remedy: 'retry',
        message: expect.stringContaining(problem),
      }),
    )
  })
})
