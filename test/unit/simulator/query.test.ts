import { expect, test } from 'vitest'
import { pathTest } from '../../../src/simulator/control/faults.ts'
import { setSwitches } from '../../../src/simulator/control/switch-checks.ts'
import { csvLine } from '../../../src/simulator/read/query.ts'
import { decimal } from '../../../src/simulator/records/numbers.ts'
import { createRandom } from '../../../src/simulator/records/random.ts'
import { switchesOf } from '../../../src/simulator/switches.ts'
import { cast } from '../../../src/simulator/write/casts.ts'

test('a filter value is one line of CSV', () => {
  expect(csvLine('a,b')).toEqual(['a', 'b'])
  expect(csvLine('"a,b",c')).toEqual(['a,b', 'c'])
  expect(csvLine('"say ""hi"""')).toEqual(['say "hi"'])
  expect(csvLine('')).toEqual([''])
})

test('decimals have at least one digit after the point', () => {
  expect([23, 0.1, 12.345678, -4].map(decimal)).toEqual(['23.0', '0.1', '12.3457', '-4.0'])
})

test('written values are converted and never refused', () => {
  const of = (kind: 'decimal' | 'boolean' | 'integer' | 'date', value: unknown): unknown =>
    cast({ kind, nullable: true, access: 'seen' }, value)
  expect([of('decimal', 'abc'), of('decimal', ''), of('decimal', 7), of('decimal', '2.50')]).toEqual([
    '0.0',
    null,
    '7.0',
    '2.5',
  ])
  expect(
    ['123456789012345678901234567890.12345', '-0.00005', '-.00004', '1.5e3', '99.99995'].map((value) =>
      of('decimal', value),
    ),
  ).toEqual(['123456789012345678901234567890.1235', '-0.0001', '0.0', '1500.0', '100.0'])
  expect([
    of('boolean', 'false'),
    of('boolean', 1),
    of('integer', '12.9'),
    of('date', '2026-02-03T04:05:06Z'),
    of('date', 'soon'),
  ]).toEqual([false, true, 12, '2026-02-03', null])
})

test('a fault matches a path by a part of it or by a pattern', () => {
  expect(pathTest('/v1/tags')('/demo/v1/tags')).toBe(true)
  expect(pathTest('/tags$/')('/demo/v1/tags/5')).toBe(false)
  expect(pathTest('/v1\\/projects\\/\\d+$/')('/demo/v1/projects/12')).toBe(true)
})

test('switches are set all together or not at all', () => {
  const switches = switchesOf('help-pages')
  expect(setSwitches(switches, { pageMax: 10, latency: -1 })).toContain('latency takes a whole number')
  expect(switches.pageMax).toBe(250)
  expect(setSwitches(switches, { pageMax: 10, tokenLifetime: null, refusedSorts: { projects: ['id'] } })).toBe(null)
  expect(switches.pageMax).toBe(10)
})

test('random numbers are repeatable and evenly spread', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed)
    return Array.from({ length: 1000 }, () => random.between(1, 10))
  }
  expect(draw(3)).toEqual(draw(3))
  expect(new Set(draw(3)).size).toBe(10)
})
