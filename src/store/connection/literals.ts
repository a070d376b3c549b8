/** Values in Postgres' text formats. */

/** `{"a","b",NULL}`: the text form of `text[]`. */
export const arrayLiteral = (items: readonly (string | null)[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : `"${item.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`

/** A line of COPY's text format: backslash, tab and line ends are escaped, NULL is `\\N`. */
export const copyLine = (values: readonly (string | null)[]): string => values.map(copyField).join('\t')

const copyField = (value: string | null): string =>
  value === null ? '\\N' : /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (c) => COPY_ESCAPE[c]!) : value

const COPY_ESCAPE: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** A text as a statement spells it, where no parameter is possible. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
