/** What becomes of a change at which something failed: each failure, each kind of change. */
import { expect, it } from 'vitest'
import type { Write } from '../../../src/catalog/resource.ts'
import { stopped } from '../../../src/errors/commands.ts'
import { rateLimited, remoteFailed, remoteUnreachable } from '../../../src/errors/requests.ts'
import { forbidden, leaseLost, requestRefused } from '../../../src/errors/resources.ts'
import { claimLost, rowRejected, withoutEffect } from '../../../src/errors/waiting-changes.ts'
import { failureOf, reactionTo, type Failure, type Reaction } from '../../../src/sync/push/on-failure.ts'

const url = 'https://x.test'
const what = 'the change of clients 1'
const ofPostgres = (code: string) => Object.assign(new Error('It said no.'), { code, severity: 'ERROR' })

const FAILURES: Record<Failure, readonly unknown[]> = {
  'row locked': [ofPostgres('55P03'), ofPostgres('40P01')],
  'not storable': [ofPostgres('22P05'), ofPostgres('23514')],
  'row rejected': [ofPostgres('P0001'), ofPostgres('42703'), rowRejected({ what, said: 'No.' }, null)],
  'passed on': [claimLost({ change: 1, term: 2 })],
  forbidden: [forbidden({ url })],
  refused: [requestRefused({ url, status: 409, detail: '' })],
  'asked to wait': [rateLimited({ url, seconds: 3 })],
  'asked to wait, sent': [rateLimited({ url, seconds: 3, status: 503 })],
  'no response': [remoteUnreachable({ url }, new Error('reset'))],
  failed: [remoteFailed({ url, status: 500, requestId: undefined }), withoutEffect({ what, why: 'it was odd' })],
  'every change': [
    stopped(),
    leaseLost({ resource: 'push', term: 1 }),
    new TypeError('a mistake of ours'),
    ofPostgres('57P01'),
  ],
}

it.each(Object.entries(FAILURES))('%s', (failure, errors) => {
  expect(errors.map(failureOf)).toEqual(errors.map(() => failure))
})

const EVERY: Record<Failure, readonly [create: Reaction, edit: Reaction]> = {
  'row locked': ['wait for the row', 'wait for the row'],
  'not storable': ['park', 'park'],
  'row rejected': ['wait for the row', 'wait for the row'],
  'passed on': ['drop', 'drop'],
  forbidden: ['park', 'park'],
  refused: ['ask why', 'ask why'],
  'asked to wait': ['stop', 'stop'],
  'asked to wait, sent': ['later', 'stop'],
  'no response': ['later', 'later, end'],
  failed: ['later', 'later'],
  'every change': ['stop', 'stop'],
}

it.each(
  (Object.keys(EVERY) as Failure[]).flatMap((failure) =>
    (['create', 'update', 'delete'] as Write[]).map((op) => [failure, op] as const),
  ),
)('%s, of a %s', (failure, op) => expect(reactionTo(failure, op)).toBe(EVERY[failure][op === 'create' ? 0 : 1]))
