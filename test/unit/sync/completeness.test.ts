import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  allDocuments,
  assessList,
  assessNested,
  assessRead,
  assessStretch,
  gapMessage,
  isWholeSelection,
  type Completeness,
  type ListEvidence,
} from '../../../src/sync/list/completeness.ts'

/** Of a first reading: none of the five was known. */
const ordered: ListEvidence = {
  fromEnd: true,
  bothEnds: false,
  seen: 5,
  known: 0,
  count: 5,
  pages: 3,
  steady: true,
  full: true,
}
const unordered = { ...ordered, fromEnd: false }
const changed = { steady: false, seen: 6 }
const complete = { complete: true, list: {} }

const refusal = (sentence: string, again: boolean) => [expect.stringContaining(sentence) as string, again]

const summary = (found: Completeness) => (found.complete ? 'complete' : [gapMessage(found.gap), found.again])

describe('a list that is ordered by id', () => {
  it.each([
    ['as many were met as it said throughout', {}],
    ['it is empty', { seen: 0, count: 0, pages: 0 }],
    ['it changed, and no page was cut: nothing that lived throughout can have been missed', changed],
    ['it shrank below what was met', { ...changed, seen: 3 }],
    ['all that it had were known before and met, whatever the pages looked like', { known: 5, full: false }],
    ['it had none, and some came while it was read', { count: 0, seen: 2, steady: false, full: false }],
  ])('is complete when %s', (_, evidence) => expect(assessList({ ...ordered, ...evidence })).toEqual(complete))

  it.each([
    ['fewer were met while it stood still', { seen: 4 }, '5 records, but 4 different'],
    ['more were met while it stood still', { seen: 6 }, '5 records, but 6 different'],
    ['it changed and a page was cut', { ...changed, full: false }, 'pages of it came cut short'],
    ['it counts none, and has some', { count: 0, pages: 0 }, '0 records, but 5 different'],
  ])('is read again when %s', (_, evidence, sentence) =>
    expect(summary(assessList({ ...ordered, ...evidence }))).toEqual(refusal(sentence, true)),
  )
})

describe('a list in another order', () => {
  it.each([
    ['it came on one page', { pages: 1 }],
    ['as many were known before and met as it had when the reading began', { known: 5 }],
    ['the same, and others came meanwhile', { seen: 7, known: 5, steady: false, full: false }],
  ])('is complete when %s', (_, evidence) => expect(assessList({ ...unordered, ...evidence })).toEqual(complete))

  it.each([
    ['was met for the first time: one may have slipped past, and another come', {}, 'only 0 of its 5 records'],
    ['has a record that was not known', { known: 4 }, 'only 4 of its 5 records were seen twice'],
    ['came on one page that lacks some', { pages: 1, seen: 4 }, '5 records, but 4 different'],
    ['came on one page that was read in parts', { pages: 1, full: false }, 'only 0 of its 5 records'],
    ['came on one page, and changed', { ...changed, pages: 1 }, 'in no order to rely on'],
    ['changed', { ...changed, known: 1 }, 'only 1 of its 5 records'],
  ])('is read again when it %s', (_, evidence, sentence) =>
    expect(summary(assessList({ ...unordered, ...evidence }))).toEqual(refusal(sentence, true)),
  )
})

describe('a list whose far pages are refused', () => {
  const bothEnds = { ...unordered, bothEnds: true }

  it.each([
    ['does not help where the pages between are out of reach', { seen: 4 }, 'only 4 of the 5 records', false],
    ['may help where it changed', { ...changed, seen: 4 }, 'in no order to rely on', true],
    ['may help where the ends met', {}, 'only 0 of its 5 records', true],
  ])('is not proved, and another pass %s', (_, evidence, sentence, again) =>
    expect(summary(assessList({ ...bothEnds, ...evidence }))).toEqual(refusal(sentence, again)),
  )

  it('is proved by a second pass that meets as many as it counts', () => {
    expect(assessList({ ...bothEnds, known: 5 })).toEqual(complete)
  })
})

it('a list that does not count its records is never proved, and another pass would not help', () => {
  for (const one of [ordered, unordered]) {
    expect(summary(assessList({ ...one, count: null }))).toEqual(refusal('did not say', false))
  }
})

it('every row of the table in completeness.ts holds, and nothing else is proved', () => {
  const some = fc.nat({ max: 4 })
  const evidence: fc.Arbitrary<ListEvidence> = fc.record({
    count: fc.option(some),
    pages: some,
    seen: some,
    known: some,
    fromEnd: fc.boolean(),
    bothEnds: fc.boolean(),
    steady: fc.boolean(),
    full: fc.boolean(),
  })
  fc.assert(
    fc.property(evidence, (one) => {
      const { count, pages, seen, known, fromEnd, steady, full } = one
      const table = [
        known === count && (count !== 0 || !steady || seen === 0),
        fromEnd && steady && seen === count,
        fromEnd && !steady && full,
        !fromEnd && steady && full && pages <= 1 && seen === count,
      ]
      expect(assessList(one).complete).toBe(count !== null && table.includes(true))
    }),
    { numRuns: 20_000 },
  )
})

describe('what was proved complete', () => {
  const whole = { refused: [], parent: null }

  it('is not believed when the server refuses a filter that brings archived records', () => {
    const found = assessRead(assessList(ordered), { ...whole, refused: ['filter[active]'] })
    expect(summary(found)).toEqual(refusal('refuses filter[active]', false))
  })

  it('is not complete while its parents never were', () => {
    const below = (asOf: Date | null) => assessRead(allDocuments(), { ...whole, parent: { type: 'projects', asOf } })
    expect(below(new Date())).toEqual(complete)
    expect(summary(below(null))).toEqual(refusal('projects was never read completely', false))
  })

  it('is complete with filters and parents that hold', () => {
    expect(assessRead(assessList(ordered), whole)).toEqual(complete)
  })

  it('says of a list that is not what it says by itself', () => {
    const cut = assessList({ ...ordered, ...changed, full: false })
    expect(assessRead(cut, { ...whole, refused: ['filter[active]'] })).toEqual(cut)
  })
})

it('lists below records are complete when each of them is', () => {
  expect(assessNested(true, 'projects')).toEqual(complete)
  expect(summary(assessNested(false, 'projects'))).toEqual(
    refusal('lists below projects could not be proved complete', false),
  )
})

describe('a stretch of a list, newest first', () => {
  const stretch = { count: 9, ids: 4, places: 4, steady: true, full: true }

  it('is complete when each place held another record, and nothing moved', () => {
    expect(assessStretch(stretch)).toEqual(complete)
  })

  it.each([
    ['a record was met twice', { ids: 3 }, 'ties', true],
    ['the count changed', { steady: false }, 'stretch', true],
    ['a page was cut short', { full: false }, 'stretch', true],
    ['it is not counted', { count: null }, 'uncounted', false],
  ])('is not when %s', (_, evidence, kind, again) =>
    expect(assessStretch({ ...stretch, ...evidence })).toMatchObject({ complete: false, gap: { kind }, again }),
  )
})

it('a list filtered by ids answers for them when it holds no others, and all that it counts', () => {
  const asked = new Set(['1', '2', '3'])
  expect(isWholeSelection({ recordCount: 2, ids: ['1', '3'] }, asked)).toBe(true)
  expect(isWholeSelection({ recordCount: 3, ids: ['1', '3'] }, asked)).toBe(false)
  expect(isWholeSelection({ recordCount: null, ids: ['1', '3'] }, asked)).toBe(false)
  expect(isWholeSelection({ recordCount: 1, ids: ['4'] }, asked)).toBe(false)
})
