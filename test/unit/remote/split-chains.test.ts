import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { planChains, type PageChain } from '../../../src/remote/pages/page-chains.ts'
import { compareIds, readReverse, type ReversePages } from '../../../src/remote/pages/reverse-pages.ts'
import { readSharedChains, type ChainStep } from '../../../src/remote/pages/shared-pages.ts'
import { numbered, pagedList, request } from '../../support/scopestack/paged-list.ts'

const { signal } = new AbortController()

const idsOf = (met: readonly ReversePages[]): string[] =>
  [...new Set(met.flatMap(({ pages }) => pages).flatMap(({ ids }) => ids))].toSorted(compareIds)

/** Until nothing moves any more that does not wait for the test. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

describe('a chain that is split', () => {
  /** Each response waits until all of its round have been requested. */
  async function inRounds(pages: number, places: number, chains: readonly PageChain[], atMost = 100) {
    const waiting: (() => void)[] = []
    const list = pagedList({
      ids: numbered(pages * 10),
      size: 10,
      places,
      before: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    })
    const steps: ReversePages[] = []
    const rounds: number[] = []
    const stop = new AbortController()
    const how = { client: list.client, request, chains, atMost, ordered: true, batch: 1, signal: stop.signal }
    let reading = true
    const done = (async () => {
      for await (const some of readReverse({ ...how, recall: async () => undefined })) steps.push(some)
    })().finally(() => (reading = false))
    for (;;) {
      await settled()
      if (!reading) break
      const round = waiting.splice(0)
      rounds.push(round.length)
      for (const respond of round) respond()
    }
    await done
    return { list, steps, rounds }
  }

  it('gives each place a chain, and reads one page more for each', async () => {
    const { list, steps, rounds } = await inRounds(160, 6, planChains(160, 1))
    expect(idsOf(steps)).toEqual(numbered(1600))
    // Two more than places, which wait while others are busy with their pages.
    expect(rounds[0]).toBe(8)
    expect(list.asked.length).toBeLessThan(160 + 3 * 8)
    expect(rounds.slice(0, -4).every((together) => together >= 6)).toBe(true)
  })

  it('is split again when another one has ended, however unequal they were', async () => {
    const unequal: PageChain[] = [
      { first: 4, next: 4, top: null },
      { first: 90, next: 90, top: null },
    ]
    const { list, steps, rounds } = await inRounds(90, 1, unequal, 2)
    expect(idsOf(steps)).toEqual(numbered(900))
    expect(rounds.length).toBeLessThan(90 / 2 + 8)
    expect(list.asked.length).toBeLessThan(90 + 8)
  })

  it('is in the checkpoint with its halves before one of them has ended', async () => {
    const { steps } = await inRounds(40, 2, planChains(40, 1))
    for (const { chains } of steps) {
      expect(chains.at(-1)!.first).toBe(40)
      expect(chains.map(({ first }) => first)).toEqual(chains.map(({ first }) => first).toSorted((a, b) => a - b))
    }
    expect(steps[0]!.chains.length).toBeGreaterThan(1)
  })

  it('stays whole where the rest is short, where no place is left, and where no more chains are allowed', async () => {
    expect((await inRounds(7, 6, planChains(7, 1))).rounds).toEqual([1, 1, 1, 1, 1, 1, 1])
    expect((await inRounds(20, 6, planChains(20, 1), 1)).list.asked).toHaveLength(20)
    const busy = pagedList({ ids: numbered(400), size: 10, places: 2 })
    for (let chains = 0; chains < 4; chains++) busy.client.slots.enter()
    const how = { request, chains: planChains(40, 1), atMost: 9, ordered: true, batch: 1, signal }
    await Array.fromAsync(readReverse({ client: busy.client, ...how, recall: async () => undefined }))
    expect(busy.asked).toHaveLength(40)
  })
})

it('a chain above one whose reader has not said yet where it began waits for that, and then reads on to there', async () => {
  const list = pagedList({ ids: numbered(60), size: 10, places: 4 })
  const looks: (() => void)[] = []
  let below: { first: number; top: string | null } = { first: 3, top: null }
  const free: PageChain[] = [{ first: 6, next: 6, top: null }]
  const pool = {
    take: () => Promise.resolve(free.shift()),
    below: () => below,
    lookAgain: () => new Promise<void>((resolve) => void looks.push(resolve)),
  }
  const steps: ChainStep[] = []
  const how = { client: list.client, request, pool, atMost: 4, batch: 1, signal, recall: async () => undefined }
  const done = (async () => {
    for await (const some of readSharedChains(how)) steps.push(...some)
  })()
  await settled()
  expect(list.asked).toEqual([6, 5, 4, 3])
  expect(looks).toHaveLength(1)
  // Records were deleted before the other one began: its first page ended at a lower id than this one has come to.
  below = { first: 3, top: '15' }
  looks[0]!()
  await done
  expect(list.asked).toEqual([6, 5, 4, 3, 2])
  expect(steps.at(-1)!.chain).toMatchObject({ next: 0 })
})
