/** What `doctor` decides on each fact, how its lines look, and what becomes of a check that throws or hangs. */
import { describe, expect, it } from 'vitest'
import { check, NotChecked, runCheck } from '../../../src/commands/doctor/check.ts'
import * as database from '../../../src/commands/doctor/decide-database.ts'
import { decideHistory } from '../../../src/commands/doctor/decide-history.ts'
import * as host from '../../../src/commands/doctor/decide-host.ts'
import * as mirror from '../../../src/commands/doctor/decide-mirror.ts'
import * as remote from '../../../src/commands/doctor/decide-scopestack.ts'
import { linesOf } from '../../../src/commands/doctor/doctor.ts'
import { ok, type Finding } from '../../../src/commands/doctor/finding.ts'
import { openSubject } from '../../../src/commands/doctor/subject.ts'
import { lineOf, skippedLine, summaryOf } from '../../../src/commands/output/doctor-output.ts'
import { inspectSettings } from '../../../src/commands/settings.ts'
import { databaseUnreachable } from '../../../src/errors/database.ts'
import { readSchedule } from '../../../src/jobs/schedule.ts'
import { widthOf } from '../../../src/screen/width.ts'
import { eventsIn } from '../../../src/store/embedded/server-log.ts'

const levels = (found: Finding | readonly Finding[]): string =>
  [found]
    .flat()
    .map(({ level }) => level)
    .join(' ')

describe('the database', () => {
  it.each([
    [90_624, '9.6.24', 'fail'],
    [100_023, '10.23', 'fail'],
    [140_018, '14.18 (Debian)', 'fail'],
    [150_000, '15.0', 'ok'],
    [180_004, '18.4', 'ok'],
    [190_000, '19beta1', 'ok'],
  ])('version %i is %s: %s', (number, version, level) => {
    const found = database.decideVersion({ number, version })
    expect(found.level).toBe(level)
    if (level === 'fail')
      expect(found).toMatchObject({
        code: 'SYNC_DATABASE_REFUSED',
        remedy: expect.stringContaining('Upgrade') as string,
      })
  })

  it.each([
    [null, 'this machine', 'disable', 'ok'],
    [null, 'a private network', 'prefer', 'ok'],
    [null, 'a public network', 'disable', 'warn'],
    ['TLSv1.3', 'a public network', 'require', 'ok'],
    ['TLSv1.3', 'a public network', 'verify-full', 'ok'],
  ] as const)('TLS %s from %s with %s: %s', (tls, from, mode, level) => {
    expect(database.decideTls({ tls, from, mode }).level).toBe(level)
  })

  it.each([
    [20, 0, 'ok'],
    [11, 0, 'ok'],
    [10, 0, 'fail'],
    [10, 1, 'warn'],
    [-1, 0, 'fail'],
  ])('with %i connections left and %i processes: %s', (room, live, level) => {
    const path = { kind: 'direct', room, most: 100, limit: 'max_connections of the server' } as const
    expect(database.decideConnections({ reached: { where: 'here', path }, need: 11, live }).level).toBe(level)
  })

  it('size, growth, and dead rows', () => {
    const facts = {
      bytes: 40e6,
      largest: [{ table: 'scopestack.projects', bytes: 30e6 }],
      netRows: 1000,
      rows: 10_000,
      bloated: null,
    }
    const young = database.decideSize({ ...facts, countedDays: null, installedDaysAgo: 0.5 })
    expect(young).toMatchObject({ level: 'ok', message: '40 MB. The largest: scopestack.projects 30 MB.' })
    const old = database.decideSize({ ...facts, countedDays: 20, installedDaysAgo: 10 })
    expect(old.message).toContain('it grows by about 400 kB a day')
    const bloated = { table: 'sync.known_pages', dead: 90_000, rows: 100 }
    expect(database.decideSize({ ...facts, countedDays: 20, installedDaysAgo: 10, bloated })).toMatchObject({
      level: 'warn',
      remedy: expect.stringContaining('vacuum sync.known_pages') as string,
    })
  })

  it.each([
    [{ waitsFor: '' }, 'ok'],
    [{ waitsFor: 'one', synchronousStandbys: 1, standbys: 1 }, 'ok'],
    [{ waitsFor: 'one' }, 'fail'],
    [{ waitsFor: 'one', seesStandbys: false }, 'ok'],
    [{ standby: true }, 'fail'],
    [{ readOnly: 'user' }, 'fail'],
    [{ replica: 'database' }, 'fail'],
  ])('replication %o: %s', (more, level) => {
    const facts = {
      standby: false,
      readOnly: null,
      replica: null,
      encoding: 'UTF8',
      standbys: 0,
      synchronousStandbys: 0,
      seesStandbys: true,
      waitsFor: '',
    }
    expect(database.decideReplication({ ...facts, ...more }).level).toBe(level)
  })

  it.each([
    [null, 0, 'ok'],
    [100e9, 1e9, 'ok'],
    [2.1e9, 1e9, 'ok'],
    [1.9e9, 1e6, 'warn'],
    [5e9, 8e9, 'warn'],
    [0.4e9, 1e6, 'fail'],
    [0, 0, 'fail'],
  ])('disk with %s bytes free and a database of %i: %s', (free, its, level) => {
    const found = host.decideDisk({ free, database: its })
    expect(found.level).toBe(level)
    if (level === 'fail') expect(found.code).toBe('SYNC_DATABASE_FULL')
  })
})

describe('ScopeStack and the books', () => {
  it('a clock that is off, with and without a database', () => {
    expect(remote.decideRemoteClock({ known: false, notice: null, hostAhead: null }).level).toBe('skip')
    expect(remote.decideRemoteClock({ known: true, notice: null, hostAhead: null }).level).toBe('ok')
    expect(remote.decideRemoteClock({ known: true, notice: "ScopeStack's clock is off.", hostAhead: null }).level).toBe(
      'warn',
    )
    expect(remote.decideRemoteClock({ known: true, notice: null, hostAhead: -300 }).message).toBe(
      "This host's clock is 5 minutes behind ScopeStack's.",
    )
    expect(host.decideHostClock(null).level).toBe('ok')
    expect(host.decideHostClock('Off.').level).toBe('warn')
  })

  it('the account', () => {
    const found = { id: '1', slug: 'a' }
    expect(remote.decideAccount({ found, bound: undefined }).level).toBe('ok')
    expect(remote.decideAccount({ found, bound: null }).level).toBe('ok')
    // A slug may change; the id is the account.
    expect(remote.decideAccount({ found, bound: { id: '1', slug: 'before' } }).level).toBe('ok')
    expect(remote.decideAccount({ found, bound: { id: '2', slug: 'a' } })).toMatchObject({
      level: 'fail',
      code: 'SYNC_WRONG_ACCOUNT',
    })
  })

  it('a living view that is not as asked warns, and so does a column that is kept for views of users', () => {
    const problems = [{ view: 'clients', problem: 'canceling statement due to lock timeout' }]
    expect(levels(mirror.decideViews({ views: 98, problems: [], kept: [] }))).toBe('ok')
    expect(levels(mirror.decideViews({ views: 98, problems, kept: ['projects_fields.region'] }))).toBe('warn warn')
  })

  it('a history that is broken, missing or not asked for warns, each on a line of its own', () => {
    const well = { recorded: ['projects'], broken: [], missing: [], surplus: [] }
    expect(levels(decideHistory(well))).toBe('ok')
    expect(levels(decideHistory({ ...well, broken: ['projects'] }))).toBe('warn')
    expect(levels(decideHistory({ ...well, broken: ['a'], missing: ['b'], surplus: ['c'] }))).toBe('warn warn warn')
  })

  it('drift that makes a column wrong warns, and other drift does not', () => {
    const drift = (kind: string) => [{ resource: 'tags', member: 'm', kind, sample: 's' }]
    expect(
      ['undeclared', 'gone', 'refused', 'withheld', 'misfit'].map((kind) =>
        levels(mirror.decideDrift({ drift: drift(kind), members: [] })),
      ),
    ).toEqual(['ok', 'ok', 'ok', 'warn', 'warn'])
    expect(levels(mirror.decideDrift({ drift: [], members: [] }))).toBe('ok')
  })

  it('members that became columns, and those that wait, have a line', () => {
    const member = {
      resource: 'tags',
      member: 'm',
      since: new Date(0),
      part: null,
      column: null,
      kind: null,
      target: null,
    }
    const other = { pinned: false, decidedBy: null, reason: null, evidence: 0, filledAt: null }
    const members = (['added', 'waiting'] as const).map((state) => ({ ...member, ...other, state }))
    expect(mirror.decideDrift({ drift: [], members })).toMatchObject([
      {
        level: 'ok',
        message:
          'Not described by this release: 1 member became columns by themselves, 1 waits. "columns list" names them.',
      },
    ])
  })

  it('the next three ticks, in their time zone and across a change of the clock', () => {
    const schedules = [readSchedule('full', '0 2 * * *', 'Europe/Berlin')]
    const [line] = mirror.decideSchedule({
      schedules,
      timeZone: 'Europe/Berlin',
      now: new Date('2026-10-23T12:00:00Z'),
    })
    expect(line!.message).toBe(
      'The next full runs: 2026-10-24 02:00, 2026-10-25 02:00, 2026-10-26 02:00 (Europe/Berlin).',
    )
    expect(line!.facts['next']).toEqual([
      '2026-10-24T00:00:00.000Z',
      '2026-10-25T00:00:00.000Z',
      '2026-10-26T01:00:00.000Z',
    ])
    expect(levels(mirror.decideSchedule({ schedules: [], timeZone: 'UTC', now: new Date() }))).toBe('warn')
    const often = [readSchedule('incremental', '* * * * *', 'UTC')]
    expect(levels(mirror.decideSchedule({ schedules: often, timeZone: 'UTC', now: new Date() }))).toBe('ok warn')
  })

  it('the schema', () => {
    const at = (applied: number | null, problem: string | null = null) =>
      mirror.decideSchema({ applied, newest: 2e12, problem }).level
    expect([at(2e12), at(null), at(1e12), at(3e12), at(2e12, 'Gone.')]).toEqual(['ok', 'warn', 'warn', 'warn', 'fail'])
  })
})

describe('a check', () => {
  const subject = openSubject(inspectSettings({ DATABASE_URL: 'postgres://u:p@h/d' }), new AbortController().signal)
  const run = async (read: () => unknown) => {
    const one = check({ name: 'x', title: 'X', seconds: () => 0.05, read: async () => await read(), decide: () => [] })
    const { findings, late } = await runCheck(one, subject, new AbortController().signal)
    return { ...findings[0]!, late }
  }

  it('whose source has been silent is not waited for again', async () => {
    const { signal } = new AbortController()
    const parts = { title: 'X', seconds: () => 0.05, decide: () => ok('Fine.') }
    const silent = check({ ...parts, name: 'silent', source: 'database', read: () => new Promise(() => {}) })
    const later = check({ ...parts, name: 'later', source: 'database', read: () => 1 })
    const other = check({ ...parts, name: 'other', source: 'ScopeStack', read: () => 1 })
    const lines: string[] = []
    for await (const line of linesOf([silent, later, other], subject, signal))
      lines.push(`${line.level} ${line.message}`)
    expect(lines).toEqual([
      expect.stringMatching(/^fail .*the database did not respond within 0\.05 s.*\(SYNC_CHECK_FAILED\)$/),
      'skip No response in time from the database.',
      'ok Fine.',
    ])
  })

  it('that throws is a line with its code, and one that hangs ends', async () => {
    const known = await run(() => Promise.reject(databaseUnreachable({ where: 'h' }, new Error('no'))))
    expect(known).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNREACHABLE', late: false })
    const driver = await run(() => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })))
    expect(driver).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNREACHABLE' })
    const bug = await run(() => Promise.reject(new TypeError('x is not a function')))
    expect(bug).toMatchObject({ level: 'fail', code: 'SYNC_CHECK_FAILED' })
    expect(bug.message).toContain('x is not a function. Fix that')
    const hangs = await run(() => new Promise(() => {}))
    expect(hangs).toMatchObject({ level: 'fail', code: 'SYNC_CHECK_FAILED', late: true })
    expect(await run(() => Promise.reject(new NotChecked('Why.')))).toMatchObject({ level: 'skip', message: 'Why.' })
  })
})

describe('the screen', () => {
  it('fits 80 columns, and repeats no reason', () => {
    const line = {
      title: 'Server version',
      level: 'fail',
      message: 'word '.repeat(40).trim(),
      remedy: 'do '.repeat(40).trim(),
      complete: false,
    } as const
    const shown = lineOf(line, 80)
    for (const text of shown) expect(widthOf(text)).toBeLessThanOrEqual(80)
    expect(shown[0]).toMatch(/^fail {2}Server version {4}word /)
    expect(shown.find((text) => text.includes('→'))).toMatch(/^ {24}→ do /)
    expect(lineOf(line, undefined)).toHaveLength(2)
    expect(lineOf({ ...line, message: 'a\u001b[2Jb\nc', complete: true }, undefined)).toEqual([
      'fail  Server version    a\\u001b[2Jb\\nc',
    ])
    expect(
      skippedLine(['Host clock', 'Local edits', 'ScopeStack clock'], 'The database cannot be reached.').message,
    ).toBe('Host clock, local edits, ScopeStack clock: the database cannot be reached.')
    expect(summaryOf({ ok: 9, warn: 0, fail: 0, skip: 0 })).toBe('All is well.')
    expect(summaryOf({ ok: 9, warn: 1, fail: 2, skip: 3 })).toBe(
      '2 failures and 1 warning. 3 checks could not be made.',
    )
  })
})

it('of the log of an embedded Postgres only known events are read, in words of ours', () => {
  const log = [
    '2026-11-29 06:00:00.123 UTC [12] LOG:  database system is ready to accept connections',
    '2026-11-29 06:00:01.123 UTC [13] ERROR:  duplicate key value violates unique constraint',
    '2026-11-29 06:00:01.123 UTC [13] DETAIL:  Key (id)=(secret) already exists.',
    "2026-11-29 06:00:01.123 UTC [13] STATEMENT:  insert into x values ('database system is shut down')",
    '2026-11-29 06:00:02.123 UTC [14] PANIC:  could not write to file "x": No space left on device',
  ].join('\n')
  expect(eventsIn(log)).toEqual([
    { at: '2026-11-29 06:00:00.123 UTC', event: 'ready' },
    { at: '2026-11-29 06:00:02.123 UTC', event: 'no space left' },
  ])
})
