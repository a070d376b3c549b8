/** JSON whose numbers keep all their digits, from ScopeStack and from `jsonb` alike. */

/** ES2026; TypeScript's own declarations lack it. */
const json = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(this: void, value: unknown): boolean
}

export const { isRawJSON } = json

/** @throws SyntaxError like `JSON.parse`. */
export const parseExact = (text: string): unknown => (MAY_LOSE_DIGITS.test(text) ? revived(text) : JSON.parse(text))

/** Sixteen digits or an exponent: only such numbers can be more than a double holds, and hardly any page has one. */
const MAY_LOSE_DIGITS = /[:[,]\s*-?[\d.]+(?:(?<=[\d.]{16})|[eE])/

/** A number that a double would change is kept in its own spelling (`JSON.rawJSON`), which `JSON.stringify` repeats. */
function revived(text: string): unknown {
  try {
    return json.parse(text, (_key, value, { source }) =>
      typeof value !== 'number' || source === undefined || decimalOf(source) === decimalOf(String(value))
        ? value
        : isNumeric(source, value)
          ? json.rawJSON(source)
          : source,
    )
  } catch (error) {
    // Nested too deep for a reviver, and so for any row: `JSON.parse` alone reads it, and that record is set aside.
    if (error instanceof RangeError) return JSON.parse(text)
    throw error
  }
}

/** One spelling for one number: sign, digits without zeros at either end, exponent. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const short = digits.replace(/0+$/, '')
  return short === '' ? '0' : `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`
}

/** Whether Postgres' numeric, which is also that of `jsonb`, surely holds it; a number out of bounds stays a text. */
const isNumeric = (source: string, value: number): boolean =>
  Number.isFinite(value) && source.length <= 1000 && !/e[+-]?\d{4}/i.test(source)
