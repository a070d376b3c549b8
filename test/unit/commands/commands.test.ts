import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { textTable } from '../../../src/commands/output/format.ts'
import { activeLine, ending, outcomeLines, summary } from '../../../src/commands/output/progress-text.ts'
import { progressLine } from '../../../src/commands/output/push-progress.ts'
import { chooseResources } from '../../../src/commands/settings.ts'
import { ago, duration } from '../../../src/report/words.ts'

const types = (named?: string[]) => chooseResources(catalog, named).map(({ type }) => type)

describe('the resources that a command names', () => {
  it('without an argument: all that are on by default', () => {
    expect(types()).toEqual([...catalog.values()].filter(({ byDefault }) => byDefault).map(({ type }) => type))
    expect(types()).not.toContain('merge-data')
    expect(types([])).toEqual(types())
  })

  it('by type or by table, each once, also what is off by default', () => {
    expect(types(['project_services', 'clients', 'Clients', 'merge-data'])).toEqual([
      'project-services',
      'clients',
      'merge-data',
    ])
  })

  it('names every argument that is no resource, and the nearest name', () => {
    expect(() => types(['cleints', 'clients', 'projet-services'])).toThrow(
      /"cleints" is no resource; did you mean clients\?\n"projet-services" is no resource; did you mean project-services\?/,
    )
  })
})

describe('what is shown of a run', () => {
  const active = { since: 0, lastEventAt: 4000, waits: '', records: 2500, resumed: 500, total: 10_000 }

  it('is how far a list is, how fast, and how long it will take', () => {
    expect(activeLine('clients', active, 4000)).toMatch(/^… clients +2,500 of 10,000 {2}25 % {2}500\/s {2}15 s left$/)
  })

  it('has no estimate before the first record, and none without a total', () => {
    expect(activeLine('clients', { ...active, records: 500, total: null }, 4000)).toMatch(/^… clients +500$/)
    expect(activeLine('clients', { ...active, total: null }, 4000)).toMatch(/^… clients +2,500 {2}500\/s$/)
  })

  it('is for how long nothing came, and what it waits for', () => {
    expect(activeLine('clients', active, 34_000)).toMatch(/nothing for 30 s$/)
    const waits = 'clients is in use by other, process 1.'
    expect(activeLine('clients', { ...active, waits }, 34_000)).toMatch(
      /^… clients +waits: clients is in use by other, process 1\.$/,
    )
  })

  const ended = {
    type: 'end' as const,
    resource: 'clients',
    outcome: 'ok' as const,
    startedAt: new Date(0),
    tookMs: 800,
    expected: 12,
    seen: 12,
    inserted: 3,
    updated: 1,
    unchanged: 8,
    deleted: 0,
    parked: 0,
    pages: 1,
    code: null,
    message: null,
  }

  it('is the outcome of a list', () => {
    expect(outcomeLines(ended).join('\n')).toMatch(/^✓ clients +12 {2}3 new, 1 changed {2}0\.8 s$/)
    expect(outcomeLines({ ...ended, inserted: 0, updated: 0 }).join('\n')).toContain('no change')
  })

  it('never looks ok when it is not', () => {
    expect(outcomeLines({ ...ended, outcome: 'forbidden', message: 'no right' }).join('\n')).toMatch(
      /^✗ clients +forbidden: no right$/,
    )
    expect(outcomeLines({ ...ended, outcome: 'incomplete', message: 'short' }).join('\n')).toMatch(
      /^! clients[^]*\n +incomplete: short$/,
    )
  })

  it('ends in one line with every outcome and every number', () => {
    const outcomes = [
      ended,
      { ...ended, outcome: 'forbidden' as const, seen: 0, inserted: 0, updated: 0, unchanged: 0 },
    ]
    expect(summary({ runId: 7, outcome: 'forbidden', outcomes }, 4100)).toBe(
      'Run 7: 1 ok, 1 forbidden · 12 records: 3 new, 1 changed, 8 unchanged · 4.1 s',
    )
    expect(summary({ runId: 8, outcome: 'ok', outcomes: [{ ...ended, unchanged: 2 }] }, 4100)).toBe(
      'Run 8: 1 ok · 12 records: 3 new, 1 changed, 2 unchanged, 6 read before the interruption · 4.1 s',
    )
  })

  it('is how far a push is, and since when where nothing is settled yet', () => {
    expect(progressLine(0, 1000, 12_000)).toBe('… 0 of 1,000 changes, since 12 s')
    expect(progressLine(250, 1000, 12_000)).toBe('… 250 of 1,000 changes, about 36 s left')
    expect(progressLine(2, 1, 500), 'another was made meanwhile').toBe('… 2 of 2 changes, since 0.5 s')
  })

  it('repeats at the end what was not ok, which has scrolled away', () => {
    const failed = { ...ended, resource: 'tags', outcome: 'failed' as const, message: `It ${'never '.repeat(20)}came.` }
    const lines = ending({ runId: 7, outcome: 'failed', outcomes: [ended, failed] }, 4100)
    expect(lines.slice(2, 5)).toEqual(['', 'Not ok:', expect.stringMatching(/^ {2}✗ tags failed: It never/)])
    expect(lines.every(({ length }) => length < 80)).toBe(true)
    expect(ending({ runId: 7, outcome: 'ok', outcomes: [ended, ended] }, 4100)).toHaveLength(2)
    expect(ending({ runId: 7, outcome: 'failed', outcomes: [failed] }, 4100), 'it is there to be seen').toHaveLength(2)
  })
})

describe('numbers, times and tables', () => {
  it.each([
    [400, '0.4 s'],
    [59_000, '59 s'],
    [150_000, '3 min'],
    [3 * 3_600_000, '3 h'],
  ])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text))

  it.each([
    [30_000, 'just now'],
    [5 * 60_000, '5 min ago'],
    [26 * 3_600_000, '26 h ago'],
    [72 * 3_600_000, '3 days ago'],
  ])('%i ms back is %s', (ms, text) => expect(ago(new Date(0), new Date(ms))).toBe(text))

  it('a table has numbers to the right and words to the left', () => {
    expect(
      textTable([
        ['name', 'count'],
        ['a', 1200],
        ['longer', null],
      ]).join('\n'),
    ).toBe('  name    count\n  a       1,200\n  longer      –')
  })
})
