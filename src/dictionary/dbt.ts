/**
 * The dictionary as sources of dbt, in YAML: every table with its comments, and the tests that hold of the mirror. The syntax is
 * that of dbt 1.10.5 and later (`data_tests`, `arguments`).
 */
import { visible } from '../screen/visible.ts'
import { tablesOf, type Dictionary, type DictionaryColumn, type DictionaryTable } from './dictionary.ts'
import { sourceSentence } from './wording.ts'

/** What YAML is made of here; an object's members stand in their order. */
type Node = string | boolean | readonly Node[] | { readonly [key: string]: Node }

const SCHEMAS: Readonly<Record<string, string>> = {
  scopestack: 'The mirror of a ScopeStack account. Deleted records stay, with sync_deleted_at.',
  scopestack_live: 'Its living rows, the pairs of to-manys, and user-defined fields as columns.',
  scopestack_history: 'What rows were at which time.',
}

/** @returns the whole file. */
export function dbtSources(dictionary: Dictionary): string {
  const bySchema = Map.groupBy(tablesOf(dictionary), ({ schema }) => schema)
  const known = new Set(tablesOf(dictionary).map(({ schema, name }) => `${schema}.${name}`))
  const sources = [...bySchema].map(([schema, tables]) => ({
    name: schema,
    schema,
    description: text(SCHEMAS[schema] ?? `Schema ${schema}.`),
    tables: tables.map((table) => tableOf(table, known)),
  }))
  const head = [
    sourceSentence(dictionary),
    'Made by "dictionary --dbt"; make it again after an upgrade. Needs dbt 1.10.5 or newer.',
    'A relationship warns: a row may refer to a record that is deleted, or that the service account may not see.',
  ]
  return `${head.map((line) => `# ${visible(line)}\n`).join('')}${yaml({ version: '2', sources }, 0)}`
}

function tableOf(table: DictionaryTable, known: ReadonlySet<string>): Node {
  return {
    name: table.name,
    ...(table.comment === '' ? {} : { description: text(table.comment) }),
    columns: table.columns.map((column) => columnOf(column, table, known)),
  }
}

function columnOf(column: DictionaryColumn, table: DictionaryTable, known: ReadonlySet<string>): Node {
  const tests = testsOf(column, table, known)
  return {
    name: column.name,
    ...(column.comment === '' ? {} : { description: text(column.comment) }),
    data_type: column.type,
    ...(isPlain(column.name) ? {} : { quote: true }),
    ...(tests.length === 0 ? {} : { data_tests: tests }),
  }
}

function testsOf(column: DictionaryColumn, table: DictionaryTable, known: ReadonlySet<string>): Node[] {
  if (column.key === 'primary') return ['unique', 'not_null']
  // A list is joined by its link view.
  if (column.key !== 'foreign' || column.target === null) return []
  if (table.schema !== 'scopestack' || !known.has(`scopestack.${column.target}`)) return []
  const isMarked = table.columns.some(({ name }) => name === 'sync_deleted_at')
  return [
    {
      relationships: {
        arguments: { to: `source('scopestack', '${column.target}')`, field: column.targetColumn },
        config: { severity: 'warn', ...(isMarked ? { where: 'sync_deleted_at is null' } : {}) },
      },
    },
  ]
}

/** One line, in which dbt finds no template of its own. */
const text = (comment: string): string => visible(comment).replace(/\{(?=[{%#])/g, '{ ')

/** Reserved words of Postgres that are column names somewhere; dbt quotes no name by itself. */
const RESERVED =
  /^(all|analy[sz]e|and|any|array|as|asc|asymmetric|both|case|cast|check|collate|column|constraint|create|current_\w+|default|deferrable|desc|distinct|do|else|end|except|false|fetch|for|foreign|from|grant|group|having|in|initially|intersect|into|lateral|leading|limit|localtime(stamp)?|not|null|offset|on|only|or|order|placing|primary|references|returning|select|session_user|some|symmetric|system_user|table|then|to|trailing|true|union|unique|user|using|variadic|when|where|window|with)$/

const isPlain = (name: string): boolean => /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.test(name)

/** Double-quoted scalars are those of JSON, so that no text is taken for another type. */
function yaml(node: Node, depth: number): string {
  const indent = '  '.repeat(depth)
  if (isList(node)) {
    return node
      .map((one) => `${indent}- ${isScalar(one) ? `${scalar(one)}\n` : yaml(one, depth + 1).trimStart()}`)
      .join('')
  }
  if (isScalar(node)) return `${indent}${scalar(node)}\n`
  return Object.entries(node)
    .map(([key, value]) =>
      isScalar(value) ? `${indent}${key}: ${scalar(value)}\n` : `${indent}${key}:\n${yaml(value, depth + 1)}`,
    )
    .join('')
}

const isList = (node: Node): node is readonly Node[] => Array.isArray(node)
const isScalar = (node: Node): node is string | boolean => typeof node !== 'object'

/** Plain where YAML of every version takes it for the same text. */
function scalar(value: string | boolean): string {
  if (typeof value === 'boolean' || value === '2') return `${value}`
  return /^[a-z_]+$/.test(value) && !/^(y|n|yes|no|on|off|true|false|null)$/.test(value) ? value : JSON.stringify(value)
}
