import { describe, expect, it } from 'vitest'
import { assessCompleteness } from '../../../src/sync/list/completeness.ts'

/** Of a first reading: all five are new to the mirror. */
const ordered = {
  read: 'list',
  ordered: true,
  seen: 5,
  fresh: 5,
  count: 5,
  pages: 3,
  steady: true,
  full: true,
  parked: 0,
  refused: [],
  parent: null,
} as const

const changed = { steady: false, seen: 6 }

const refusal = (sentence: string, again: boolean) => ({
  outcome: 'incomplete',
  complete: false,
  again,
  message: expect.stringContaining(sentence) as string,
})
const complete = { outcome: 'ok', message: null, complete: true, again: false }

describe('a list that is ordered by id', () => {
  it.each([
    ['as many were met as it said throughout', {}],
    ['it is empty', { seen: 0, fresh: 0, count: 0, pages: 0 }],
    ['it changed, and no page was cut: nothing that lived throughout can have been missed', changed],
    ['it shrank below what was met', { ...changed, seen: 3, fresh: 3 }],
    ['all that it had were known before and met, whatever the pages looked like', { fresh: 0, full: false }],
    ['it had none, and some came while it was read', { count: 0, seen: 2, fresh: 2, steady: false, full: false }],
  ])('is complete when %s', (_, evidence) => expect(assessCompleteness({ ...ordered, ...evidence })).toEqual(complete))

  it.each([
    ['fewer were met while it stood still', { seen: 4, fresh: 4 }, '5 records, but 4 different'],
    ['more were met while it stood still', { seen: 6, fresh: 6 }, '5 records, but 6 different'],
    ['it changed and a page was cut', { ...changed, full: false }, 'pages of it came cut short'],
  ])('is read again when %s', (_, evidence, sentence) =>
    expect(assessCompleteness({ ...ordered, ...evidence })).toEqual(refusal(sentence, true)),
  )
})

describe('a list in another order', () => {
  const unordered = { ...ordered, ordered: false }

  it.each([
    ['it came on one page', { pages: 1 }],
    ['as many were known before and met as it had when the reading began', { fresh: 0 }],
    ['the same, and others came meanwhile', { seen: 7, fresh: 2, steady: false, full: false }],
  ])('is complete when %s', (_, evidence) =>
    expect(assessCompleteness({ ...unordered, ...evidence })).toEqual(complete),
  )

  it.each([
    ['was met for the first time: one may have slipped past, and another come', {}, 'only 0 of its 5 records'],
    ['has a record that was not known', { fresh: 1 }, 'only 4 of its 5 records were seen twice'],
    ['came on one page that lacks some', { pages: 1, seen: 4, fresh: 4 }, '5 records, but 4 different'],
    ['came on one page, and changed', { ...changed, pages: 1, fresh: 6 }, 'in no order to rely on'],
    ['changed', changed, 'only 1 of its 5 records'],
    ['did not say how many pages it has, so that it was read from the front', { ordered: true, pages: null }, 'only 0'],
    ['did not say, and changed', { ...changed, ordered: true, pages: null }, 'only 1 of its 5 records'],
  ])('is read again when it %s', (_, evidence, sentence) =>
    expect(assessCompleteness({ ...unordered, ...evidence })).toEqual(refusal(sentence, true)),
  )
})

describe.each(['list', 'included'] as const)('what was proved complete (%s)', (read) => {
  it.each([
    ['does not say how many it has', { count: null, pages: null }, 'did not say'],
    ['refuses a filter that brings archived records', { refused: ['filter[active]'] }, 'refuses filter[active]'],
  ])('is not believed when the list %s, and reading it again would not help', (_, evidence, sentence) =>
    expect(assessCompleteness({ ...ordered, read, ...evidence })).toEqual(refusal(sentence, false)),
  )

  it('is incomplete for the mirror while a record is parked, though every record was seen', () => {
    expect(assessCompleteness({ ...ordered, read, parked: 1 })).toEqual({
      ...refusal('1 could not be loaded and are parked', false),
      complete: true,
    })
  })
})

describe('what has no list', () => {
  const none = { ...ordered, fresh: 3, seen: 3, count: null, pages: null }

  it.each(['each', 'singleton', 'below'] as const)('is complete when all of it was loaded (%s)', (read) => {
    expect(assessCompleteness({ ...none, read })).toEqual(complete)
    expect(assessCompleteness({ ...none, read, parked: 2 })).toMatchObject({ outcome: 'incomplete', complete: true })
  })

  it.each(['each', 'below'] as const)('is not complete while its parents never were (%s)', (read) => {
    expect(assessCompleteness({ ...none, read, parent: { type: 'projects', asOf: new Date() } })).toEqual(complete)
    expect(assessCompleteness({ ...none, read, parent: { type: 'projects', asOf: null } })).toEqual(
      refusal('projects was never read completely', false),
    )
  })

  it('is not complete while a list below a record kept changing, and that one was read again already', () => {
    const parent = { type: 'projects', asOf: new Date() }
    expect(assessCompleteness({ ...none, read: 'below', full: false, parent })).toEqual(
      refusal('lists below projects could not be proved complete', false),
    )
  })
})
