/**
 * Escapes characters that must not reach a terminal, a log or a page: they move the cursor, ring the bell, change the reading
 * order, forge a line, or are invisible. They are shown as JSON writes them: `\u001b`, `\n`.
 */

/**
 * Control and format characters (bidirectional, zero-width, tags), line and paragraph separators, lone surrogates, and what
 * Unicode calls ignorable. Only the two variation selectors behind an emoji stay.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]|(?<!\p{Emoji})[\ufe0e\ufe0f]|(?![\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}/gu

/** One line: a line break inside it is escaped, too. Applied twice it changes nothing more. */
export const visible = (text: string): string => text.replace(UNSEEN, escapeOf)

/** JSON on one line, with such characters escaped: parsed, it is the same value. */
export const visibleJson = (value: unknown): string => JSON.stringify(value).replace(UNSEEN, unitsOf)

/** The same for a line that is JSON already. */
export const visibleJsonLine = (line: string): string => line.replace(UNSEEN, unitsOf)

const SHORT: Readonly<Record<string, string>> = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r' }

const escapeOf = (found: string): string => SHORT[found] ?? unitsOf(found)

/** By UTF-16 code units, since JSON has no other way. */
function unitsOf(found: string): string {
  let escaped = ''
  for (let at = 0; at < found.length; at++) escaped += `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`
  return escaped
}
