/** Sources for dbt, as a parser of YAML reads them. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { catalog } from '../../../src/catalog/registry.ts'
import { dbtSources } from '../../../src/dictionary/dbt.ts'
import { catalogDictionary, type Dictionary } from '../../../src/dictionary/dictionary.ts'

interface Column {
  name: string
  description?: string
  data_type: string
  quote?: boolean
  data_tests?: (string | { relationships: { arguments: { to: string; field: string }; config: object } })[]
}
interface File {
  version: number
  sources: { name: string; schema: string; tables: { name: string; description: string; columns: Column[] }[] }[]
}

const known = catalogDictionary(catalog)
const read = (dictionary: Dictionary): File =>
  parse(dbtSources(dictionary), { version: '1.1', strict: true, uniqueKeys: true }) as File

test('every table of the catalog is a table of the source, with its columns, types and comments', () => {
  const { version, sources } = read(known)
  expect(version).toBe(2)
  expect(sources.map(({ name, schema }) => [name, schema])).toEqual([['scopestack', 'scopestack']])
  const tables = new Map(sources[0]!.tables.map((table) => [table.name, table]))
  expect([...tables.keys()].toSorted()).toEqual([...catalog.values()].map(({ table }) => table).toSorted())
  for (const { table, comment, columns } of catalog.values()) {
    const shown = tables.get(table)!
    expect(shown.description).toBe(comment)
    const held = new Map(shown.columns.map((column) => [column.name, column]))
    for (const column of columns) expect(held.get(column.name)?.description).toBe(column.comment)
    expect(held.get('id')!.data_tests).toEqual(['unique', 'not_null'])
  }
})

test('each to-one has a test of living rows, to a table and column that are there, and a list has none', () => {
  const { tables } = read(known).sources[0]!
  const names = new Set(tables.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column.name}`)))
  let count = 0
  for (const { columns } of tables) {
    for (const { data_tests: all = [], data_type: type } of columns) {
      for (const one of all) {
        if (typeof one === 'string') continue
        const { arguments: given, config } = one.relationships
        const target = /^source\('scopestack', '(\w+)'\)$/.exec(given.to)![1]!
        expect(names).toContain(`${target}.${given.field}`)
        expect(config).toEqual({ severity: 'warn', where: 'sync_deleted_at is null' })
        expect(type).toBe('text')
        count++
      }
    }
  }
  expect(count).toBeGreaterThan(90)
})

test('names that SQL reserves are quoted', () => {
  const { tables } = read(known).sources[0]!
  const column = tables.find(({ name }) => name === 'rate_tables')!.columns.find(({ name }) => name === 'default')
  expect(column).toMatchObject({ quote: true })
})

test('texts of an account are texts, whatever they hold', () => {
  const hostile = [
    'yes',
    'null',
    '1.0',
    '{{ run() }}',
    '{% x %}',
    '{# x #}',
    'a: b',
    '# c',
    '- d',
    'it\'s "quoted"',
    '*a &b !c',
    '|',
    '>',
    '@`',
    'new\nline',
    '\u2028',
    ' padded ',
    '~',
    '<<',
    '0x1F',
    '12:30:45',
  ]
  const [area] = known.areas
  const [table] = area!.tables
  const odd = {
    ...known,
    areas: [
      {
        ...area!,
        tables: [
          {
            ...table!,
            comment: hostile.join(' '),
            columns: hostile.map((name) => ({ ...table!.columns[1]!, name, comment: name, key: null, target: null })),
          },
        ],
      },
    ],
  }
  const [shown] = read(odd).sources[0]!.tables
  expect(shown!.columns.map(({ name }) => name)).toEqual(hostile)
  for (const { name, description, quote } of shown!.columns) {
    expect(typeof description).toBe('string')
    expect(description).not.toMatch(/\{[{%#]/)
    if (!/^[a-z]+$/.test(name)) expect(quote).toBe(true)
  }
})
