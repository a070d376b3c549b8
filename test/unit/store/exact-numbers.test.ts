/** No digit of a number is lost, wherever it stands in a body: only bodies that may hold such a number are read the slow way. */
import { assert, oneof, property, string, stringMatching } from 'fast-check'
import { expect, test } from 'vitest'
import { parseExact } from '../../../src/exact-json.ts'

const number = stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?$/)

/** The same for two spellings of one number: its digits without zeros at the end, and where the point is. */
function normal(spelling: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(spelling)!
  const all = BigInt(whole! + fraction)
  if (all === 0n) return '0'
  const significant = String(all).replace(/0+$/, '')
  return `${sign}${significant} ${Number(exponent) - fraction.length + String(all).length - significant.length}`
}

test('every digit of a number is kept, at any place of a body', () => {
  const gap = stringMatching(/^[ \n\r\t]{0,40}$/)
  // Texts that hold digits, too, so that numbers stand at every distance from the beginning and from each other.
  const before = oneof(stringMatching(/^[0-9]{0,40}$/), number, string({ maxLength: 40 })).map((text) =>
    JSON.stringify(text),
  )
  assert(
    property(before, gap, number, gap, number, (text, left, first, right, second) => {
      const read = parseExact(`{"a":[${text},${left}${first}${right}],"b":${left}${second}${right}}`) as {
        a: unknown[]
        b: unknown
      }
      // One that no numeric can hold stays a text.
      const shown = [read.a[1], read.b].map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
      expect(shown.map(normal)).toEqual([first, second].map(normal))
      expect(JSON.stringify(read.a[0])).toBe(text)
    }),
    { numRuns: 2_000 },
  )
})

test('a body that is nothing but a number keeps its digits', () => {
  for (const digits of ['12345678901234567890', '-12345678901234567890.5', ' 0.12345678901234567891 ']) {
    expect(JSON.stringify(parseExact(digits))).toBe(digits.trim())
  }
  expect(parseExact('1E+400')).toBe('1E+400')
})
