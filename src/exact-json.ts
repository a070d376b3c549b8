/** JSON whose numbers keep all their digits, from ScopeStack and from `jsonb` alike. */

/** ES2026; TypeScript's own declarations lack it. */
const json = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(this: void, value: unknown): boolean
}

export const { isRawJSON } = json

/**
 * A page of 2.4 MB has 67,000 values; 11 million empty objects in 31 MB become 700 MB of memory, and end the process. A value
 * takes 100 bytes there at most, so these take a fifth of the heap.
 */
export const MOST_VALUES = 1_000_000
/** A page is shorter, and need not be counted: in so few letters there is room for 2 million values of the smallest sort. */
const SHORT = 4 * 1024 * 1024

/**
 * Whether there may be more values than that: each one but the first in its list or object stands behind a comma, and each of
 * those begins with a bracket. Commas within texts count, too: whoever has a million of them has no page. 0.6 ms a MB.
 */
export function hasTooManyValues(text: string): boolean {
  if (text.length <= SHORT) return false
  let marks = 0
  for (const mark of [',', '[', '{']) {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      if (++marks > MOST_VALUES) return true
    }
  }
  return false
}

/** @throws SyntaxError like `JSON.parse`. */
export const parseExact = (text: string): unknown => (MAY_LOSE_DIGITS.test(text) ? revived(text) : JSON.parse(text))

/** Sixteen digits or an exponent: only such numbers can be more than a double holds, and hardly any page has one. */
const MAY_LOSE_DIGITS = /[:[,]\s*-?(?:[\d.]{16}|[\d.]+[eE])/

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

/** From the first of them: tried at each one, a long row of zeros that something follows takes the square of its length. */
const ZEROS_AT_THE_END = /(?<!0)0+$/

/** One spelling for one number: sign, digits without zeros at either end, exponent. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const short = digits.replace(ZEROS_AT_THE_END, '')
  return short === '' ? '0' : `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`
}

/** Whether Postgres' numeric, which is also that of `jsonb`, surely holds it; a number out of bounds stays a text. */
const isNumeric = (source: string, value: number): boolean =>
  Number.isFinite(value) && source.length <= 1000 && !/e[+-]?\d{4}/i.test(source)
