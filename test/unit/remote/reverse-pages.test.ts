import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { planChains, type PageChain } from '../../../src/remote/pages/page-chains.ts'
import type { Page } from '../../../src/remote/pages/page.ts'
import { fetchPage } from '../../../src/remote/pages/pages.ts'
import { compareIds, readReverse, type ReversePages } from '../../../src/remote/pages/reverse-pages.ts'
import { numbered, pagedList, request, type PagedList } from '../../support/scopestack/paged-list.ts'

interface How {
  readonly ordered?: boolean
  readonly batch?: number
  readonly opening?: Page
}

const { signal } = new AbortController()

const links = ({ client }: PagedList, chains: readonly PageChain[], { ordered = true, batch = 1, opening }: How = {}) =>
  readReverse({
    client,
    request,
    chains,
    atMost: chains.length,
    ordered,
    opening,
    recall: async () => undefined,
    batch,
    signal,
  })

const read = (...given: Parameters<typeof links>): Promise<ReversePages[]> => Array.fromAsync(links(...given))

const idsOf = (met: readonly ReversePages[]): string[] => met.flatMap(({ pages }) => pages).flatMap(({ ids }) => ids)
const numbersOf = (met: readonly ReversePages[]): number[] =>
  met.flatMap(({ pages }) => pages).map(({ number }) => number)

const inOrder = (ids: Iterable<string>): string[] => [...new Set(ids)].toSorted(compareIds)

/** A promise that the test keeps. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, open: resolve }
}

/** Until nothing moves any more that does not wait for the test. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

describe('chains', () => {
  it.each([
    [1, 6, [1]],
    [7, 6, [7]],
    [8, 6, [4, 8]],
    [45, 4, [11, 23, 34, 45]],
    [1000, 4, [250, 500, 750, 1000]],
  ])('of %i pages, at most %i: each begins behind the one below it', (pages, atMost, firsts) => {
    expect(planChains(pages, atMost)).toEqual(firsts.map((first) => ({ first, next: first, top: null })))
  })

  it('read a list that does not change from its end, each page once but for the joints', async () => {
    const list = pagedList({ ids: numbered(395), size: 10 })
    const met = await read(list, planChains(40, 4))
    expect(inOrder(idsOf(met))).toEqual(numbered(395))
    expect(list.asked.toSorted((a, b) => a - b)).toEqual(
      [...Array.from({ length: 40 }, (_, index) => index + 1), 10, 20, 30].toSorted((a, b) => a - b),
    )
    // One that has ended is forgotten with the one above it.
    expect(met.at(-1)!.chains).toEqual([{ first: 40, next: 0, top: '395' }])
  })

  it('do not request the page again that had the length of the list', async () => {
    const list = pagedList({ ids: numbered(200), size: 10 })
    const opening = await fetchPage(list.client, request, 20, signal)
    const met = await read(list, planChains(20, 2), { opening })
    expect(list.asked.filter((number) => number === 20)).toEqual([20])
    expect(inOrder(idsOf(met))).toEqual(numbered(200))
  })

  it('end at an empty list and at a list of one page', async () => {
    expect(idsOf(await read(pagedList({ ids: [], size: 10 }), planChains(1, 4)))).toEqual([])
    expect(idsOf(await read(pagedList({ ids: numbered(3), size: 10 }), planChains(1, 4)))).toEqual(numbered(3))
  })

  it('never read more than two pages ahead of their consumer, and stop with it', async () => {
    const list = pagedList({ ids: numbered(400), size: 10 })
    const reading = links(list, planChains(40, 4))
    await reading.next()
    await settled()
    // Two of each, and one more for the one that was taken.
    expect(list.asked).toHaveLength(2 * 4 + 1)
    await reading.next()
    await settled()
    expect(list.asked).toHaveLength(2 * 4 + 2)
    await reading.return(undefined)
    await settled()
    expect(list.asked).toHaveLength(2 * 4 + 2)
  })

  it('yield what came before a page that fails', async () => {
    const list = pagedList({
      ids: numbered(90),
      size: 10,
      before: (number) => (number === 7 ? Promise.reject(new Error('page 7')) : undefined),
    })
    const reading = links(list, planChains(9, 1))
    expect((await reading.next()).value).toMatchObject({ chains: [{ next: 8 }] })
    await settled()
    expect((await reading.next()).value).toMatchObject({ pages: [{ number: 8 }], chains: [{ next: 7 }] })
    await expect(reading.next()).rejects.toThrow('page 7')
  })

  it('yield together what has come, up to the size of a batch', async () => {
    const sizes = async (batch: number) => {
      const reading = links(pagedList({ ids: numbered(400), size: 10 }), planChains(40, 4), { batch })
      await reading.next()
      await settled()
      const { value } = await reading.next()
      await reading.return(undefined)
      return (value as ReversePages).pages.length
    }
    expect(await sizes(1)).toBe(1)
    expect(await sizes(40)).toBe(4)
    expect(await sizes(1000)).toBe(8)
  })
})

describe('a joint', () => {
  it('is where the ids meet, however far the pages have moved', async () => {
    const held = gate()
    const list = pagedList({
      ids: numbered(400),
      size: 10,
      before: (number) => (number > 30 ? held.promise : undefined),
    })
    const reading = read(list, planChains(40, 4))
    await settled()
    list.ids = list.ids.slice(30)
    held.open()
    expect(inOrder(idsOf(await reading)).slice(-370)).toEqual(numbered(370, 31))
    // 300 stood at the end of page 30, where the chain below began, and stands on page 27 now.
    const times = (page: number): number => list.asked.filter((number) => number === page).length
    expect([31, 30, 29, 28, 27, 26].map(times)).toEqual([1, 2, 2, 2, 2, 1])
  })

  it('with a chain that found nothing at its beginning is reached at once', async () => {
    const [below, above] = [gate(), gate()]
    const list = pagedList({
      ids: numbered(400),
      size: 10,
      before: (number) => (number === 30 ? below.promise : number === 40 ? above.promise : undefined),
    })
    const reading = read(list, planChains(40, 4))
    await settled()
    list.ids = list.ids.slice(200)
    below.open()
    await settled()
    const before = list.asked.length
    above.open()
    const met = await reading
    expect(list.asked.slice(before)).toEqual([])
    expect(met.at(-1)!.chains).toEqual([{ first: 40, next: 0, top: '' }])
    expect(new Set(idsOf(met))).toEqual(new Set(idsOf(met)).union(new Set(numbered(200, 201))))
  })
})

describe('a list that is not in order, or repeats itself', () => {
  it.each([
    ['inside a page', ['1', '3', '2', '4']],
    ['from page to page', ['3', '4', '1', '2']],
    ['because its ids are no numbers', ['a', 'b', 'c', 'd']],
  ])('is not in order %s', async (_, ids) => {
    const list = pagedList({ ids, size: 2 })
    await expect(read(list, planChains(2, 1))).rejects.toMatchObject({ code: 'SYNC_LIST_NOT_IN_ORDER' })
  })

  it('is read by its numbers when it is in no order, each page once', async () => {
    const list = pagedList({ ids: numbered(400).toReversed(), size: 10 })
    const met = await read(list, planChains(40, 4), { ordered: false })
    expect(numbersOf(met).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    expect(inOrder(idsOf(met))).toEqual(numbered(400))
  })

  it.each([true, false])('is an error when it repeats its page (in order: %s)', async (ordered) => {
    const list = pagedList({ ids: numbered(400), size: 10 })
    const client: typeof list.client = {
      ...list.client,
      get: (path, ...rest) => list.client.get(path.replace(/=\d+/, '=1'), ...rest),
    }
    await expect(read({ ...list, client }, planChains(40, 4), { ordered })).rejects.toMatchObject({
      code: 'SYNC_PAGE_REPEATED',
    })
  })

  it('may have the same neighbour again when as many were created as deleted: that is no repetition', async () => {
    let made = 60
    const list = pagedList({
      ids: numbered(60),
      size: 10,
      before(number, self) {
        if (number === 4) self.ids = [...self.ids.slice(10), ...Array.from({ length: 10 }, () => String(++made))]
      },
    })
    expect(inOrder(idsOf(await read(list, planChains(6, 1))))).toEqual(numbered(50, 11))
  })

  it('may have moved by exactly a page: that is no repetition', async () => {
    const list = pagedList({
      ids: numbered(60),
      size: 10,
      before: (number, self) => (number === 4 ? (self.ids = self.ids.slice(10)) : undefined),
    })
    expect(inOrder(idsOf(await read(list, planChains(6, 1))))).toEqual(numbered(50, 11))
  })
})
