import { describe, expect, it } from 'vitest'
import { judge } from '../../src/sync/snapshot.ts'

const whole = { read: 'list', seen: 5, firstCount: 5, total: 5, parked: 0 } as const

describe('a list is whole', () => {
  it('when as many different ids were met as it says it has, and it said so throughout', () => {
    expect(judge(whole)).toMatchObject({ outcome: 'ok', message: null })
    expect(judge({ ...whole, seen: 0, firstCount: 0, total: 0 }).outcome).toBe('ok')
  })

  it.each([
    ['fewer were met', { seen: 4 }, '5 records, but 4 different'],
    ['more were met', { seen: 6 }, '5 records, but 6 different'],
    ['it grew', { firstCount: 4 }, 'from 4 to 5'],
    ['it shrank, even when the numbers agree in the end', { firstCount: 6 }, 'from 6 to 5'],
    ['it does not say', { total: null, firstCount: null }, 'did not say'],
    ['a record had to be set aside', { parked: 1 }, 'set aside'],
  ])('but not when %s', (_, evidence, sentence) => {
    expect(judge({ ...whole, ...evidence })).toMatchObject({
      outcome: 'incomplete',
      message: expect.stringContaining(sentence),
    })
  })
})

describe('what has no list', () => {
  it.each(['included', 'each', 'singleton'] as const)('is whole when all of it loaded (%s)', (read) => {
    const evidence = { read, seen: 3, firstCount: null, total: null, parked: 0 }
    expect(judge(evidence).outcome).toBe('ok')
    expect(judge({ ...evidence, parked: 2 }).outcome).toBe('incomplete')
  })
})
