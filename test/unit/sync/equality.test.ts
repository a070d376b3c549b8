/** When two values are one, and when one is what ScopeStack makes of the other. */
import { expect, it } from 'vitest'
import { isNearlySame, isSame } from '../../../src/store/changes/equality.ts'

it.each([
  ['decimal', '10.0', 10, true],
  ['decimal', '10.50', '10.5', true],
  ['decimal', '-0.00', 0, true],
  ['decimal', '12345678901234567.1', '12345678901234567.2', false],
  ['decimal', '', null, true],
  ['text', '', null, true],
  ['text', 'a\r\nb', 'a\nb', true],
  ['text', 'a', 'A', false],
  ['text', 7, '7', true],
  ['boolean', 'true', true, true],
  ['integer', '3', 3, true],
  ['json', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
  ['texts', ['a', 'b'], ['b', 'a'], false],
  ['texts', [], null, true],
  ['texts', [''], null, false],
  ['timestamp', '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05.000Z', true],
  ['timestamp', '2026-01-02T03:04:05.12+02:00', '2026-01-02 01:04:05.120Z', true],
  ['timestamp', '2026-01-02T03:04', '2026-01-02T03:04:00Z', true],
  ['timestamp', '2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.123Z', false],
  ['timestamp', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05+01:00', false],
] as const)('%s: %j and %j are the same: %j', (kind, a, b, same) => {
  expect(isSame(kind, a, b)).toBe(same)
})

it.each([
  ['decimal', '12.3457', '12.34567', true],
  ['decimal', '12.34', '12.349', true],
  ['decimal', 12.3457, '12.34567', true],
  ['decimal', '12.3457', '12.3467', false],
  ['decimal', '12.35', '12.3', false],
  ['decimal', '13', '12', false],
  ['decimal', null, '0.00001', false],
  ['decimal', 'n/a', '12345.6789', false],
  ['decimal', '1e999', '12345.6789', false],
  ['decimal', '12345.6', 'not a number', false],
  ['text', 'Acme', ' Acme ', true],
  ['text', 'Acme Inc.', 'Acme  Inc.', true],
  ['text', null, '  ', true],
  ['text', 'Acme', 'ACME', false],
  ['integer', '3', 4, false],
  ['json', '3.50', ' 3.50', true],
  ['texts', ['b', 'a'], ['a', 'b', 'a', ' '], true],
  ['texts', ['a'], ['a', 'b'], false],
  ['decimal', '123456789012345678901234567890.1235', '123456789012345678901234567890.12346', true],
  ['decimal', '123456789012345678901234567891.1', '123456789012345678901234567890.12346', false],
] as const)('%s: %j is what may become of %j: %j', (kind, held, given, nearly) => {
  expect(isNearlySame(kind, held, given)).toBe(nearly)
})
