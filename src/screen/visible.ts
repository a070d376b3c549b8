/**
 * What must not reach a terminal, a log or a page as it is: it moves the cursor, rings, changes the order of what is
 * read, begins a line that nobody wrote, or cannot be seen at all. It is shown as JSON writes it: `\u001b`, `\n`.
 */

/**
 * Controls, formats (bidirectional, zero-width, tags), line and paragraph separators, halves of pairs, and what Unicode
 * says to leave no mark. Only the two selectors that choose how an emoji is drawn stay, behind one.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]|(?<!\p{Emoji})[\ufe0e\ufe0f]|(?![\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}/gu

/** One line: a line break inside it is shown, too. What was made visible stays as it is when it comes by again. */
export const visible = (text: string): string => text.replace(UNSEEN, escapeOf)

/** JSON on one line, of plain characters where JSON itself would let others through: read back it is the same value. */
export const visibleJson = (value: unknown): string => JSON.stringify(value).replace(UNSEEN, unitsOf)

/** The same for a line that is JSON already. */
export const visibleJsonLine = (line: string): string => line.replace(UNSEEN, unitsOf)

const SHORT: Readonly<Record<string, string>> = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r' }

const escapeOf = (found: string): string => SHORT[found] ?? unitsOf(found)

/** By halves of a pair, since JSON has no other way. */
function unitsOf(found: string): string {
  let escaped = ''
  for (let at = 0; at < found.length; at++) escaped += `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`
  return escaped
}
