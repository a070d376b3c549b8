import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { pagePath, readPages, type ListRequest, type Page } from '../../../src/remote/pages.ts'

const request: ListRequest = { path: '/demo/v1/clients', query: { 'filter[active]': 'true,false' }, pageSize: 2 }

const numberOf = (path: string): number => Number(new URLSearchParams(path.split('?')[1]).get('page[number]'))

/** A list whose pages come when the test says so: the client's only part that counts here is the order of its answers. */
function list(pageOf: (page: number) => { ids: string[]; pageCount: number | null }) {
  const asked: number[] = []
  let inFlight = 0
  let most = 0
  const client: Client = {
    write: () => Promise.reject(new Error('a list is only read')),
    async get(path, judge) {
      const page = numberOf(path)
      asked.push(page)
      most = Math.max(most, ++inFlight)
      // Later pages come first.
      for (let turn = 0; turn < 50 - page; turn++) await Promise.resolve()
      inFlight--
      const { ids, pageCount } = pageOf(page)
      const data = ids.map((id) => ({ type: 'clients', id }))
      return judge(JSON.stringify({ data, meta: { 'page-count': pageCount, 'record-count': 99 } }), path)
    },
  }
  const read = async (options: { from?: number; window?: number; batch?: number } = {}): Promise<Page[][]> => {
    const signal = new AbortController().signal
    const batches: Page[][] = []
    for await (const pages of readPages({ client, request, from: 1, window: 4, batch: 1000, signal, ...options })) {
      batches.push(pages)
    }
    return batches
  }
  return { asked, read, most: () => most }
}

const numbers = (batches: Page[][]): number[] => batches.flat().map(({ number }) => number)
const of = (count: number) => (page: number) => ({
  ids: page > count ? [] : [`${page}a`, `${page}b`],
  pageCount: count,
})

describe('a list', () => {
  it('is read to its end, in order, whatever the order of the answers', async () => {
    const { read, asked } = list(of(9))
    expect(numbers(await read())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(asked.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('goes on at the page it is told', async () => {
    const { read, asked } = list(of(9))
    expect(numbers(await read({ from: 7 }))).toEqual([7, 8, 9])
    expect(Math.min(...asked)).toBe(7)
  })

  it('never has more pages under way than the window', async () => {
    const { read, most } = list(of(30))
    await read({ window: 5 })
    expect(most()).toBe(5)
  })

  it('hands on together what has come, up to the batch', async () => {
    const { read } = list(of(9))
    const sizes = (await read({ batch: 4 })).map((pages) => pages.length)
    expect(Math.max(...sizes)).toBe(2)
  })

  it('follows a list that grows while it is read', async () => {
    const { read } = list((page) => ({ ids: [`${page}`], pageCount: page < 3 ? 3 : 5 }))
    expect(numbers(await read())).toEqual([1, 2, 3, 4, 5])
  })

  it('ends at an empty page, whatever the count says', async () => {
    const { read } = list((page) => ({ ids: page > 2 ? [] : [`${page}`], pageCount: 10 }))
    expect(numbers(await read())).toEqual([1, 2, 3])
  })

  it('needs no page count', async () => {
    const { read } = list((page) => ({ ids: page > 3 ? [] : [`${page}`], pageCount: null }))
    expect(numbers(await read())).toEqual([1, 2, 3, 4])
  })

  it('that is empty is one empty page', async () => {
    expect(numbers(await list(of(0)).read())).toEqual([1])
  })

  it('that repeats its page is an error, not a list without end', async () => {
    const { read } = list(() => ({ ids: ['1', '2'], pageCount: 1_000_000 }))
    await expect(read()).rejects.toMatchObject({ code: 'SYNC_PAGE_REPEATED' })
  })
})

it("a page's address has the filters and the page, encoded", () => {
  expect(pagePath(request, 3)).toBe(
    '/demo/v1/clients?filter%5Bactive%5D=true%2Cfalse&page%5Bnumber%5D=3&page%5Bsize%5D=2',
  )
  expect(pagePath({ ...request, query: {}, pageSize: null }, 1)).toBe('/demo/v1/clients?page%5Bnumber%5D=1')
})
