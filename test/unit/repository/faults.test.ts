/** docs/faults.md is that of the matrix and of its results, and the tests that the matrix names exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultsDocs, type Results } from '../../support/faults/docs.ts'
import { FAULTS, trials } from '../../support/faults/matrix.ts'
import { nameOf, OPERATIONS, titleOf } from '../../support/faults/names.ts'
import { ELSEWHERE, SHORT } from '../../support/faults/short.ts'

const ROOT = join(import.meta.dirname, '../../..')
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

test('docs/faults.md is current: npm run faults:docs', () => {
  expect(read('docs/faults.md')).toBe(faultsDocs(JSON.parse(read('test/support/faults/results.json')) as Results))
})

test('each test that proves a cell of the matrix exists', () => {
  const named = FAULTS.flatMap(({ cells }) =>
    Object.values(cells).flatMap((cell) => (cell.kind === 'test' ? [cell] : [])),
  )
  const missing = named.filter(({ file, title }) => !existsSync(join(ROOT, file)) || !read(file).includes(title))
  expect(missing.map(({ file, title }) => `${file}: ${title}`)).toEqual([])
})

test('its short form tries what there is: each fault and each operation that is run at all', () => {
  const all = [...trials(false), ...trials(true)]
  const chosen = all.filter((one) => SHORT.includes(nameOf(one)))
  expect(SHORT.filter((name) => !all.some((one) => nameOf(one) === name))).toEqual([])
  const tried = new Set(chosen.map(({ fault }) => fault))
  expect(
    all.flatMap(({ fault }) => (tried.has(fault) || ELSEWHERE.includes(titleOf(fault)) ? [] : [titleOf(fault)])),
  ).toEqual([])
  const operations = new Set<string>(chosen.map(({ operation }) => operation))
  expect(Object.keys(OPERATIONS).filter((name) => !operations.has(name))).toEqual([])
})
