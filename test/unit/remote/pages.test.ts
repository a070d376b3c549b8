import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { readForward } from '../../../src/remote/pages/forward-pages.ts'
import { isFullPage } from '../../../src/remote/pages/list-length.ts'
import { pagePath, type Page } from '../../../src/remote/pages/page.ts'
import { fetchPage } from '../../../src/remote/pages/pages.ts'
import { numbered, pagedList, request } from '../../support/scopestack/paged-list.ts'
import { slotsOf } from '../../support/scopestack/slots.ts'

const { signal } = new AbortController()

describe('one page', () => {
  const body = JSON.stringify({
    data: [{ type: 'clients', id: '7' }, { type: 'clients', id: '9' }, 'no record'],
    included: [{ type: 'users', id: '1' }],
    meta: { 'record-count': 3, 'page-count': 1 },
  })
  const digest = hash('sha1', body, 'base64')
  const known = { ids: ['7', '9'], carried: null, recordCount: 3, pageCount: 1, trust: 'etag' } as const

  /** @param etag of its page; undefined where it has none. It responds with 304 to a request with it. */
  const serverWith = (etag: string | undefined): Client => ({
    time: () => null,
    slots: slotsOf(1),
    write: () => Promise.reject(new Error('a list is only read')),
    async get(path, parse, _signal, options) {
      return options?.cached !== undefined && options.cached.etag === etag
        ? options.cached.value
        : parse(body, path, etag)
    },
  })
  const tagged = serverWith('"v1"')
  const plain = serverWith(undefined)

  it('has its records, their ids, its ETag and its digest', async () => {
    expect(await fetchPage(tagged, request, 1, signal)).toEqual({
      number: 1,
      records: [
        { type: 'clients', id: '7' },
        { type: 'clients', id: '9' },
      ],
      ids: ['7', '9'],
      unusable: ['no record'],
      included: [],
      recordCount: 3,
      pageCount: 1,
      validator: { etag: '"v1"', digest },
      isEtagWrong: false,
      cached: null,
    })
    expect((await fetchPage(plain, request, 1, signal)).validator).toEqual({ etag: null, digest })
  })

  it('holds included records only where they are wanted', async () => {
    const page = await fetchPage(tagged, { ...request, included: true }, 1, signal)
    expect(page.included).toEqual([{ type: 'users', id: '1' }])
  })

  it.each([
    ['the server responds with 304', tagged, { etag: '"v1"', digest: 'another' }],
    ['the server has no ETag and sends the same bytes', plain, { etag: null, digest }],
    ['the server had another ETag and sends the same bytes', tagged, { etag: '"v0"', digest }],
    ['an older version remembered its ETag alone', tagged, { etag: '"v1"', digest: null }],
  ])('has no records when %s', async (_, server, mark) => {
    const page = await fetchPage(server, request, 4, signal, { ...known, validator: mark })
    const { ids, recordCount, pageCount } = known
    const empty = { records: [], unusable: [], included: [], isEtagWrong: false }
    expect(page).toEqual({
      number: 4,
      ids,
      validator: mark,
      recordCount,
      pageCount,
      ...empty,
      cached: { ...known, validator: mark },
    })
  })

  it.each([
    ['another ETag', tagged, { etag: '"v0"', digest: 'another' }],
    ['other bytes', plain, { etag: null, digest: 'another' }],
    ['another ETag than an older version remembered', tagged, { etag: '"v0"', digest: null }],
    ['no ETag, and had one', plain, { etag: '"v1"', digest: null }],
  ])('is read when it has %s', async (_, server, mark) => {
    const page = await fetchPage(server, request, 1, signal, { ...known, validator: mark })
    expect(page).toMatchObject({
      cached: null,
      ids: ['7', '9'],
      records: [{ id: '7' }, { id: '9' }],
      isEtagWrong: false,
    })
  })

  it('is read when ETags are not trusted, and reports a wrong one', async () => {
    const mark = { etag: '"v1"', digest: 'another' }
    for (const trust of ['body', 'none'] as const) {
      const page = await fetchPage(tagged, request, 1, signal, { ...known, trust, validator: mark })
      expect(page).toMatchObject({ cached: null, ids: ['7', '9'], isEtagWrong: true })
    }
    const same = { ...known, trust: 'body', validator: { ...mark, digest } } as const
    expect(await fetchPage(tagged, request, 1, signal, same)).toMatchObject({ cached: same, isEtagWrong: false })
  })

  it('is requested with the filters and the number, encoded', () => {
    const filtered = { ...request, query: { 'filter[active]': 'true,false' }, pageSize: 2 }
    expect(pagePath(filtered, 3)).toBe(
      '/demo/v1/clients?filter%5Bactive%5D=true%2Cfalse&page%5Bnumber%5D=3&page%5Bsize%5D=2',
    )
    expect(pagePath(request, 1)).toBe('/demo/v1/clients?page%5Bnumber%5D=1')
  })
})

describe('a page is full', () => {
  const page = (number: number, size: number, recordCount: number | null, pageCount: number | null): Page =>
    ({ number, ids: numbered(size), unusable: [], recordCount, pageCount }) as unknown as Page

  it.each([
    [1, 10, 25, 3, true],
    [2, 10, 25, 3, true],
    [2, 10, 25, 3, true],
    [2, 9, 25, 3, false],
    [1, 0, 25, 3, false],
    [2, 13, 25, 3, false],
    [3, 5, 25, 3, true],
    [3, 4, 25, 3, false],
    [4, 0, 25, 3, true],
    [1, 7, 7, 1, true],
    [1, 6, 7, 1, false],
    [1, 0, 0, 0, true],
    [2, 3, null, null, true],
  ])('number %i with %i records, of %s on %s pages: %s', (number, size, records, pages, full) => {
    expect(isFullPage(page(number, size, records, pages), 10)).toBe(full)
  })

  it('when a member of it could not be used, all the same', () => {
    expect(isFullPage({ ...page(1, 9, 30, 3), unusable: ['x'] }, 10)).toBe(true)
  })
})

describe('a list without a page count', () => {
  const read = async (list: ReturnType<typeof pagedList>) => {
    const opening = await fetchPage(list.client, request, 1, signal)
    return await Array.fromAsync(readForward(list.client, request, opening, signal))
  }
  const uncounted = () => ({})

  it('is read to its first empty page', async () => {
    const list = pagedList({ ids: numbered(7), size: 2, meta: uncounted })
    expect((await read(list)).flatMap(({ ids }) => ids)).toEqual(numbered(7))
    expect(list.asked).toEqual([1, 2, 3, 4, 5])
  })

  it('has no page when it is empty', async () => {
    expect(await read(pagedList({ ids: [], size: 2, meta: uncounted }))).toEqual([])
  })

  it('that repeats its page is an error, not a list without end', async () => {
    const list = pagedList({ ids: numbered(2), size: 2, meta: uncounted })
    const always: Client = {
      ...list.client,
      get: (path, parse, ...rest) => list.client.get(path.replace(/=\d+/, '=1'), parse, ...rest),
    }
    await expect(read({ ...list, client: always })).rejects.toMatchObject({ code: 'SYNC_PAGE_REPEATED' })
  })

  it('that repeats members that are no records is an error, too', async () => {
    const list = pagedList({ ids: [], size: 2 })
    const get: Client['get'] = async (path, parse) => parse('{"data":[{"service":7}]}', path, undefined)
    await expect(read({ ...list, client: { ...list.client, get } })).rejects.toMatchObject({
      code: 'SYNC_PAGE_REPEATED',
    })
  })
})
