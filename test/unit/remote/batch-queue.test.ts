import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createBatchQueue } from '../../../src/remote/pages/batch-queue.ts'

const one = (): number => 1

function queueOf(producers: number, ahead: number) {
  const queue = createBatchQueue<string>(ahead)
  for (let number = 0; number < producers; number++) expect(queue.join()).toBe(number)
  return queue
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const state = promise.then(
    () => 'done',
    () => 'failed',
  )
  return (await Promise.race([state, turn('pending')])) === 'pending'
}

describe('a batch queue', () => {
  it('gives what has arrived in its order, up to the requested weight', async () => {
    const queue = queueOf(2, 10)
    for (const [producer, item] of ['a', 'b', 'c', 'd'].entries()) queue.push(producer % 2, item)
    expect(await queue.take(3, one)).toEqual(['a', 'b', 'c'])
    expect(await queue.take(3, one)).toEqual(['d'])
  })

  it('gives at least one item, however heavy', async () => {
    const queue = queueOf(1, 10)
    queue.push(0, 'heavy')
    queue.push(0, 'light')
    expect(await queue.take(5, () => 100)).toEqual(['heavy'])
  })

  it('lets the consumer wait for an item, or for the end of all producers', async () => {
    const queue = queueOf(2, 10)
    const first = queue.take(1, one)
    expect(await isPending(first)).toBe(true)
    queue.push(1, 'x')
    expect(await first).toEqual(['x'])
    queue.end()
    const last = queue.take(1, one)
    expect(await isPending(last)).toBe(true)
    queue.end()
    expect(await last).toEqual([])
  })

  it('holds back the producer that is too far ahead, and no other one', async () => {
    const queue = queueOf(2, 2)
    queue.push(0, 'a')
    expect(await queue.hasRoom(0)).toBe(true)
    queue.push(0, 'b')
    const room = queue.hasRoom(0)
    expect(await isPending(room)).toBe(true)
    expect(await queue.hasRoom(1)).toBe(true)
    await queue.take(1, one)
    expect(await room).toBe(true)
  })

  it('gives what came before a failure, then the first failure, and stops the other producers', async () => {
    const queue = queueOf(3, 1)
    queue.push(0, 'a')
    const room = queue.hasRoom(0)
    queue.fail(new Error('first'))
    queue.fail(new Error('second'))
    expect(await room).toBe(false)
    expect(queue.closed.aborted).toBe(true)
    expect(await queue.take(9, one)).toEqual(['a'])
    await expect(queue.take(9, one)).rejects.toThrow('first')
  })

  it('takes a producer more while others make items, and ends with it', async () => {
    const queue = queueOf(1, 1)
    const another = queue.join()
    queue.end()
    const last = queue.take(1, one)
    expect(await isPending(last)).toBe(true)
    queue.push(another, 'x')
    expect(await last).toEqual(['x'])
    queue.end()
    expect(await queue.take(1, one)).toEqual([])
  })

  it('stops its producers when the consumer closes it', async () => {
    const queue = queueOf(1, 1)
    queue.push(0, 'a')
    const room = queue.hasRoom(0)
    queue.close()
    expect(await room).toBe(false)
    expect(queue.closed.aborted).toBe(true)
  })
})
