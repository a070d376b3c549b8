import { describe, expect, it } from 'vitest'
import { judge } from '../../src/sync/judge.ts'

const whole = { read: 'list', seen: 5, firstCount: 5, total: 5, parked: 0, refused: [], parent: null } as const

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
    ['a filter that brings archived records is refused', { refused: ['filter[active]'] }, 'refuses filter[active]'],
  ])('but not when %s', (_, evidence, sentence) => {
    const incomplete = { outcome: 'incomplete', message: expect.stringContaining(sentence) as string }
    expect(judge({ ...whole, ...evidence })).toMatchObject(incomplete)
    expect(judge({ ...whole, ...evidence, read: 'included' })).toMatchObject(incomplete)
  })
})

describe('what has no list', () => {
  it.each(['each', 'singleton'] as const)('is whole when all of it loaded (%s)', (read) => {
    const evidence = { ...whole, read, seen: 3, firstCount: null, total: null }
    expect(judge(evidence).outcome).toBe('ok')
    expect(judge({ ...evidence, parked: 2 }).outcome).toBe('incomplete')
  })
  it('is not whole while the records it hangs on never were', () => {
    const evidence = { ...whole, read: 'each', firstCount: null, total: null } as const
    expect(judge({ ...evidence, parent: { type: 'projects', asOf: new Date() } }).outcome).toBe('ok')
    expect(judge({ ...evidence, parent: { type: 'projects', asOf: null } })).toEqual({
      outcome: 'incomplete',
      whole: false,
      message: expect.stringContaining('projects was never read whole') as string,
    })
  })
})
