/** COPY's text format: backslash, tab and line ends are escaped, NULL is `\\N`. */

export const copyLine = (values: readonly (string | null)[]): string => values.map(copyField).join('\t')

const copyField = (value: string | null): string =>
  value === null ? '\\N' : /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (c) => COPY_ESCAPE[c]!) : value

const COPY_ESCAPE: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
