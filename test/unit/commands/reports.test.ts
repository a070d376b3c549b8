/** How reports are written: for a person rounded and as wide as the terminal, as CSV with every digit. */
import { expect, it } from 'vitest'
import { REPORTS } from '../../../src/commands/reports/definitions.ts'
import { chartOf, tableOf } from '../../../src/commands/reports/layout.ts'
import { showRows } from '../../../src/commands/reports/show-rows.ts'
import { statementOf } from '../../../src/commands/reports/statement.ts'
import { csvOf, written } from '../../../src/commands/reports/written.ts'
import { widthOf } from '../../../src/screen/width.ts'

const numeric = { name: 'revenue', type: 'numeric' }
const textual = { name: 'client_name', type: 'text' }

it.each([
  ['12345678901234567890.5', numeric, '12,345,678,901,234,567,891'],
  ['99.45', numeric, '99.5'],
  ['5', { name: 'projects', type: 'bigint' }, '5'],
  ['0.3541', { name: 'margin', type: 'numeric' }, '35 %'],
  ['-0.041', { name: 'difference_share', type: 'numeric' }, '-4.1 %'],
  ['150', { name: 'effective_rate', type: 'numeric' }, '150.00'],
  ['185.5', { name: 'hourly_rate', type: 'numeric' }, '185.50'],
  [null, numeric, '–'],
  ['true', { name: 'never_sold', type: 'boolean' }, 'yes'],
  ['2026-07-01', { name: 'expected_month', type: 'date' }, '2026-07'],
  ['2026-07-01 10:20:30.5+00', { name: 'dated_at', type: 'timestamp with time zone' }, '2026-07-01 10:20'],
])('a person reads %s as %s', (value, column, wanted) => {
  expect(written(value, column, undefined).text).toBe(wanted)
})

it.each([
  ['month', '2026-07'],
  ['quarter', '2026-Q3'],
  ['year', '2026'],
])('a period of a %s is shortened', (by, wanted) => {
  expect(written('2026-07-01', { name: by, type: 'date' }, by).text).toBe(wanted)
})

it('CSV quotes by RFC 4180, keeps every digit, and makes no text a formula', () => {
  const values = [
    ['Smith, "Ltd"', '-12345678901234567890.123456789'],
    ['=cmd|calc', '0.10'],
    ['line\r\nbreak', null],
    ['+1', '1e-7'],
    ['@x', '1'],
    ['-dash', '2'],
    ['\ttab', '3'],
    ['', '4'],
  ]
  expect([...csvOf({ columns: [textual, numeric], values })].join('')).toBe(
    [
      'client_name,revenue',
      '"Smith, ""Ltd""",-12345678901234567890.123456789',
      "'=cmd|calc,0.10",
      '"line\r\nbreak",',
      "'+1,1e-7",
      "'@x,1",
      "'-dash,2",
      "'\ttab,3",
      ',4',
      '',
    ].join('\r\n'),
  )
})

const cell = (text: string, right = false) => ({ text, right })

it.each([40, 80, 200])('a table of wide characters is at most %i columns wide, and no number is cut', (width) => {
  const rows = [
    [
      cell('株式会社日本電気通信サービス東京本社営業部'),
      cell('1,234,567', true),
      cell('Äußerst langer Name der Phase 1'),
    ],
    [cell('Client 👩‍💻 with an emoji'), cell('12', true), cell('short')],
  ]
  const { lines, left } = tableOf(['client', 'revenue', 'phase name'], rows, width)
  expect(lines.every((line) => widthOf(line) <= width)).toBe(true)
  expect(lines[1]).toContain('1,234,567')
  expect(left).toEqual([])
  const ends = lines.map((line) => widthOf(line.slice(0, line.indexOf(/\d/.exec(line)?.[0] ?? 'revenue'))))
  expect(ends.length).toBe(3)
})

it('a table leaves out the last columns where even cut texts do not fit, and names them', () => {
  const rows = [['a', 'b', 'c'].map((text) => cell(text.repeat(30)))]
  const { lines, left } = tableOf(['one', 'two', 'three'], rows, 30)
  expect(left).toEqual(['three'])
  expect(lines[1]).toMatch(/^a+… {2}b+…$/)
})

it('a bar is as long as its value, and fits the terminal', () => {
  const bars = [
    { label: 'won', value: 100, text: '100' },
    { label: 'lost', value: 50, text: '50' },
    { label: 'none', value: 0, text: '0' },
    { label: '負', value: -25, text: '-25' },
  ]
  for (const width of [80, 200]) {
    const lines = chartOf(bars, width)
    const room = width - 4 - 3 - 4
    expect(lines.every((line) => widthOf(line) <= width)).toBe(true)
    expect(lines[0]).toBe(`won   100  ${'█'.repeat(room)}`)
    expect(widthOf(lines[1]!.replace(/^lost {3}50 {2}/, ''))).toBe(Math.ceil(room / 2))
    expect(lines[2]).toBe('none    0')
    expect(lines[3]).toMatch(/^負 {4}-25 {2}░+$/)
  }
  expect(chartOf([{ label: 'x', value: 0, text: '0' }], 80)).toEqual(['x  0'])
})

const client = REPORTS.find(({ name }) => name === 'revenue-by-client')!

it('a report is added up over its periods, and its fractions are calculated anew', () => {
  const { text, parameters } = statementOf(client, { since: '2026-01-01', by: 'quarter', outcome: 'won', limit: 5 }, [])
  expect(parameters).toEqual(['2026-01-01', 'won'])
  expect(text).toContain(`date_trunc('quarter', "month")::date as "quarter"`)
  expect(text).toContain('(sum("profit")) / nullif((sum("revenue")), 0)::numeric as "margin"')
  expect(text).toContain('group by 1, 2, 3, 4, 5')
  expect(text).toMatch(/order by 1, 7 desc nulls last/)
  expect(text).toMatch(/limit 5$/)
})

it('a chart names the currency where there are several, and what there is more', () => {
  const columns = ['client_id', 'client_name', 'outcome', 'currency', 'projects', 'revenue'].map((name) => ({
    name,
    type: ['projects', 'revenue'].includes(name) ? 'numeric' : 'text',
  }))
  const values = [
    ['1', 'Acme', 'won', 'Euro', '1', '10'],
    ['1', 'Acme', 'won', 'Yen', '1', '5'],
    ['2', 'Other', 'won', 'Yen', '1', '1'],
  ]
  const facts = { about: 'Revenue by client.', grain: 'One row per client.' }
  const lines = showRows(client, undefined, facts, { columns, values }, { most: 2, chart: true, width: 80 })
  expect(lines.slice(0, 5).map((line) => line.trimEnd())).toEqual([
    'Revenue by client.',
    '',
    'revenue',
    expect.stringMatching(/^Acme · won · Euro {2}10 {2}█+$/),
    expect.stringMatching(/^Acme · won · Yen {4}5 {2}█+▌?$/),
  ])
  expect(lines.at(-1)).toMatch(/^There are more rows/)
  const one = showRows(
    client,
    undefined,
    facts,
    { columns, values: values.slice(1) },
    { most: undefined, chart: false, width: undefined },
  )
  expect(one.join('\n')).not.toContain('Yen  ')
  expect(one.at(-1)).toBe('Amounts are in Yen.')
})
