import { expect, test } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import { unauthorized } from '../../../src/errors/credentials.ts'
import { rateLimited, remoteFailed } from '../../../src/errors/requests.ts'
import { busy, forbidden, leaseLost } from '../../../src/errors/resources.ts'
import { actionOn, actionOnPush } from '../../../src/jobs/job-outcome.ts'

const url = 'https://api.example.org/x'
const lost = Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })
const wait = { do: 'wait', ms: 2_000 }
const waitLogged = { do: 'wait', ms: 30_000, failed: true }

test.each([
  ['a failure of the remote', remoteFailed({ url, status: 500, requestId: undefined }), 'retry', 'record', waitLogged],
  ['a bug', new TypeError('x is undefined'), 'retry', 'record', waitLogged],
  ['a rate limit', rateLimited({ url, seconds: 200 }), 'wait', 'wait', { do: 'wait', ms: 200_000 }],
  ['a resource with another holder', busy({ resource: 'a', holder: 'b', since: 'c' }), 'wait', 'wait', wait],
  ['a lost lease', leaseLost({ resource: 'a', term: 1 }), 'wait', 'wait', wait],
  ['a database that is away', lost, 'wait', 'wait', wait],
  ['a stop on request', stopped(), 'hand-back', 'hand-back', { do: 'hand-back' }],
  ['a resource that the role may not see', forbidden({ url }), 'record', 'record', waitLogged],
  ['refused credentials', unauthorized({ url }), 'end-run', 'end-run', waitLogged],
])('%s: a run, its last attempt, a push', (_, error, action, last, push) => {
  expect(actionOn(error, { lastAttempt: false }).do).toBe(action)
  expect(actionOn(error, { lastAttempt: true }).do).toBe(last)
  expect(actionOnPush(error)).toEqual(push)
})

test('a wait lasts as long as the server demands, an hour at most', () => {
  const waitOf = (seconds: number) => actionOn(rateLimited({ url, seconds }), { lastAttempt: false })
  expect(waitOf(200)).toEqual({ do: 'wait', ms: 200_000 })
  expect(waitOf(100_000)).toEqual({ do: 'wait', ms: 3_600_000 })
})
