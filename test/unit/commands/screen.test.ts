import { expect, it } from 'vitest'
import { wrapped } from '../../../src/commands/output/format.ts'
import { visible, visibleJson } from '../../../src/screen/visible.ts'
import { clipped, padEnd, widthOf } from '../../../src/screen/width.ts'

it.each([
  ['\u001b[31m', '\\u001b[31m'],
  ['bell\u0007', 'bell\\u0007'],
  ['a\r\nb\tc', 'a\\r\\nb\\tc'],
  ['\u009b \u0085 \u007f', '\\u009b \\u0085 \\u007f'],
  ['\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
  ['a\u200bb\ufeff\u2028', 'a\\u200bb\\ufeff\\u2028'],
  ['tag \u{e0041}', 'tag \\udb40\\udc41'],
  [`half ${String.fromCharCode(0xd83d)}`, 'half \\ud83d'],
  ['Zoë — 日本 · 👍🏽 ❤️ “x”', 'Zoë — 日本 · 👍🏽 ❤️ “x”'],
])('shows %j', (text, shown) => {
  expect(visible(text)).toBe(shown)
  expect(visible(shown), 'once is enough').toBe(shown)
})

it('is the same value when the JSON is read back, whatever it is', () => {
  const units = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit))
  // Each alone, so that no two halves meet.
  const text = units.join(' ') + '\u{e0041}\u{e0100}\u{1f44d}'
  const json = visibleJson({ [text]: [text] })
  expect(JSON.parse(json)).toEqual({ [text]: [text] })
  expect(json).not.toMatch(/[\p{C}\u2028\u2029\u115f\u3164](?<!\p{Co}|(?!\p{Noncharacter_Code_Point})\p{Cn})/u)
})

it.each([
  ['plain', 5],
  ['日本', 4],
  ['ｱｲ', 2],
  ['e\u0301', 1],
  ['👍🏽', 2],
  ['❤️', 2],
  ['🇩🇪', 2],
  ['✓ ·', 3],
])('%s takes %i columns', (text, columns) => expect(widthOf(text)).toBe(columns))

it('cuts and fills by columns, between letters', () => {
  expect(clipped('日本語です', 5)).toBe('日本…')
  expect(clipped('日本', 4)).toBe('日本')
  expect(clipped('👍🏽👍🏽', 3)).toBe('👍🏽…')
  expect(padEnd('日本', 6)).toBe('日本  ')
})

it('breaks a sentence between words, and shows the breaks that came with it', () => {
  const lines = wrapped(`one two\nthree ${'日'.repeat(20)} four`, '  ', 30)
  expect(lines).toEqual(['  one two\\nthree', `    ${'日'.repeat(20)}`, '    four'])
})
