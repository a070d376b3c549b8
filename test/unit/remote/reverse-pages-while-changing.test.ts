import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { planChains, type PageChain } from '../../../src/remote/pages/page-chains.ts'
import { readReverse } from '../../../src/remote/pages/reverse-pages.ts'
import { numbered, pagedList, request, type PagedList } from '../../support/scopestack/paged-list.ts'

const { signal } = new AbortController()

const links = ({ client }: PagedList, chains: readonly PageChain[], atMost: number, batch: number) =>
  readReverse({ client, request, chains, atMost, ordered: true, recall: async () => undefined, batch, signal })

/** What happens before the n-th response. */
const event = fc.record({
  delete: fc.array(fc.nat(), { maxLength: 12 }),
  create: fc.nat({ max: 6 }),
  /** How many turns the response is late. */
  late: fc.nat({ max: 3 }),
})

const setting = fc.record({
  count: fc.integer({ min: 1, max: 150 }),
  size: fc.integer({ min: 2, max: 3 }),
  /** The first process begins with so many, and each splits them up to `atMost`, as it has places. */
  chains: fc.integer({ min: 1, max: 4 }),
  atMost: fc.integer({ min: 1, max: 8 }),
  places: fc.integer({ min: 1, max: 6 }),
  batch: fc.integer({ min: 1, max: 9 }),
  events: fc.array(event, { maxLength: 120 }),
  /** Batches that are written before each kill. */
  kills: fc.array(fc.nat({ max: 12 }), { maxLength: 3 }),
})

/** The checkpoint covers the list from its end to its front: each chain has all down to the first page of the next one. */
function expectWhole(chains: readonly PageChain[]): void {
  const firsts = chains.map(({ first }) => first)
  expect(firsts).toEqual([...new Set(firsts)].toSorted((a, b) => a - b))
  for (const { first, next } of chains) expect(next).toBeLessThanOrEqual(first)
}

it('every record that lives throughout is seen, whatever is created and deleted, also when chains are split, and the read is killed and resumed', async () => {
  let splits = 0
  await fc.assert(
    fc.asyncProperty(setting, async ({ count, size, chains: first, atMost, places, batch, events, kills }) => {
      let made = count
      const upcoming = events.values()
      const list = pagedList({
        ids: numbered(count),
        size,
        places,
        async before(_, self) {
          const { value } = upcoming.next()
          if (value === undefined) return
          for (let turns = 0; turns < value.late; turns++) await turn()
          for (const at of value.delete) self.ids.splice(at % Math.max(1, self.ids.length), 1)
          for (let more = 0; more < value.create; more++) self.ids.push(String(++made))
        },
      })
      const written = new Set<string>()
      let chains: readonly PageChain[] = planChains(Math.ceil(count / size), first)
      try {
        for (const kill of [...kills, Number.POSITIVE_INFINITY]) {
          let batches = 0
          if (kill === 0) continue
          for await (const some of links(list, chains, atMost, batch)) {
            for (const id of some.pages.flatMap(({ ids }) => ids)) written.add(id)
            if (some.chains.length > chains.length) splits++
            chains = some.chains
            expectWhole(chains)
            if (++batches === kill) break
          }
        }
      } catch (error) {
        // As many gone as have come, and the page may pass for another order: the list is read in another way then.
        fc.pre((error as { code?: string }).code !== 'SYNC_LIST_NOT_IN_ORDER')
        fc.pre((error as { code?: string }).code !== 'SYNC_PAGE_REPEATED')
        throw error
      }
      const survivors = list.ids.filter((id) => Number(id) <= count)
      expect(survivors.filter((id) => !written.has(id))).toEqual([])
      expect(list.client.slots.spare()).toBe(places + 2)
    }),
    { numRuns: 300 },
  )
  expect(splits).toBeGreaterThan(0)
})
