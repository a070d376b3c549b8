/** ARCHITECTURE.md is the whole map: every folder, every package and every decision is on it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const MAP = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')

const foldersOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`)

test('each folder of src/ is on the map, and those of remote/, sync/ and store/ with each of theirs', () => {
  const folders = [...foldersOf('src'), ...['src/remote', 'src/sync', 'src/store'].flatMap(foldersOf)]
  const parents = ['src/remote', 'src/sync', 'src/store']
  const missing = folders.filter((name) => !parents.includes(name) && !MAP.includes(`\`${name}/\``))
  expect(missing, 'not in the table of folders').toEqual([])
})

test('each package has its reason', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>
  const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
  const table = MAP.slice(MAP.indexOf('## Packages'))
  // All packages of a scope may have one reason.
  const isNamed = (name: string): boolean =>
    [name, name.replace(/^(@[^/]+\/).*/, '$1\\*')].some((one) => new RegExp(`[ |]${one}[ ,|(]`).test(table))
  const missing = names.filter((name) => !name.startsWith('@types/') && !isNamed(name))
  expect(missing, 'not in the table of packages').toEqual([])
})

test('each decision is linked', () => {
  const missing = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => !MAP.includes(`(docs/decisions/${name})`))
  expect(missing).toEqual([])
})
