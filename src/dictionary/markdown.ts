/** The dictionary as Markdown, with a diagram for each area. */
import { visible } from '../screen/visible.ts'
import { padEnd, widthOf } from '../screen/width.ts'
import { nameOf, type Dictionary, type DictionaryTable } from './dictionary.ts'
import { erDiagram } from './er-diagram.ts'
import { filledShare, sayingOf, sourceSentence, tableFacts } from './wording.ts'

/** All of it: every table with every column. */
export function markdownDictionary(dictionary: Dictionary): string {
  const parts = dictionary.areas.flatMap((area) => [
    `## ${area.name}`,
    area.about,
    ...diagramBlock(erDiagram(area)),
    ...area.tables.flatMap(sectionOf),
  ])
  return `${['# Data dictionary', plain(sourceSentence(dictionary)), ...parts].join('\n\n')}\n`
}

function sectionOf(table: DictionaryTable): string[] {
  const counted = table.rows !== null
  const rows = table.columns.map((column) => [
    code(column.name),
    plain(column.type),
    ...(counted ? [filledShare(column, table)] : []),
    plain(sayingOf(column)),
  ])
  const fields = table.fields.map(({ name, label, type, filled }) => [
    code(name),
    plain(label ?? ''),
    plain(type ?? ''),
    `${filled}`,
  ])
  return [
    `### ${plain(nameOf(table))}`,
    plain([table.comment, ...tableFacts(table)].join(' ')),
    markdownTable(counted ? ['column', 'type', 'filled', 'what it is'] : ['column', 'type', 'what it is'], rows),
    ...(fields.length === 0
      ? []
      : [
          `User-defined fields of ${plain(nameOf(table))}:`,
          markdownTable(['field', 'label', 'type', 'records with a value'], fields),
        ]),
  ]
}

export const diagramBlock = (diagram: string | null): string[] =>
  diagram === null ? [] : [`\`\`\`mermaid\n${diagram}\n\`\`\``]

/** In columns as wide as their widest cell, as the formatter of this repository has it. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => padEnd(cell, widths[column]!)).join(' | ')} |`
  const [first, ...others] = cells
  return [line(first!), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('\n')
}

/** Text of an account, which is no Markdown and no HTML here. */
const plain = (text: string): string =>
  visible(text).replace(/[\\`*[\]<>#&~$]|(?<!\w)_|_(?!\w)/g, (sign) => `\\${sign}`)

const code = (text: string): string => (/^[\w .:-]+$/.test(text) ? `\`${text}\`` : plain(text))
