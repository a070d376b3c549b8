import { expect, test } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import { unauthorized } from '../../../src/errors/credentials.ts'
import { rateLimited, remoteFailed } from '../../../src/errors/requests.ts'
import { busy, forbidden, leaseLost } from '../../../src/errors/resources.ts'
import { actionOn } from '../../../src/jobs/job-outcome.ts'

const url = 'https://api.example.org/x'
const lost = Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })

test.each([
  ['a fault of the remote', remoteFailed({ url, status: 500, requestId: undefined }), 'retry', 'record'],
  ['a fault of ours', new TypeError('x is undefined'), 'retry', 'record'],
  ['a quota', rateLimited({ url, seconds: 200 }), 'wait', 'wait'],
  ['a resource that another run reads', busy({ resource: 'a', holder: 'b', since: 'c' }), 'wait', 'wait'],
  ['a lease that was lost', leaseLost({ resource: 'a', term: 1 }), 'wait', 'wait'],
  ['a database that is away', lost, 'wait', 'wait'],
  ['a stop on request', stopped(), 'hand-back', 'hand-back'],
  ['an area that may not be seen', forbidden({ url }), 'record', 'record'],
  ['credentials that are refused', unauthorized({ url }), 'end-run', 'end-run'],
])('%s', (_, error, action, last) => {
  expect(actionOn(error, { lastAttempt: false }).do).toBe(action)
  expect(actionOn(error, { lastAttempt: true }).do).toBe(last)
})

test('a wait lasts as long as was asked for, an hour at most', () => {
  const wait = (seconds: number) => actionOn(rateLimited({ url, seconds }), { lastAttempt: false })
  expect(wait(200)).toEqual({ do: 'wait', ms: 200_000 })
  expect(wait(100_000)).toEqual({ do: 'wait', ms: 3_600_000 })
})
