import { expect, it } from 'vitest'
import { nextStep } from '../../../src/remote/auth/with-token.ts'

const fresh = { generation: 5, renewed: 0, rejected: false, resent: false }

it.each([
  ['no doubt', undefined, fresh, 'return'],
  ['a 401', 'refused', fresh, 'reject'],
  ['a second 401', 'refused', { ...fresh, rejected: true }, 'give up'],
  ['a 401 after a renewal', 'refused', { ...fresh, renewed: 5 }, 'reject'],
  ['a first 403', 'perhaps', fresh, 'renew'],
  ['a 403 with a newer token than the renewed one', 'perhaps', { ...fresh, renewed: 4 }, 'renew'],
  ['a 403 with the renewed token', 'perhaps', { ...fresh, renewed: 5 }, 'return'],
  ['a 403 with an older token than the renewed one', 'perhaps', { ...fresh, renewed: 6 }, 'resend'],
  ['the same once more', 'perhaps', { ...fresh, renewed: 6, resent: true }, 'return'],
] as const)('%s leads to the right step', (_, doubt, attempt, expected) => {
  expect(nextStep(doubt, attempt)).toBe(expected)
})
