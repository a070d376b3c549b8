import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'
import { errorsDocs } from '../../../src/errors/docs.ts'
import { ERRORS } from '../../../src/errors/table.ts'

const ROOT = join(import.meta.dirname, '../../..')

const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return { name: relative(ROOT, path).replaceAll(sep, '/'), text: readFileSync(path, 'utf8') }
  })
const own = files.filter(({ name }) => name.startsWith('src/errors/'))
const others = files.filter(({ name }) => !name.startsWith('src/errors/'))

const isDeclaration = ({ name }: { name: string }): boolean =>
  name.startsWith('src/errors/codes/') || name === 'src/errors/facts.ts'

test('every code of the table is used outside it, or by a factory', () => {
  const texts = files.filter((file) => !isDeclaration(file)).map(({ text }) => text)
  const used = new Set(texts.flatMap((text) => text.match(/(?<=')SYNC_[A-Z_]+(?=')/g) ?? []))
  expect(Object.keys(ERRORS).filter((code) => !used.has(code))).toEqual([])
})

test('a factory is the only way to an error, and stands in src/errors/', () => {
  const made = others.filter(({ text }) => /\bnew SyncError\b|\bsyncError\(/.test(text))
  expect(made.map(({ name }) => name)).toEqual([])
  const constructed = own.filter(({ text }) => /\bnew SyncError\b/.test(text))
  expect(constructed.map(({ name }) => name)).toEqual(['src/errors/sync-error.ts'])
})

test('no code is compared as text: hasCode and isCode know which codes there are', () => {
  const wrong = files.flatMap(({ name, text }) => comparisonsIn(text).map((found) => `${name}: ${found}`))
  expect(wrong).toEqual([])
})

test('no fact is read by a name that the table does not know', () => {
  const wrong = files.filter(({ text }) => /\bfacts\??\.?\[/.test(text))
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test('the scan for comparisons sees each of their forms', () => {
  const forms = [
    `if (error.code === 'SYNC_BUSY') return`,
    `if ('SYNC_BUSY' != error.code) return`,
    `switch (code) { case 'SYNC_BUSY': return }`,
    `code.startsWith('SYNC_REDIS_')`,
    `['SYNC_BUSY', 'SYNC_NOT_YET'].includes(code)`,
    `const CODES: ReadonlySet<string> = new Set(['SYNC_BUSY'])`,
  ]
  expect(forms.map((text) => comparisonsIn(text).length)).toEqual(forms.map(() => 1))
  expect(comparisonsIn(`hasCode(error, 'SYNC_BUSY')`)).toEqual([])
})

test('docs/errors.md is what the table says: npm run errors:docs', () => {
  expect(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')).toBe(errorsDocs())
})

function comparisonsIn(text: string): string[] {
  const code = `'SYNC_[A-Z_]*'`
  const forms = [
    `[!=]==?\\s*${code}`,
    `${code}\\s*[!=]==?`,
    `case\\s+${code}`,
    `\\.(?:startsWith|endsWith|includes)\\(\\s*${code}`,
    `\\[[^\\]]*${code}[^\\]]*\\]\\.(?:includes|indexOf)\\(`,
    `new Set(?:<string>)?\\(\\[\\s*${code}`,
  ]
  return text.match(new RegExp(forms.join('|'), 'g')) ?? []
}
