/** What `backfill` and `verify` take from a person and show to one. */
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { sinceOf } from '../../../src/commands/backfill.ts'
import { createOverall } from '../../../src/commands/output/backfill-output.ts'
import { differenceLines, summary, verifiedLine } from '../../../src/commands/output/verify-output.ts'

describe('--since', () => {
  const now = new Date('2026-11-23T10:00:00Z')

  it('is a day that has come', () => {
    expect(sinceOf(undefined, now)).toBeNull()
    for (const day of ['2026-11-23', '2024-02-29', '1999-12-31']) expect(sinceOf(day, now)).toBe(day)
  })

  it.each(['tomorrow', '', true, '2026-02-30', '2026-13-01', '01/02/2026', '2026-1-1', '2026-01-01T00:00:00Z'])(
    'is not %j',
    (given) => expect(() => sinceOf(given, now)).toThrow('--since takes a day as YYYY-MM-DD'),
  )

  it('is not a day to come', () => expect(() => sinceOf('2026-11-24', now)).toThrow('has not come yet'))
})

describe('how far all of it is', () => {
  const start = 1_000_000
  const left = [catalog.get('clients')!, catalog.get('tags')!]
  const begun = { startedAt: new Date(start), since: null, resumed: true, left, done: 3 }
  const progress = (records: number, resumed = 0) =>
    ({ type: 'progress', resource: 'clients', records, resumed, total: 1000 }) as const

  function open() {
    const overall = createOverall(() => start)
    overall.expect('clients', 900)
    overall.expect('tags', 100)
    overall.expect('mes', null)
    return overall
  }

  it('is nothing before it has begun', () => expect(open().line(start)).toBe(''))

  it('is counted over what is done and what was expected, and has no estimate at first', () => {
    const overall = open()
    overall.begin(begun)
    expect(overall.line(start + 1000)).toBe('  3 of 5 resources · 0 of 1,000 records')
    overall.event(progress(250))
    expect(overall.line(start + 1000)).toBe('  3 of 5 resources · 250 of 1,100 records')
    expect(overall.line(start + 5000)).toBe('  3 of 5 resources · 250 of 1,100 records · about 17 s left')
  })

  it('estimates by what this process has read', () => {
    const overall = open()
    overall.begin(begun)
    overall.event(progress(600, 500))
    expect(overall.line(start + 5000)).toBe('  3 of 5 resources · 600 of 1,100 records · about 25 s left')
  })

  it('fits into 80 columns', () => {
    const overall = createOverall(() => start)
    overall.begin(begun)
    overall.event({ ...progress(12_345_678), total: 123_456_789 })
    expect(overall.line(start + 900_000).length).toBeLessThan(80)
  })
})

describe('what is verified', () => {
  const equal = {
    resource: 'clients',
    read: 75,
    missing: 0,
    extra: 0,
    different: 0,
    refused: 0,
    repaired: 0,
    edited: 0,
    doubt: null,
  }
  const some = { ...equal, missing: 1, different: 2, repaired: 2 }

  it('is equal, or what differs', () => {
    expect(verifiedLine(equal)).toMatch(/^✓ clients +75 {2}equal$/)
    expect(verifiedLine(some)).toMatch(/^! clients +75 {2}1 missing, 2 different; 2 repaired$/)
    expect(verifiedLine({ ...equal, doubt: 'It kept changing.' })).toMatch(/^! clients/)
  })

  it('is shown with short values', () => {
    const columns = [{ name: 'name', remote: 'x'.repeat(100), mirror: null }]
    const [head, line] = differenceLines({ id: '7', what: 'different', columns, reason: null })
    expect(head).toBe('    different  7')
    expect(line).toMatch(/^ {8}name: here nothing, there "x+…$/)
    expect(line!.length).toBeLessThan(80)
    const refused = { id: null, what: 'refused', columns: [], reason: 'It has no id.' } as const
    expect(differenceLines(refused)).toEqual(['    refused    (no id)  It has no id.'])
  })

  it('never sums up as equal when something was not compared completely', () => {
    expect(summary([equal], 0)).toBe('75 records of 1 resource: every row equals its record.')
    expect(summary([equal, some], 0)).toBe('150 records of 2 resources: 3 differ, 2 repaired.')
    expect(summary([{ ...equal, doubt: 'x' }], 0)).toBe('75 records of 1 resource: 1 resource not compared completely.')
    expect(summary([equal, { ...equal, edited: 1 }], 0)).toBe(
      '150 records of 2 resources: every other row equals its record; 1 row with local edits was not compared.',
    )
    expect(verifiedLine({ ...equal, edited: 2 })).toMatch(/ equal; 2 rows with local edits were not compared$/)
    expect(summary([equal], 2)).toBe('75 records of 1 resource: 2 resources not read.')
  })
})
