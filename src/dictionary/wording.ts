/** What every form of the dictionary says in words: of its source, of a table, of a column. */
import type { Dictionary, DictionaryColumn, DictionaryTable } from './dictionary.ts'

const thousands = (n: number): string => n.toLocaleString('en-US')
const moment = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
const many = (count: number, one: string, more = `${one}s`): string => `${thousands(count)} ${count === 1 ? one : more}`

export function sourceSentence({ source }: Dictionary): string {
  if (source === null)
    return 'Made from the catalog of this release, without a database: what only your account has, rows and freshness are not in it.'
  const { at, account, database, role, hidden, counted } = source
  const sentences = [
    `${account === null ? 'Database' : `Account ${account}, database`} ${database}, as the role ${role} sees it, ${moment(at)}.`,
    ...(counted ? [] : ['Rows were not counted.']),
    ...(hidden === 0
      ? []
      : [
          `${many(hidden, 'table or view', 'tables or views')} that this role may not read ${hidden === 1 ? 'is' : 'are'} left out.`,
        ]),
  ]
  return sentences.join(' ')
}

/** Sentences of what holds at this time; none without a database. */
export function tableFacts({ rows, deleted, asOf, outcome, copies }: DictionaryTable): string[] {
  const more = deleted === null || deleted === 0 ? '' : `, and ${thousands(deleted)} marked deleted`
  return [
    ...(rows === null ? [] : [`${many(rows, 'row')}${more}.`]),
    ...(asOf === null ? [] : [`Data as of ${moment(asOf)}.`]),
    ...(outcome === null || outcome === 'ok' ? [] : [`Last outcome: ${outcome}.`]),
    ...(copies.length === 0 ? [] : [`Also as ${copies.join(', ')}.`]),
  ]
}

/** Behind the comment of a column; what it refers to is not among them, since a page has a link there. */
export function columnNotes({ key, targetColumn, link, editable, origin, values }: DictionaryColumn): string[] {
  return [
    ...(key === 'list' ? [`A list of ${targetColumn}s${link === null ? '' : `; as rows: ${link}`}.`] : []),
    ...(origin === 'account' ? ['Only in this database.'] : []),
    ...(editable ? ['Can be edited.'] : []),
    ...(values === null ? [] : [`Values seen: ${values.join(', ')}.`]),
  ]
}

/** All that is said of a column, in one line. */
export const sayingOf = (column: DictionaryColumn): string =>
  [column.comment, column.target === null ? '' : `→ ${column.target}.`, ...columnNotes(column)]
    .filter((part) => part !== '')
    .join(' ')

/** Of rows in which the column is not null; 99 % is not all. */
export function filledShare({ filled }: DictionaryColumn, { rows }: DictionaryTable): string {
  if (filled === null || rows === null || rows === 0) return ''
  if (filled > 0 && filled * 100 < rows) return '< 1 %'
  return `${Math.floor((100 * filled) / rows)} %`
}
