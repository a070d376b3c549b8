/** What a person reads ends with its code, whichever way it takes to the person. */
import { describe, expect, it, test } from 'vitest'
import * as commands from '../../../src/errors/commands.ts'
import * as credentials from '../../../src/errors/credentials.ts'
import * as database from '../../../src/errors/database.ts'
import * as parked from '../../../src/errors/parked-changes.ts'
import * as redis from '../../../src/errors/redis.ts'
import * as requests from '../../../src/errors/requests.ts'
import * as resources from '../../../src/errors/resources.ts'
import {
  causeText,
  endsTheRun,
  exitCodeOf,
  factOf,
  hasCode,
  isCode,
  reason,
  type SyncError,
  withCode,
} from '../../../src/errors/sync-error.ts'
import { ERRORS } from '../../../src/errors/table.ts'
import * as waiting from '../../../src/errors/waiting-changes.ts'
import { problemsIn } from '../../../src/report/problems.ts'

/** Texts for whatever a factory takes: what is read of them is text, a number or a list. */
const ANYTHING = {
  url: 'https://api.example.org/x',
  to: '/login',
  planned: ['clients'],
  relations: ['public.clients'],
  schemas: ['scopestack_live'],
  startedAt: new Date(0),
  what: 'the change of clients 1',
  said: 'no.',
  problem: 'it is wrong',
  since: null,
}
const facts = new Proxy(ANYTHING, {
  get: (known, name) => (name in known ? known[name as keyof typeof known] : 7),
  has: () => true,
})

const FACTORIES = Object.entries({
  ...commands,
  ...credentials,
  ...database,
  ...parked,
  ...redis,
  ...requests,
  ...resources,
  ...waiting,
}) as [string, (facts: unknown, cause?: unknown) => SyncError][]

/** Those that take something else than facts. */
const GIVEN: Readonly<Record<string, unknown>> = {
  configInvalid: ['SYNC_RATE is odd.'],
  usage: 'No such resource.',
  noToken: requests.remoteFailed({ url: ANYTHING.url, status: 503, requestId: undefined }),
  embeddedFailed: new Error('it cannot start'),
}

test.each(FACTORIES)('the message of %s ends with its code, which the table has', (name, factory) => {
  const error = name in GIVEN ? factory(GIVEN[name]) : factory(facts, new Error('down'))
  expect(Object.keys(ERRORS)).toContain(error.code)
  expect(error.message).toMatch(new RegExp(`[ \\n]\\(${error.code}\\)$`))
  expect(error.lines.join('\n')).toBe(error.message)
  expect(reason(error)).toBe(error.message)
  // Once, and not in the middle of another sentence.
  expect(error.message.match(/\(SYNC_/g)).toHaveLength(1)
  expect(causeText(error)).not.toContain('(SYNC_')
  const { remedy } = ERRORS[error.code]
  expect([remedy].flat()).toContain(error.remedy)
})

describe('a code at the end of a text', () => {
  it('stands there once', () => {
    expect(withCode('It failed.', 'SYNC_BUSY')).toBe('It failed. (SYNC_BUSY)')
    expect(withCode('It failed. (SYNC_BUSY)', 'SYNC_BUSY')).toBe('It failed. (SYNC_BUSY)')
    expect(withCode('It is fine.', null)).toBe('It is fine.')
  })

  it('has a line of its own below a list', () => {
    expect(commands.configInvalid(['A.', 'B.']).message).toMatch(/:\n {2}- A\.\n {2}- B\.\n\(SYNC_CONFIG\)$/)
  })

  it('outlives what is taken out of the text', () => {
    const error = requests.remoteFailed({ url: ANYTHING.url, status: 503, requestId: 'secret' })
    const { message, facts: known } = error.mapTexts((text) => text.replaceAll(/secret|SYNC/g, '[secret]'))
    expect(message).toMatch(/\(request \[secret\]\).*\(SYNC_REMOTE_FAILED\)$/)
    expect(known).toMatchObject({ requestId: '[secret]', status: 503 })
  })
})

describe('what the table decides', () => {
  const refused = credentials.credentialsRefused({ url: ANYTHING.url, error: 'invalid_client', description: '' })
  const connections = { where: 'db:5432', need: 7, room: 1, limit: 'role', most: 5 }

  it('the exit code, and not where another try may fix it', () => {
    expect(exitCodeOf(refused)).toBe(77)
    expect(exitCodeOf(commands.usage('No.'))).toBe(64)
    expect(exitCodeOf(database.connectionsMissing({ ...connections, enough: false }))).toBe(78)
    expect(exitCodeOf(database.connectionsMissing({ ...connections, enough: true }))).toBe(1)
    expect(exitCodeOf(resources.forbidden({ url: ANYTHING.url }))).toBe(1)
    expect(exitCodeOf(new TypeError('x'))).toBe(1)
  })

  it('whether it ends the run', () => {
    expect(endsTheRun(refused)).toBe(true)
    expect(endsTheRun(resources.forbidden({ url: ANYTHING.url }))).toBe(false)
    expect(endsTheRun(new TypeError('x'))).toBe(false)
  })

  it('which facts there are', () => {
    const error: unknown = resources.requestRefused({ url: ANYTHING.url, status: 404, detail: '' })
    expect(hasCode(error, 'SYNC_BUSY', 'SYNC_REQUEST_REFUSED')).toBe(true)
    expect(hasCode(error, 'SYNC_BUSY')).toBe(false)
    expect(hasCode(error, 'SYNC_REQUEST_REFUSED') && error.facts.status).toBe(404)
    expect(factOf(error, 'status')).toBe(404)
    expect(factOf(error, 'seconds')).toBeUndefined()
    expect(isCode(null, 'SYNC_BUSY')).toBe(false)
    // @ts-expect-error a code that the table lacks does not compile
    expect(hasCode(error, 'SYNC_NONE')).toBe(false)
    // @ts-expect-error nor does a fact that no error has
    expect(factOf(error, 'colour')).toBeUndefined()
  })
})

test('each problem that status reports ends with a code', () => {
  const due = new Date('2026-11-28T02:00:00Z')
  const problems = problemsIn({
    at: new Date('2026-11-29T12:00:00Z'),
    isOlder: true,
    resources: [],
    runs: [],
    parked: [{ resource: 'tags', count: 1, since: due }],
    lostEdits: null,
    localEdits: { parked: 2 },
    parkedSince: due,
    schedules: [{ name: 'full', dueBy: () => new Date('2026-11-29T02:00:00Z'), nextAfter: () => due }],
    lastTicks: new Map([['full', due]]),
  })
  expect(problems.map(({ message }) => /\((SYNC_\w+)\)$/.exec(message)?.[1])).toEqual([
    'SYNC_SCHEMA_OLDER',
    'SYNC_OVERDUE',
    'SYNC_RECORDS_PARKED',
    'SYNC_CHANGES_PARKED',
  ])
})
