import { describe, expect, it } from 'vitest'
import { createSingleFlight } from '../../../src/remote/auth/single-flight.ts'

/** Counts its starts; each ends by `finish`, or when it is aborted. */
function operation() {
  const ends: PromiseWithResolvers<number>[] = []
  const ended: string[] = []
  const aborted = Promise.withResolvers<void>()
  const run = createSingleFlight(async (signal: AbortSignal) => {
    const end = Promise.withResolvers<number>()
    const number = ends.push(end)
    signal.addEventListener('abort', () => {
      aborted.resolve()
      end.reject(new Error('aborted'))
    })
    try {
      return await end.promise
    } finally {
      await new Promise((resolve) => setImmediate(resolve))
      ended.push(`${number} ${signal.aborted ? 'aborted' : 'done'}`)
    }
  })
  return {
    run,
    ended,
    aborted,
    starts: () => ends.length,
    finish: (number: number) => ends[number - 1]!.resolve(number),
  }
}

const never = new AbortController().signal

describe('a single flight', () => {
  it('gives all callers at the same time the result of one operation, and the next caller another', async () => {
    const { run, starts, finish } = operation()
    const all = [run(never), run(never), run(never)]
    finish(1)
    expect(await Promise.all(all)).toEqual([1, 1, 1])
    const next = run(never)
    finish(2)
    expect(await next).toBe(2)
    expect(starts()).toBe(2)
  })

  it('gives all callers its failure, and begins again for the next one', async () => {
    let attempts = 0
    const run = createSingleFlight(async () => {
      if (++attempts === 1) throw new Error('refused')
      return attempts
    })
    expect(await Promise.allSettled([run(never), run(never)])).toMatchObject([
      { reason: { message: 'refused' } },
      { reason: { message: 'refused' } },
    ])
    expect(await run(never)).toBe(2)
  })

  it('goes on for the others when one caller gives up', async () => {
    const { run, ended, finish } = operation()
    const impatient = new AbortController()
    const left = run(impatient.signal)
    const stays = run(never)
    impatient.abort()
    await expect(left).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(ended).toEqual([])
    finish(1)
    expect(await stays).toBe(1)
    expect(ended).toEqual(['1 done'])
  })

  it('is aborted by the last caller that gives up, who waits until it has ended', async () => {
    const { run, ended } = operation()
    const both = [new AbortController(), new AbortController()]
    const calls = both.map(({ signal }) => run(signal))
    for (const one of both) one.abort()
    expect(await Promise.allSettled(calls)).toMatchObject([
      { reason: { code: 'SYNC_STOPPED' } },
      { reason: { code: 'SYNC_STOPPED' } },
    ])
    expect(ended).toEqual(['1 aborted'])
  })

  it('is not joined by a caller that comes while it ends', async () => {
    const { run, ended, finish, aborted } = operation()
    const impatient = new AbortController()
    const left = run(impatient.signal).catch((error: unknown) => error)
    impatient.abort()
    await aborted.promise
    expect(ended).toEqual([])
    const next = run(never)
    finish(2)
    expect(await next).toBe(2)
    expect(await left).toMatchObject({ code: 'SYNC_STOPPED' })
    expect(ended.toSorted()).toEqual(['1 aborted', '2 done'])
  })
})
