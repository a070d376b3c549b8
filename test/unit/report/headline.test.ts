import { expect, test } from 'vitest'
import { headline } from '../../../src/report/headline.ts'

type Facts = Parameters<typeof headline>[0]
type Resource = Facts['resources'][number]

const AT = new Date('2026-11-29T07:00:00Z')
const hoursAgo = (hours: number): Date => new Date(AT.getTime() - hours * 3_600_000)
const resource = (dataAsOf: Date | null, changes: Partial<Resource> = {}): Resource => ({
  resource: 'tags',
  dataAsOf,
  changesAsOf: null,
  lastSuccessAt: dataAsOf,
  lastOutcome: 'ok',
  lastRunAt: dataAsOf,
  rows: 1,
  message: null,
  interruptedAt: null,
  readers: [],
  everySeconds: 86_400,
  isLate: false,
  ...changes,
})
const sentence = (resources: readonly Resource[], changes: Partial<Facts> = {}): string =>
  headline({
    at: AT,
    account: { id: '1', slug: 'acme' },
    problems: [],
    processes: [],
    intervals: [{ schedule: 'full', seconds: 86_400 }],
    nextTicks: [],
    resources,
    ...changes,
  })

test('what no schedule reads makes the rest no older', () => {
  expect(sentence([resource(hoursAgo(5)), resource(hoursAgo(900), { everySeconds: null })])).toBe(
    'The one scheduled resource is up to date as of 2026-11-29 02:00 UTC, 5 h ago; nothing is scheduled.',
  )
  // Where nothing is scheduled, "pull" reads them.
  expect(sentence([resource(hoursAgo(30), { everySeconds: null })], { intervals: [] })).toContain(
    'The one resource is up to date as of 2026-11-28 01:00 UTC',
  )
})

test('with the incremental schedule alone they are up to date by its reads', () => {
  const intervals = [{ schedule: 'incremental', seconds: 900 }]
  const read = resource(hoursAgo(900), { changesAsOf: hoursAgo(0.25), everySeconds: 900 })
  expect(sentence([read], { intervals })).toContain(
    'as of 2026-11-29 06:45 UTC, 15 min ago, but for deletes, which a full read finds;',
  )
})

test('what is late is not called up to date', () => {
  const late = resource(hoursAgo(72), { isLate: true })
  const problem = { what: 'edits', name: null, message: 'x', since: null, helps: null } as const
  expect(sentence([late, late], { problems: [problem] })).toBe(
    '1 problem: 1 problem with local edits; 2 resources late; nothing is scheduled.',
  )
  expect(sentence([late, resource(hoursAgo(1))])).toContain(
    '1 of 2 resources is late, the oldest as of 2026-11-26 07:00 UTC, 3 days ago;',
  )
})
