import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { readNewestFirst } from '../../../src/sync/incremental/newest-first.ts'
import { takeAll } from '../../../src/sync/list/read-page.ts'
import { slotsOf } from '../../support/scopestack/slots.ts'

interface Rec {
  readonly id: number
  readonly time: number | null
}

const WATERMARK = new Date('2026-03-04T05:00:00Z')
const BEGAN = WATERMARK.getTime() + 60 * 60_000
const { signal } = new AbortController()

const event = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('edit' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('create' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('bulk' as const), at: fc.nat() }),
)

type Event = typeof event extends fc.Arbitrary<infer One> ? One : never

/** Many of one minute, some older than the watermark, some without a time. */
const times = fc.array(
  fc.option(
    fc.integer({ min: -12, max: 6 }).map((minutes) => WATERMARK.getTime() + minutes * 60_000),
    { freq: 6 },
  ),
  {
    maxLength: 30,
  },
)

/** @param ties how the server orders records of one time. */
function listOf(recs: readonly Rec[], size: number, ties: 'by id' | 'by page', happens: Iterator<readonly Event[]>) {
  let now = BEGAN
  const list = { recs: [...recs] }
  function step({ kind, at }: Event): void {
    now += 1000
    const index = at % Math.max(1, list.recs.length)
    if (kind === 'create') list.recs.push({ id: 1000 + now - BEGAN, time: now })
    else if (kind === 'delete') list.recs.splice(index, 1)
    else
      list.recs = list.recs.map((rec, place) =>
        place === index || (kind === 'bulk' && place % 3 === 0) ? { ...rec, time: now } : rec,
      )
  }
  const client: Client = {
    time: () => null,
    slots: slotsOf(1),
    write: () => Promise.reject(new Error('a list is only read')),
    async get(path, parse) {
      await Promise.resolve()
      for (const one of happens.next().value ?? []) step(one)
      const page = Number(new URLSearchParams(path.split('?')[1]).get('page[number]'))
      const key = ({ id }: Rec): number => (ties === 'by id' ? id : (id * 7919 * page) % 101)
      const order = (a: Rec, b: Rec): number => (b.time ?? Infinity) - (a.time ?? Infinity) || 0
      const sorted = list.recs.toSorted((a, b) => (Number.isNaN(order(a, b)) ? 0 : order(a, b)) || key(a) - key(b))
      const data = sorted.slice((page - 1) * size, page * size).map(({ id, time }) => ({
        type: 'projects',
        id: String(id),
        // Half of them in another zone.
        attributes: {
          'updated-at': time === null ? null : id % 2 === 0 ? new Date(time).toISOString() : inAnotherZone(time),
        },
      }))
      const meta = { 'record-count': list.recs.length, 'page-count': Math.ceil(list.recs.length / size) }
      return parse(JSON.stringify({ data, meta }), path, undefined)
    },
  }
  return { client, list }
}

const inAnotherZone = (time: number): string => new Date(time + 2 * 60 * 60_000).toISOString().replace('Z', '000+02:00')

it.each(['by id', 'by page'] as const)(
  'a proved read holds every change that was there, and was not made again (ties %s)',
  async (ties) => {
    let proved = 0
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.array(event, { maxLength: 3 }), { maxLength: 8 }),
        async (all, size, happens) => {
          const recs = all.map((time, index) => ({ id: index + 1, time }))
          const { client, list } = listOf(recs, size, ties, happens.values())
          const met = new Set<number>()
          const request = { path: '/demo/v1/projects', query: {}, pageSize: size }
          const wanted = { type: 'projects', aliases: [], carried: false }
          const stretch = readNewestFirst({ client, request, wanted, watermark: WATERMARK, signal })
          let found
          try {
            found = await takeAll(stretch, ({ pages }) => {
              for (const { ids } of pages) for (const id of ids) met.add(Number(id))
            })
          } catch (error) {
            // As many came as were on the page, so that it looks like its neighbour.
            fc.pre((error as { code?: string }).code === undefined)
            throw error
          }
          if (!found.complete) return
          proved++
          const still = new Map(list.recs.map(({ id, time }) => [id, time]))
          const missed = recs.filter(
            ({ id, time }) => time !== null && time >= WATERMARK.getTime() && still.get(id) === time && !met.has(id),
          )
          expect(missed).toEqual([])
        },
      ),
      { numRuns: 3000 },
    )
    expect(proved).toBeGreaterThan(300)
  },
)
