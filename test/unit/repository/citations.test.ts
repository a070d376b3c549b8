/** What a comment or a document points to exists: sections of the API notes and of the guide, files, headings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']
const texts = [
  ...['src', 'test', 'bench', 'migrations', 'docs', '.github'].flatMap((folder) => filesBelow(folder)),
  ...DOCUMENTS.filter((name) => existsSync(join(ROOT, name))),
]
  // What a migration names is left as it was when it ran.
  .filter((name) => /\.(ts|md|sql|ya?ml|sh)$/.test(name) && name !== 'test/unit/repository/citations.test.ts')
  .map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }))

/** Made while the program runs, and in no checkout. */
const IGNORED = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
const NOTES = readFileSync(join(ROOT, 'docs/api-notes.md'), 'utf8')

test('every cited section of the API notes exists', () => {
  const sections = new Set([...NOTES.matchAll(/^#{2,3} (\d+[a-z]?(?:\.\d+)?)\. /gm)].map((match) => match[1]))
  const missing = citations(/API notes/g).filter(({ section }) => !sections.has(section))
  expect(missing, 'not in docs/api-notes.md').toEqual([])
})

test('every cited section of the integration guide is one that the notes list', () => {
  const sections = new Set([...NOTES.matchAll(/^\| guide §(\d+) /gm)].map((match) => match[1]))
  const missing = citations(/\b[Gg]uide(?: \()?(?= ?§)/g).filter(({ section }) => !sections.has(section))
  expect(missing, 'not in the table of docs/api-notes.md').toEqual([])
})

test('every file that a comment or a document names exists', () => {
  const missing = texts
    .filter(({ name }) => !name.startsWith('migrations/'))
    .flatMap(({ name, text }) => {
      const prose = name.endsWith('.ts') ? commentsOf(text) : text
      // A name in a block of an example that is typed on another machine begins with a slash or a tilde.
      const paths = prose.matchAll(
        /(?<![\w/~.:@*<{-])(?:\.\.?\/)*(?:\.?[\w-]+\/)+\.?[\w.-]+\.(?:ts|md|sql|ya?ml|sh|json)\b/g,
      )
      return [...paths].map(([path]) => ({ name, path })).filter(({ path }) => !isThere(path, name))
    })
  expect(missing.map(({ name, path }) => `${name} names ${path}`)).toEqual([])
})

test('every folder that a document names in backquotes exists', () => {
  const missing = texts
    .filter(({ name }) => name.endsWith('.md'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/`((?:\.?[\w-]+\/)+)`/g)]
        .map((match) => match[1]!)
        .filter((path) => !IGNORED.includes(path) && !isThere(path, name))
        .map((path) => `${name} names ${path}`),
    )
  expect(missing).toEqual([])
})

test('every file that a document names without its folder exists', () => {
  const known = new Set(
    ['.', 'src', 'test', 'bench', 'docs', 'migrations', '.github']
      .flatMap((folder) => (folder === '.' ? readdirSync(ROOT) : filesBelow(folder)))
      .map((name) => name.split('/').at(-1)!),
  )
  const missing = texts
    .filter(({ name }) => name.endsWith('.md'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/`([\w-]+(?:\.[\w-]+)*\.(?:ts|md|sql|ya?ml|sh|json))`/g)]
        .map((match) => match[1]!)
        .filter((file) => !known.has(file))
        .map((file) => `${name} names ${file}`),
    )
  expect(missing).toEqual([])
})

test('every file that a link leads to exists', () => {
  const missing = texts
    .filter(({ name }) => name.endsWith('.md'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((path) => !/^[a-z]+:/.test(path) && !existsSync(join(ROOT, dirname(name), path)))
        .map((path) => `${name} links to ${path}`),
    )
  expect(missing).toEqual([])
})

test('every heading that a link leads to exists', () => {
  const missing = texts
    .filter(({ name }) => name.endsWith('.md'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([^)#\s]*)#([^)\s]+)\)/g)]
        .filter(([, path]) => !/^[a-z]+:/.test(path!))
        .filter(([, path, anchor]) => {
          const target = path === '' ? text : readFileSync(join(ROOT, dirname(name), path!), 'utf8')
          return !anchorsOf(target).includes(anchor!)
        })
        .map(([link]) => `${name} links to ${link.slice(2, -1)}`),
    )
  expect(missing).toEqual([])
})

test('the scan sees lists and ranges of sections', () => {
  expect(sectionsAfter(' §2, §10). Categories')).toEqual(['2', '10'])
  expect(sectionsAfter(' §6, §10–12). */')).toEqual(['6', '10', '11', '12'])
  expect(sectionsAfter(' §4–§7).')).toEqual(['4', '5', '6', '7'])
  expect(sectionsAfter(' §2b). Verbs')).toEqual(['2b'])
  expect(sectionsAfter(' apart from the catalog')).toEqual([])
})

/** The sections cited behind each match, which may stand on the next line of a comment. */
function citations(what: RegExp): { name: string; section: string }[] {
  return texts.flatMap(({ name, text }) => {
    const joined = text.replace(/\s+(?:\*|\/\/|--)?\s*(?=§)/g, ' ')
    return [...joined.matchAll(what)].flatMap((match) =>
      sectionsAfter(joined.slice(match.index + match[0].length)).map((section) => ({ name, section })),
    )
  })
}

/** ` §2, §10–12` is 2, 10, 11 and 12. */
function sectionsAfter(text: string): string[] {
  const list = /^[ ,(]*(§[\d.]+[a-z]?(?:[–-]§?\d+)?(?:(?:, | and )§[\d.]+[a-z]?(?:[–-]§?\d+)?)*)/.exec(text)?.[1] ?? ''
  return [...list.matchAll(/§(\d+[a-z]?(?:\.\d+)?)(?:[–-]§?(\d+))?/g)].flatMap(([, first, last]) =>
    last === undefined
      ? [first!]
      : Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => String(Number(first) + index)),
  )
}

/** Seen from the root, from src/, from migrations/, or from any folder that the text is in. */
function isThere(path: string, from: string): boolean {
  const above = dirname(from)
    .split('/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/'))
  return ['', 'src', 'migrations', ...above].some((base) => existsSync(join(ROOT, base, path)))
}

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#{1,6} (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Strings are stepped over, so that `'https://…'` is no comment. */
function commentsOf(text: string): string {
  const parts = text.matchAll(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(\/\/[^\n]*|\/\*[^]*?\*\/)/g)
  return [...parts].map((match) => match[1] ?? '').join('\n')
}

function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}
