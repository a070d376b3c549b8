import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { planChains, readReverse, type PageChain } from '../../../src/remote/pages/reverse-pages.ts'
import { numbered, pagedList, request, type PagedList } from '../../support/scopestack/paged-list.ts'

const { signal } = new AbortController()

const links = ({ client }: PagedList, chains: readonly PageChain[], batch: number) =>
  readReverse({ client, request, chains, ordered: true, recall: async () => undefined, batch, signal })

/** What happens before the n-th response. */
const event = fc.record({
  delete: fc.array(fc.nat(), { maxLength: 12 }),
  create: fc.nat({ max: 6 }),
  /** How many turns the response is late. */
  late: fc.nat({ max: 3 }),
})

const setting = fc.record({
  count: fc.integer({ min: 1, max: 120 }),
  size: fc.integer({ min: 2, max: 3 }),
  chains: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 9 }),
  events: fc.array(event, { maxLength: 120 }),
  /** Batches that are written before each kill. */
  kills: fc.array(fc.nat({ max: 12 }), { maxLength: 3 }),
})

it('every record that lives throughout is seen, whatever is created and deleted, also when the read is killed and resumed', async () => {
  await fc.assert(
    fc.asyncProperty(setting, async ({ count, size, chains: atMost, batch, events, kills }) => {
      let made = count
      const upcoming = events.values()
      const list = pagedList({
        ids: numbered(count),
        size,
        async before(_, self) {
          const { value } = upcoming.next()
          if (value === undefined) return
          for (let turns = 0; turns < value.late; turns++) await turn()
          for (const at of value.delete) self.ids.splice(at % Math.max(1, self.ids.length), 1)
          for (let more = 0; more < value.create; more++) self.ids.push(String(++made))
        },
      })
      const written = new Set<string>()
      let chains: readonly PageChain[] = planChains(Math.ceil(count / size), atMost)
      try {
        for (const kill of [...kills, Number.POSITIVE_INFINITY]) {
          let batches = 0
          if (kill === 0) continue
          for await (const some of links(list, chains, batch)) {
            for (const id of some.pages.flatMap(({ ids }) => ids)) written.add(id)
            chains = some.chains
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
    }),
    { numRuns: 300 },
  )
})
