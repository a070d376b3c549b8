/** The dictionary on a terminal: a list of tables, or the columns of some. */
import { nameOf, type Dictionary, type DictionaryColumn, type DictionaryTable } from '../../dictionary/dictionary.ts'
import { filledShare, sayingOf, sourceSentence, tableFacts } from '../../dictionary/wording.ts'
import { clipped } from '../../screen/width.ts'
import { tableIn, textTable, WIDTH, wrapped } from './format.ts'

export function dictionaryLines(
  dictionary: Dictionary,
  { columns, width }: { readonly columns: boolean; readonly width: number | undefined },
): string[] {
  const parts = dictionary.areas.map(({ name, about, tables }) =>
    columns ? tables.flatMap((table) => tableLines(table, width)) : ['', ...listOf(name, about, tables, width)],
  )
  return [...wrapped(sourceSentence(dictionary), '', width ?? WIDTH), ...parts.flat()]
}

/** The first sentence of what a table is: the others say what it joins. */
const firstSentence = (comment: string): string => /^.*?\.(?=\s|$)/.exec(comment)?.[0] ?? comment

function listOf(name: string, about: string, tables: readonly DictionaryTable[], width: number | undefined): string[] {
  const counted = tables.some(({ rows }) => rows !== null)
  const head = counted ? ['table', 'rows', 'is'] : ['table', 'is']
  const rows = tables.map((table) =>
    counted ? [nameOf(table), table.rows, firstSentence(table.comment)] : [nameOf(table), firstSentence(table.comment)],
  )
  const lines = textTable([head, ...rows])
  return [
    ...wrapped(`${name}: ${about}`, '', width ?? WIDTH),
    ...(width === undefined ? lines : lines.map((line) => clipped(line, width))),
  ]
}

/** What a column is stands below it: beside it there is no room on a terminal. */
function tableLines(table: DictionaryTable, width: number | undefined): string[] {
  const facts = [table.comment, ...tableFacts(table)].filter((text) => text !== '').join(' ')
  const heads = textTable(table.columns.map((column) => [column.name, column.type, filledOf(column, table)]))
  const fields = table.fields.map(({ name, type, filled, label }) => [name, type, filled, label])
  return [
    '',
    nameOf(table),
    ...wrapped(facts, '  ', width ?? WIDTH),
    ...table.columns.flatMap((column, index) => [
      '',
      heads[index]!,
      ...wrapped(sayingOf(column), '    ', width ?? WIDTH),
    ]),
    ...(fields.length === 0
      ? []
      : [
          '',
          '  User-defined fields',
          ...tableIn(width, [['field', 'type', 'records with a value', 'label'], ...fields]),
        ]),
  ]
}

function filledOf(column: DictionaryColumn, table: DictionaryTable): string {
  const share = filledShare(column, table)
  return share === '' ? '' : `filled ${share}`
}
