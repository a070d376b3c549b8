/** The screen of `status`, on terminals of every width. */
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { statusLines, type Shown } from '../../../src/commands/output/status-output.ts'
import { readSchedule } from '../../../src/jobs/schedule.ts'
import { editLines, problemsIn } from '../../../src/report/problems.ts'
import { widthOf } from '../../../src/screen/width.ts'
import { parkedMessage } from '../../../src/sync/list/completeness.ts'

const AT = new Date('2026-11-28T12:00:00Z')
const before = (minutes: number): Date => new Date(AT.getTime() - minutes * 60_000)

const one = (resource: string, more: object = {}): Shown['resources'][number] => ({
  resource,
  dataAsOf: before(3),
  changesAsOf: before(3),
  lastSuccessAt: before(3),
  lastOutcome: 'ok',
  lastRunAt: before(3),
  rows: 93_551,
  message: null,
  interruptedAt: null,
  readers: [],
  everySeconds: 900,
  isLate: false,
  ...more,
})

const failed = {
  lastOutcome: 'failed',
  dataAsOf: null,
  message: `It failed at ${'x'.repeat(90)} and ${'so '.repeat(30)}`,
}

const ALL: Shown['resources'] = [...catalog.keys()].map((type, at) =>
  one(type, at % 9 === 0 ? { ...failed, lastOutcome: 'incomplete' } : at % 10 === 0 ? { interruptedAt: 12_000 } : {}),
)

const shown = (more: Partial<Shown> = {}): Shown => ({
  at: AT,
  members: [],
  history: { tables: ['clients', 'projects'], since: before(60), bytes: 45_200_000 },
  account: { id: '1001', slug: 'demo' },
  runs: [
    {
      id: 7,
      kind: 'full',
      startedAt: before(9),
      finishedAt: before(3),
      outcome: 'incomplete',
      error: null,
      done: 64,
      planned: 64,
    },
  ],
  resources: ALL,
  parked: [],
  drift: ALL.flatMap(({ resource }) => [
    { resource, member: 'a', kind: 'undeclared', sample: 'string' },
    { resource, member: 'b', kind: 'gone', sample: 'attribute' },
  ]),
  problems: [],
  processes: [],
  nextTicks: [{ schedule: 'full', at: new Date('2026-11-29T02:00:00Z') }],
  paused: [],
  clock: null,
  lostEdits: null,
  localEdits: { waiting: 3 },
  oldestEdit: { id: 12, resource: 'clients', recordId: '7', madeAt: before(4), waits: 'Next try in 20 s: no response' },
  intervals: [],
  connections: { used: 14, limit: 97, of: 'max_connections of the server' },
  queue: { kind: 'redis', depths: [{ queue: 'sync', state: 'waiting-children', jobs: 1 }] },
  requests: { lastMinute: 120, isCut: false, rate: 5, state: { heldUntil: null, share: 1 } },
  edits: ['Local edits: 3 on their way to ScopeStack.'],
  ...more,
})

const problemsOf = (more: Partial<Parameters<typeof problemsIn>[0]>) =>
  problemsIn({
    at: AT,
    isOlder: false,
    resources: [],
    runs: [],
    parked: [],
    lostEdits: null,
    localEdits: {},
    parkedSince: null,
    schedules: [],
    lastTicks: new Map(),
    ...more,
  })

describe('the screen', () => {
  it.each([80, 60, 40])('fits %i columns, whatever there is to say', (width) => {
    const status = shown({ problems: problemsOf({ resources: ALL }) })
    const lines = statusLines(status, { width, all: true })
    // What cannot be broken is what a word is: an address, a command to copy.
    expect(lines.filter((line) => widthOf(line) > width && !line.includes('xxxx'))).toEqual([])
    expect(lines.filter((line) => line.startsWith('  governance'))).not.toEqual([])
  })

  it('has each resource on one line at 80 columns, with when it was read', () => {
    const lines = statusLines(shown(), { width: 80, all: false })
    for (const type of catalog.keys()) {
      expect(lines.filter((line) => new RegExp(`^  ${type} +(ok|incomplete) `).test(line))).toEqual([
        expect.stringMatching(/min ago|never/),
      ])
    }
  })

  it('shows problems first, each of them once, and names the time zone', () => {
    const resources = ['clients', 'tags', 'teams'].map((type) => one(type, failed))
    const [account, , head, problem, ...others] = statusLines(
      shown({ resources, problems: problemsOf({ resources }) }),
      { width: undefined, all: false },
    )
    expect(account).toBe('Account demo (1001)')
    expect(head).toBe('3 problems:')
    expect(problem).toMatch(/^ {2}clients, tags, teams failed: It failed at/)
    expect(others.slice(0, 2)).toEqual(['    Never read completely. Helps: "pull clients tags teams".', ''])
    expect(others).toContain('Next full run, where "start" runs: 2026-11-29 02:00 UTC.')
  })

  it('shows what edits, the queue and requests wait for, and how many connections there are', () => {
    const lines = (more: Partial<Shown> = {}) => statusLines(shown(more), { width: undefined, all: false })
    for (const line of [
      'The oldest is change 12 (clients 7), made 4 min ago. Next try in 20 s: no response',
      'Connections to Postgres: 14 of 97, which is max_connections of the server.',
      'Queue: in Redis; jobs of runs: 1 waiting children; of local edits: none.',
      'Requests: 120 in the last minute, of 300 that SYNC_RATE allows: 40 %.',
    ])
      expect(lines()).toContain(line)
    const held = { heldUntil: new Date(AT.getTime() + 31_000), share: 0.5 }
    expect(lines({ requests: { lastMinute: 0, isCut: false, rate: 5, state: held } })).toEqual(
      expect.arrayContaining([
        'All processes wait until 12:00:31 UTC, 31 s, as ScopeStack asked.',
        'The rate is 50 % of SYNC_RATE since ScopeStack had too many; it recovers by itself.',
      ]),
    )
    expect(lines({ queue: { kind: 'redis', depths: null } })).toContain(
      'Queue: in Redis, which cannot be asked just now.',
    )
    expect(lines({ resources: [one('tags', { isLate: true })] }).find((line) => line.startsWith('  tags '))).toMatch(
      /tags +ok +93,551 +3 min ago, late +3 min ago +every 15 min/,
    )
  })

  it('groups the drift, and names each only where it is asked for', () => {
    const of = (all: boolean) => statusLines(shown(), { width: undefined, all }).join('\n')
    expect(of(false)).toMatch(/^Not in the catalog, and kept in sync_extra: accounts 1, /m)
    expect(of(false)).not.toContain('"a" (string)')
    expect(of(true)).toContain('accounts: "a" (string) is not in the catalog and kept in sync_extra.')
  })

  it('shows whether a "start" is running', () => {
    const process = {
      holder: 'host, process 12',
      version: '1.0',
      parts: ['worker'],
      startedAt: before(60),
      connections: 6,
    }
    const lines = (alive: boolean, minutes: number) =>
      statusLines(shown({ processes: [{ ...process, seenAt: before(minutes), alive }] }), {
        width: undefined,
        all: false,
      })
    expect(lines(true, 0)).toContain(
      '"start" 1.0 runs since 2026-11-28 11:00 UTC (host, process 12: worker, 6 connections), seen just now.',
    )
    expect(lines(true, 0)).toContain('Next full run: 2026-11-29 02:00 UTC.')
    expect(lines(false, 30)).toContain(
      'No "start" runs. host, process 12 was seen 30 min ago, and did not say that it ends.',
    )
    expect(statusLines(shown(), { width: undefined, all: false })).toContain('No "start" runs.')
  })
})

describe('a problem is', () => {
  const nightly = readSchedule('full', '0 2 * * *', 'UTC')
  const on = (day: string) => new Map([['full', new Date(`${day}T02:00:00Z`)]])

  it.each([
    ['no schedule that was kept', on('2026-11-28'), []],
    ['a schedule that was not', on('2026-11-27'), [{ what: 'schedule', name: 'full' }]],
    ['none where no scheduler ever ran', new Map<string, Date>(), []],
  ])('%s', (_, lastTicks, found) => {
    expect(problemsOf({ schedules: [nightly], lastTicks })).toMatchObject(found)
    expect(problemsOf({ schedules: [nightly], lastTicks })).toHaveLength(found.length)
  })

  it('a run that failed, and what was parked', () => {
    const [run] = shown().runs
    expect(
      problemsOf({
        runs: [run!, { ...run!, outcome: 'failed', error: 'No rights.' }],
        parked: [{ resource: 'tags', count: 1, since: AT }],
        localEdits: { parked: 2, waiting: 5 },
      }).map(({ message }) => message),
    ).toEqual([
      'Run 7 (full) failed: No rights.',
      'tags: 1 record parked, with the reason, in sync.parked. (SYNC_RECORDS_PARKED)',
      '2 local edits parked, see "changes list". (SYNC_CHANGES_PARKED)',
    ])
  })
})

it('a resource that is incomplete for its parked records alone is one problem', () => {
  const found = (message: string, parked = [{ resource: 'tags', count: 2, since: AT }]) =>
    problemsOf({ resources: [{ ...ALL[0]!, resource: 'tags', lastOutcome: 'incomplete', message }], parked }).map(
      ({ what }) => what,
    )
  const reason = `${parkedMessage(2)} (SYNC_INCOMPLETE)`
  expect(found(reason)).toEqual(['records'])
  expect(found(`The list did not say how many records it has. ${reason}`)).toEqual(['resource', 'records'])
  // They were dismissed since: what is left to say is that the table lacks them.
  expect(found(reason, [])).toEqual(['resource'])
})

it('one local edit is on its way, and two are on theirs', () => {
  expect(editLines({ waiting: 1 }, 'on')).toEqual(['Local edits: 1 on its way to ScopeStack.'])
  expect(editLines({ waiting: 1, sending: 1 }, 'on')).toEqual(['Local edits: 2 on their way to ScopeStack.'])
})

it('the history: of what, since when, how large', () => {
  const lines = (history: Shown['history']) =>
    statusLines({ ...shown(), history }, { width: undefined, all: false }).join('\n')
  expect(lines(shown().history)).toContain('History of clients, projects: complete since 2026-')
  expect(lines(shown().history)).toContain(' UTC, 46 MB of earlier versions in scopestack_history.')
  expect(lines(null)).not.toContain('History of')
})
