/** What a page that fails is read by, whatever it fails with, and what that costs. */
import { describe, expect, it } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import { bodyUnreadable, remoteFailed, remoteTimeout } from '../../../src/errors/requests.ts'
import { requestRefused } from '../../../src/errors/resources.ts'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { Client } from '../../../src/remote/client.ts'
import { unreadableIn, isFullPage, reportsCount } from '../../../src/remote/pages/list-length.ts'
import { planChains } from '../../../src/remote/pages/page-chains.ts'
import type { ListRequest } from '../../../src/remote/pages/page.ts'
import { fetchPage } from '../../../src/remote/pages/pages.ts'
import { readReverse } from '../../../src/remote/pages/reverse-pages.ts'
import { readSmallList } from '../../../src/sync/list/read-nested.ts'
import { numbered } from '../../support/scopestack/paged-list.ts'
import { slotsOf } from '../../support/scopestack/slots.ts'

const { signal } = new AbortController()

async function readSmall(client: Client, list: ListRequest) {
  const wanted = { type: 'clients', aliases: [], carried: false }
  const { pages, completeness } = await readSmallList({ client, concurrency: 1, signal }, { request: list, wanted })
  return { pages, proved: completeness.complete }
}
const WITHOUT = { skipUnreadable: true }

interface Requested {
  readonly number: number
  readonly size: number
  readonly url: string
}

/** @param fails what it sends instead of a page; `ids` are those of the page. */
function serverOf(count: number, fails: (requested: Requested, ids: readonly string[]) => SyncError | undefined) {
  const requested: string[] = []
  const list = { ids: numbered(count) }
  const client: Client = {
    time: () => null,
    slots: slotsOf(1),
    write: () => Promise.reject(new Error('a list is only read')),
    async get(path, parse) {
      await Promise.resolve()
      const query = new URLSearchParams(path.split('?')[1])
      const [number, size] = [Number(query.get('page[number]')), Number(query.get('page[size]'))]
      const sorted = query.get('sort') === '-id' ? list.ids.toReversed() : list.ids
      const ids = sorted.slice((number - 1) * size, number * size)
      const named = query.has('fields[clients]')
      requested.push(`${number}/${size}${named ? ' named' : ''}`)
      const error = named ? undefined : fails({ number, size, url: path }, ids)
      if (error !== undefined) throw error
      const meta = { 'record-count': list.ids.length, 'page-count': Math.ceil(list.ids.length / size) }
      return parse(JSON.stringify({ data: ids.map((id) => ({ type: 'clients', id })), meta }), path, undefined)
    },
  }
  const request: ListRequest = { path: '/demo/v1/clients', query: {}, pageSize: 20 }
  return { client, requested, list, request }
}

const status = (url: string, code: number): SyncError =>
  remoteFailed({ url, status: code, requestId: undefined, taken: true })

describe('a page that is too much', () => {
  it.each([
    ['504', (url: string) => status(url, 504)],
    ['502', (url: string) => status(url, 502)],
    ['no response in time', (url: string) => remoteTimeout({ url, phase: 'reading the body', seconds: 60 }, undefined)],
    ['a body over the limits', (url: string) => bodyUnreadable({ url, problem: 'it is larger', tooLarge: true })],
  ])('is read in smaller ones: %s', async (_, fail) => {
    const { client, requested, request } = serverOf(50, ({ size, url }) => (size > 5 ? fail(url) : undefined))
    const page = await fetchPage(client, request, 2, signal)
    expect(page.ids).toEqual(numbered(20, 21))
    expect([page.number, page.recordCount, page.pageCount, isFullPage(page, 20), reportsCount(page, 50)]).toEqual([
      2,
      50,
      3,
      true,
      true,
    ])
    // The size that failed is tried once more, elsewhere.
    expect(requested).toEqual(['2/20', '3/10', '5/5', '6/5', '7/5', '8/5', '4/10'])
    requested.length = 0
    expect((await fetchPage(client, request, 1, signal)).ids).toEqual(numbered(20))
    expect(requested).toEqual(['1/5', '2/5', '3/5', '4/5'])
  })

  it('reports the count of the page, and that its parts differ from it', async () => {
    const { client, list, request } = serverOf(50, ({ number, size, url }) => {
      if (number === 4 && size === 10) list.ids = numbered(51)
      return size > 10 || (number === 3 && size === 10) ? status(url, 504) : undefined
    })
    const page = await fetchPage(client, request, 2, signal)
    expect([page.recordCount, reportsCount(page, 50), reportsCount(page, 51)]).toEqual([51, false, false])
  })

  it('is read from its end where the list is, and not behind the end of the list', async () => {
    const { client, requested, request } = serverOf(23, ({ size, url }) => (size > 5 ? status(url, 504) : undefined))
    expect((await fetchPage(client, request, 2, signal, undefined, { fromEnd: true })).ids).toEqual(['21', '22', '23'])
    expect(requested.slice(0, 4)).toEqual(['2/20', '4/10', '8/5', '5/5'])
    const { pages, proved } = await readSmall(client, request)
    expect(proved).toBe(true)
    expect(new Set(pages.flatMap(({ ids }) => ids))).toEqual(new Set(numbered(23)))
  })

  it('holds what moved between its parts', async () => {
    const { client, list, request } = serverOf(40, ({ number, size, url }) => {
      // Between its two halves one in front of both goes.
      if (size === 10 && number === 3) list.ids = list.ids.filter((id) => id !== '2')
      return size > 10 ? status(url, 504) : undefined
    })
    const page = await fetchPage(client, request, 2, signal, undefined, { fromEnd: true })
    expect(page.ids).toEqual([...numbered(20, 21)].toSorted((a, b) => Number(a) - Number(b)))
    expect(reportsCount(page, 39)).toBe(false)
    expect(reportsCount(page, 40)).toBe(false)
  })
})

describe('a list of one page that is too much', () => {
  it('is not proved by parts read from its front, between which a record moved', async () => {
    let parts = 0
    const { client, list, request } = serverOf(18, ({ number, size, url }) => {
      // Once the first part is sent, one of its records goes, and the first of the second part takes the last place of the first.
      if (size === 10 && number === 1 && parts++ === 0)
        queueMicrotask(() => (list.ids = list.ids.filter((id) => id !== '2')))
      return size > 10 ? status(url, 504) : undefined
    })
    const { pages, proved } = await readSmall(client, request)
    const seen = new Set(pages.flatMap(({ ids }) => ids))
    expect(proved).toBe(true)
    expect(list.ids.filter((id) => !seen.has(id))).toEqual([])
  })
})

describe('a record that fails its page', () => {
  it('is left out, with its id, its place and the reason, for callers that allow it', async () => {
    const { client, requested, request } = serverOf(50, ({ url }, ids) =>
      ids.includes('33') ? status(url, 500) : undefined,
    )
    const page = await fetchPage(client, request, 2, signal, undefined, WITHOUT)
    expect(page.ids).toEqual(numbered(20, 21).filter((id) => id !== '33'))
    expect(unreadableIn(page)).toMatchObject([
      { id: '33', place: 33, reason: expect.stringContaining('500') as string },
    ])
    expect(isFullPage(page, 20)).toBe(true)
    expect(requested.length).toBeLessThan(20)
    const strict = await fetchPage(client, request, 2, signal).catch((error: unknown) => error)
    expect(strict).toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
  })

  it('is an error when there are too many: then it is not about single records', async () => {
    const { client, requested, request } = serverOf(400, ({ size, url }, ids) =>
      ids.length > 0 && (size > 1 || Number(ids[0]) > 1) ? status(url, 500) : undefined,
    )
    const read = async () => {
      for (let number = 1; number <= 20; number++) await fetchPage(client, request, number, signal, undefined, WITHOUT)
    }
    await expect(read()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(requested.length).toBeLessThan(400)
  })

  it('is counted once, however often the list is read', async () => {
    const { client, request } = serverOf(400, ({ url }, ids) =>
      ids.some((id) => Number(id) % 20 === 7) ? status(url, 500) : undefined,
    )
    for (let times = 1; times <= 3; times++) {
      for (let number = 1; number <= 20; number++) {
        const page = await fetchPage(client, request, number, signal, undefined, WITHOUT)
        expect(unreadableIn(page)).toHaveLength(1)
      }
    }
  })

  it('is none where no response comes', async () => {
    const { client, requested, request } = serverOf(50, ({ url }) => status(url, 500))
    await expect(fetchPage(client, request, 2, signal, undefined, WITHOUT)).rejects.toMatchObject({
      code: 'SYNC_REMOTE_FAILED',
    })
    expect(requested).toEqual(['2/20', '10000000/1', '1/1'])
  })
})

describe('a stop', () => {
  /** @param at a part of the request under way when the signal fires. */
  function stoppedAt(client: Client, at: string) {
    const stop = new AbortController()
    const get: Client['get'] = async (path, ...rest) => {
      if (!decodeURIComponent(path).includes(at)) return await client.get(path, ...rest)
      stop.abort()
      throw stopped()
    }
    return { client: { ...client, get }, signal: stop.signal }
  }

  it.each([
    ['the id of a record that fails its page is requested', 500, 'fields[clients]'],
    ['the list is looked at whose far page is refused', 404, 'page[number]=1&'],
  ])('is no failure of the list, also while %s', async (_, code, at) => {
    const { client, request } = serverOf(50, ({ url }, ids) => {
      if (!ids.includes('33')) return undefined
      return code === 404 ? requestRefused({ url, status: code, detail: '' }) : status(url, code)
    })
    const one = stoppedAt(client, at)
    const reading = fetchPage(one.client, request, 2, one.signal, undefined, WITHOUT)
    await expect(reading).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  })
})

describe('a list whose far pages are refused', () => {
  it.each([400, 404, 416, 422, 500, 503])(
    'is read from both ends, and proved by a second reading (%i)',
    async (code) => {
      const { client, request } = serverOf(75, ({ number, size, url }) => {
        if (number * size <= 40) return undefined
        return code < 500 ? requestRefused({ url, status: code, detail: '' }) : status(url, code)
      })
      const { pages, proved } = await readSmall(client, request)
      expect(proved).toBe(true)
      expect(new Set(pages.flatMap(({ ids }) => ids))).toEqual(new Set(numbered(75)))
    },
  )

  it('is not proved where it cannot be reached from there', async () => {
    const { client, request } = serverOf(95, ({ number, size, url }) =>
      number * size > 40 ? requestRefused({ url, status: 400, detail: '' }) : undefined,
    )
    const { pages, proved } = await readSmall(client, request)
    expect(proved).toBe(false)
    expect(new Set(pages.flatMap(({ ids }) => ids)).size).toBe(80)
  })

  it('is read by the values of a filter where the ends do not meet, though the record in front of each was seen', async () => {
    const ids = numbered(150)
    const requested: string[] = []
    const client: Client = {
      time: () => null,
      slots: slotsOf(1),
      write: () => Promise.reject(new Error('a list is only read')),
      async get(path, parse) {
        await Promise.resolve()
        requested.push(path)
        const query = new URLSearchParams(path.split('?')[1])
        const [number, size] = [Number(query.get('page[number]')), Number(query.get('page[size]'))]
        const values = query.get('filter[active]')!.split(',')
        const shown = ids.filter((id) => values.includes(String(Number(id) % 2 === 0)))
        const sorted = query.get('sort') === '-id' ? shown.toReversed() : shown
        if (number * size > 40) throw requestRefused({ url: path, status: 400, detail: '' })
        const data = sorted.slice((number - 1) * size, number * size).map((id) => ({ type: 'clients', id }))
        const meta = { 'record-count': shown.length, 'page-count': Math.ceil(shown.length / size) }
        return parse(JSON.stringify({ data, meta }), path, undefined)
      },
    }
    const request: ListRequest = { path: '/demo/v1/clients', query: { 'filter[active]': 'true,false' }, pageSize: 20 }
    const { pages, proved } = await readSmall(client, request)
    expect(proved).toBe(true)
    expect(new Set(pages.flatMap((page) => page.ids))).toEqual(new Set(ids))
    expect(requested.length).toBeLessThan(60)
  })

  it('is not taken for one that refuses the request', async () => {
    const { client, request } = serverOf(75, ({ url }) => requestRefused({ url, status: 400, detail: '' }))
    await expect(fetchPage(client, request, 3, signal)).rejects.toMatchObject({ code: 'SYNC_REQUEST_REFUSED' })
    const far = serverOf(75, ({ number, url }) =>
      number > 2 ? requestRefused({ url, status: 400, detail: '' }) : undefined,
    )
    const chains = readReverse({
      client: far.client,
      request: far.request,
      chains: planChains(4, 1),
      atMost: 1,
      ordered: true,
      recall: () => Promise.resolve(undefined),
      batch: 1000,
      signal,
    })
    await expect(Array.fromAsync(chains)).rejects.toMatchObject({ code: 'SYNC_LIST_OUT_OF_REACH' })
  })
})
