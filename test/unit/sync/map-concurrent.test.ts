import { describe, expect, it } from 'vitest'
import { mapConcurrent, mapInBatches } from '../../../src/map-concurrent.ts'

/** Work that ends when the test says so. */
function createWork() {
  const begun: number[] = []
  const open = new Map<number, { end(): void; fail(error: Error): void }>()
  const act = (item: number): Promise<string> => {
    begun.push(item)
    return new Promise((resolve, reject) => open.set(item, { end: () => resolve(`r${item}`), fail: reject }))
  }
  return {
    act,
    begun,
    async end(...items: readonly number[]) {
      for (const item of items) open.get(item)!.end()
      await idle()
    },
    async fail(item: number) {
      open.get(item)!.fail(new Error(`item ${item}`))
      await idle()
    },
  }
}

/** Everything that can go on has gone on. */
const idle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('mapConcurrent', () => {
  it('begins the next item when any one has ended, and returns results in the order of the items', async () => {
    const work = createWork()
    const all = mapConcurrent([1, 2, 3, 4], 2, work.act)
    await idle()
    expect(work.begun).toEqual([1, 2])
    await work.end(2)
    expect(work.begun).toEqual([1, 2, 3])
    await work.end(3)
    await work.end(1, 4)
    expect(await all).toEqual(['r1', 'r2', 'r3', 'r4'])
  })

  it('begins nothing more after a failure, and throws it at once', async () => {
    const work = createWork()
    const all = mapConcurrent([1, 2, 3, 4], 2, work.act)
    await idle()
    await Promise.all([expect(all).rejects.toThrow('item 2'), work.fail(2)])
    await work.end(1)
    expect(work.begun).toEqual([1, 2])
  })
})

describe('mapInBatches', () => {
  it('yields batches in order, the last one shorter', async () => {
    const batches = await Array.fromAsync(mapInBatches([1, 2, 3, 4, 5], 2, async (item, index) => [item, index]))
    expect(batches).toEqual([
      {
        items: [1, 2],
        results: [
          [1, 0],
          [2, 1],
        ],
      },
      {
        items: [3, 4],
        results: [
          [3, 2],
          [4, 3],
        ],
      },
      { items: [5], results: [[5, 4]] },
    ])
    expect(await Array.fromAsync(mapInBatches([], 2, async () => 0))).toEqual([])
  })

  it('does not wait for the slowest of a batch before it begins the next, and is two batches ahead of the caller at most', async () => {
    const work = createWork()
    const batches = mapInBatches([1, 2, 3, 4, 5, 6, 7, 8], 2, work.act)
    const first = batches.next()
    await idle()
    await work.end(2)
    await work.end(3)
    expect(work.begun, 'while item 1 is under way').toEqual([1, 2, 3, 4])
    await work.end(4)
    expect(work.begun, 'a batch ahead').toEqual([1, 2, 3, 4])
    await work.end(1)
    expect((await first).value).toEqual({ items: [1, 2], results: ['r1', 'r2'] })
    expect(work.begun, 'while the caller writes').toEqual([1, 2, 3, 4, 5, 6])
    await work.end(5, 6)
    expect(work.begun).toEqual([1, 2, 3, 4, 5, 6])
    await batches.return(undefined)
  })

  it('yields what came before a failure, then throws it, and begins nothing more', async () => {
    const work = createWork()
    const batches = mapInBatches([1, 2, 3, 4, 5, 6, 7, 8], 2, work.act)
    const first = batches.next()
    await idle()
    await work.end(1, 2)
    expect((await first).value).toMatchObject({ items: [1, 2] })
    await Promise.all([expect(batches.next()).rejects.toThrow('item 3'), work.fail(3)])
    const begun = [...work.begun]
    await work.end(4)
    expect(work.begun).toEqual(begun)
    expect(begun).not.toContain(7)
  })

  it('begins nothing more for a caller that has left', async () => {
    const work = createWork()
    const batches = mapInBatches([1, 2, 3, 4, 5, 6, 7, 8], 2, work.act)
    const first = batches.next()
    await idle()
    await work.end(1, 2)
    await first
    await batches.return(undefined)
    const begun = [...work.begun]
    await work.end(3, 4)
    expect(work.begun).toEqual(begun)
  })
})
