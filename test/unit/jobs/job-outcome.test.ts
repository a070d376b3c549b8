import { expect, test } from 'vitest'
import * as errors from '../../../src/errors/errors.ts'
import { actionOn } from '../../../src/jobs/job-outcome.ts'

const url = 'https://api.example.org/x'
const lost = Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })

test.each([
  ['a fault of the remote', errors.remoteFailed({ url, status: 500, requestId: undefined }), 'retry', 'record'],
  ['a fault of ours', new TypeError('x is undefined'), 'retry', 'record'],
  ['a quota', errors.rateLimited({ url, seconds: 200 }), 'wait', 'wait'],
  ['a resource that somebody is at', errors.busy({ resource: 'a', holder: 'b', since: 'c' }), 'wait', 'wait'],
  ['a lease that was lost', errors.leaseLost({ resource: 'a', term: 1 }), 'wait', 'wait'],
  ['a database that is away', lost, 'wait', 'wait'],
  ['a stop on request', errors.stopped(), 'hand-back', 'hand-back'],
  ['an area that may not be seen', errors.forbidden({ url }), 'record', 'record'],
  ['credentials that are refused', errors.unauthorized({ url }), 'end-run', 'end-run'],
])('%s', (_, error, verdict, last) => {
  expect(actionOn(error, { lastAttempt: false }).do).toBe(verdict)
  expect(actionOn(error, { lastAttempt: true }).do).toBe(last)
})

test('a wait lasts as long as was asked for, an hour at most', () => {
  const wait = (seconds: number) => actionOn(errors.rateLimited({ url, seconds }), { lastAttempt: false })
  expect(wait(200)).toEqual({ do: 'wait', ms: 200_000 })
  expect(wait(100_000)).toEqual({ do: 'wait', ms: 3_600_000 })
})
