/** Values in Postgres' text formats. */

/** `{"a","b",NULL}`: the text form of `text[]`. */
export const arrayLiteral = (items: readonly (string | null)[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : `"${item.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`

/** A line of COPY's text format: backslash, tab and line ends are escaped, NULL is `\\N`. */
export const copyLine = (values: readonly (string | null)[]): string => values.map(copyField).join('\t')

/** A value of such a line. Most are short: a look at each character costs less than a pattern then. */
export function copyField(value: string | null): string {
  if (value === null) return NULL_FIELD
  if (value.length > SHORT_VALUE) return ESCAPED.test(value) ? escaped(value) : value
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code === BACKSLASH || (code <= RETURN && code >= TAB)) return escaped(value)
  }
  return value
}

export const NULL_FIELD = '\\N'

const SHORT_VALUE = 48
const [TAB, RETURN, BACKSLASH] = [0x09, 0x0d, 0x5c]
const ESCAPED = /[\\\t\n\r]/

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')

/** A text as a statement spells it, where no parameter is possible. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
