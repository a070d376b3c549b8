/**
 * Diagrams of tables and their keys, in mermaid's language, which GitHub, GitLab and many editors draw. Each has an area's tables
 * with what names and dates a record and what leads elsewhere. Only lines within the area are drawn, and the name of a table of
 * another area stands beside the column: with all lines the diagram of the scope had 45, and could not be read. A table without a line
 * has one to what it belongs to.
 */
import { nameOf, type DictionaryArea, type DictionaryColumn, type DictionaryTable } from './dictionary.ts'

/** Every table has it, and it leads to the one row of accounts: lines to it would cover the rest. */
const LEFT_OUT = 'accounts'

/** Columns that are neither keys nor what a reader knows a record by are in the dictionary. */
const KNOWN_BY =
  /^(?:name|project_name|label|status|stage|role|active|amount|contract_revenue|hours|total_hours|created_at|completed_at)$/

/** @returns null where nothing in the area leads anywhere, and for views, which repeat what tables lead to. */
export function erDiagram({ tables }: DictionaryArea): string | null {
  if (tables.every(({ kind }) => kind === 'view')) return null
  const names = new Set(tables.map(nameOf))
  const relations = tables.flatMap((table) =>
    keysOf(table, names).map((column) => ({ table: nameOf(table), column, target: column.target! })),
  )
  const inside = relations.filter(({ target }) => names.has(target))
  const reached = new Set(inside.flatMap(({ table, target }) => [table, target]))
  // The first is what it belongs to.
  const alone = tables.flatMap((table) =>
    reached.has(nameOf(table)) ? [] : relations.filter((one) => one.table === nameOf(table)).slice(0, 1),
  )
  const lines = [...inside, ...alone]
  if (lines.length === 0) return null
  return [
    'erDiagram',
    '    direction LR',
    ...tables.flatMap((table) => boxOf(table, names)),
    ...lines.map(({ table, column, target }) => lineOf(table, column, target)),
  ].join('\n')
}

const keysOf = ({ columns }: DictionaryTable, area: ReadonlySet<string>): DictionaryColumn[] =>
  columns.filter(({ target }) => target !== null && (target !== LEFT_OUT || area.has(LEFT_OUT)))

function boxOf(table: DictionaryTable, area: ReadonlySet<string>): string[] {
  const keys = keysOf(table, area)
  const shown = table.columns.filter(
    (column) => column.key === 'primary' || keys.includes(column) || KNOWN_BY.test(column.name),
  )
  const rows = shown.map(({ name, type, key, target }) => {
    const marked = key === 'primary' ? ' PK' : key === 'foreign' ? ' FK' : ''
    return `        ${wordOf(type.replace('[]', '_list'))} ${wordOf(name)}${marked}${target === null || area.has(target) ? '' : ` "${wordOf(target)}"`}`
  })
  return [`    ${boxName(nameOf(table))} {`, ...rows, '    }']
}

/** A reference may be empty, so each record has one or none; a record may be referred to by any number, or none. */
const lineOf = (table: string, { name, key }: DictionaryColumn, target: string): string =>
  `    ${boxName(target)} ${key === 'list' ? '}o' : '|o'}--o{ ${boxName(table)} : ${wordOf(name)}`

/** What mermaid takes for a name without quotes: a column that was added here may be called anything. */
function wordOf(name: string): string {
  const word = name.replace(/[^A-Za-z0-9_]/g, '_')
  return /^[A-Za-z]/.test(word) ? word : `c${word}`
}

const boxName = (name: string): string =>
  /^[A-Za-z][A-Za-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '')}"`
