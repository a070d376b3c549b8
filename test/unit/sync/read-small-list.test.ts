import * as fc from 'fast-check'
import { expect, describe, it } from 'vitest'
import { readSmallList } from '../../../src/sync/list/read-nested.ts'
import { numbered, pagedList, request, type PagedList } from '../../support/scopestack/paged-list.ts'

const { signal } = new AbortController()

async function read(list: PagedList) {
  const wanted = { type: 'clients', aliases: [], carried: false }
  const context = { client: list.client, concurrency: 1, signal }
  const { pages, completeness } = await readSmallList(context, { request, wanted })
  return { ids: new Set(pages.flatMap(({ ids }) => ids)), proved: completeness.complete }
}

const uncounted = () => ({})
const withoutPages = (counts: { 'record-count'?: number }) => ({ 'record-count': counts['record-count']! })

describe('a list', () => {
  it.each([0, 1, 9])('of one page (%i records) costs one request', async (count) => {
    const list = pagedList({ ids: numbered(count), size: 10 })
    expect(await read(list)).toEqual({ ids: new Set(numbered(count)), proved: true })
    expect(list.asked).toEqual([1])
  })

  it('in order costs each page once, and the first again', async () => {
    const list = pagedList({ ids: numbered(35), size: 10 })
    expect(await read(list)).toEqual({ ids: new Set(numbered(35)), proved: true })
    expect(list.asked).toEqual([1, 4, 3, 2, 1])
  })

  it('in another order is proved by a second read that sees the same records', async () => {
    const list = pagedList({ ids: numbered(35).toReversed(), size: 10 })
    expect(await read(list)).toEqual({ ids: new Set(numbered(35)), proved: true })
    expect(list.asked.filter((number) => number === 2)).toHaveLength(2)
  })

  it('that lost one from a page already read has all that stayed', async () => {
    let lost = false
    const list = pagedList({
      ids: numbered(35),
      size: 10,
      before(number, self) {
        if (number === 2 && !lost) self.ids = self.ids.filter((id) => id !== '1' && id !== '25')
        lost ||= number === 2
      },
    })
    const { ids, proved } = await read(list)
    expect(proved).toBe(true)
    expect(list.ids.filter((id) => !ids.has(id))).toEqual([])
  })

  it('that holds fewer than it says is not proved, however often it is read', async () => {
    const short = pagedList({ ids: numbered(5), size: 10, meta: (counts) => ({ ...counts, 'record-count': 6 }) })
    expect(await read(short)).toMatchObject({ proved: false })
    expect(short.asked).toEqual([1, 1, 1, 1])
  })

  it('that does not count its records is not proved, and read once', async () => {
    const list = pagedList({ ids: numbered(25), size: 10, meta: uncounted })
    expect(await read(list)).toEqual({ ids: new Set(numbered(25)), proved: false })
    expect(list.asked).toEqual([1, 2, 3, 4])
  })

  it('that does not count its pages is proved by one page that holds all, or by a second read', async () => {
    const small = pagedList({ ids: numbered(5), size: 10, meta: withoutPages })
    expect(await read(small)).toEqual({ ids: new Set(numbered(5)), proved: true })
    expect(small.asked).toEqual([1])
    const long = pagedList({ ids: numbered(25), size: 10, meta: withoutPages })
    expect(await read(long)).toEqual({ ids: new Set(numbered(25)), proved: true })
    expect(long.asked).toEqual([1, 2, 3, 4, 1, 2, 3, 4])
  })
})

describe('what is proved', () => {
  const events = fc.array(fc.record({ delete: fc.array(fc.nat(), { maxLength: 3 }), create: fc.nat({ max: 3 }) }), {
    maxLength: 25,
  })

  it.each([
    ['in order of id', { newestFirst: false, meta: undefined }],
    ['newest first', { newestFirst: true, meta: undefined }],
    ['newest first, pages not counted', { newestFirst: true, meta: withoutPages }],
    ['in order of id, pages not counted', { newestFirst: false, meta: withoutPages }],
  ])('holds every record that lived throughout (%s)', async (_, { newestFirst, meta }) => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 30 }), fc.integer({ min: 2, max: 4 }), events, async (count, size, happens) => {
        let made = count
        const upcoming = happens.values()
        const ids = numbered(count)
        const list = pagedList({
          ids: newestFirst ? ids.toReversed() : ids,
          size,
          ...(meta === undefined ? {} : { meta }),
          before(_number, self) {
            const { value } = upcoming.next()
            for (const at of value?.delete ?? []) self.ids.splice(at % Math.max(1, self.ids.length), 1)
            for (let more = value?.create ?? 0; more > 0; more--) {
              if (newestFirst) self.ids.unshift(String(++made))
              else self.ids.push(String(++made))
            }
          },
        })
        let met
        try {
          met = await read(list)
        } catch (error) {
          // As many gone as have come, so that a page looks like its neighbour.
          fc.pre((error as { code?: string }).code !== 'SYNC_PAGE_REPEATED')
          throw error
        }
        const { ids: found, proved } = met
        const missed = list.ids.filter((id) => Number(id) <= count && !found.has(id))
        if (proved) expect(missed).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})
