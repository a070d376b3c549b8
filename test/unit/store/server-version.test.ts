import { expect, it } from 'vitest'
import { assertSupportedVersion } from '../../../src/store/server/fitness.ts'

it.each([
  [90_624, '9.6.24'],
  [140_018, '14.18 (Debian 14.18-1)'],
  [149_999, '14.99'],
])(
  'refuses PostgreSQL %i, older than the oldest that is tested, by its name and with what is needed',
  (number, version) => {
    const sentence = `PostgreSQL ${version}, and scopestack-sync needs 15 or newer.`
    expect(() => assertSupportedVersion({ number, version })).toThrow(
      expect.objectContaining({
        code: 'SYNC_DATABASE_REFUSED',
        remedy: 'stop',
        message: expect.stringContaining(sentence),
      }),
    )
  },
)

it.each([150_000, 150_018, 160_014, 170_010, 180_004, 190_000])('takes %i', (number) => {
  expect(() => assertSupportedVersion({ number, version: String(number) })).not.toThrow()
})
