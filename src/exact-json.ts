/** Parses JSON without losing digits of numbers; for ScopeStack's documents and for `jsonb`. */

/** ES2026; TypeScript's own declarations lack it. */
const json = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
  isRawJSON(this: void, value: unknown): value is { readonly rawJSON: string }
}

export const { isRawJSON } = json

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value)

/**
 * A page of 2.4 MB has 67,000 values; 11 million empty objects in 31 MB take 700 MB of memory, and end the process. A value takes
 * 100 bytes at most, so a million takes a fifth of the heap.
 */
export const MOST_VALUES = 1_000_000
/** Shorter texts are not counted: they have room for 2 million of the smallest values. */
const SHORT = 4 * 1024 * 1024

/**
 * Whether there may be more values: each value but the first of its array or object stands behind a comma, and each array or object
 * begins with a bracket. Commas within texts count, too: no page has a million of them. 0.6 ms a MB.
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
export const parseExact = (text: string): unknown => (mayLoseDigits(text) ? revived(text) : JSON.parse(text))

/** Sixteen digits, or an exponent of three: a double holds every other number, and hardly any page has one of these. */
const mayLoseDigits = (text: string): boolean => hasLongNumber(text) || hasLargeExponent(text)

const LONG = 16

/**
 * Of sixteen characters in a row one is at a place that sixteen divides, so only these are looked at. One pattern for both kinds of
 * numbers reads every character, and costs 1.5 to 2 ms a MB; this and the next one cost 0.7 together.
 */
function hasLongNumber(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue
    const start = startOfDigits(text, at)
    let end = at + 1
    while (isDigitOrPoint(text.charCodeAt(end))) end++
    if (end - start >= LONG && isValueAt(text, start)) return true
    // Behind them, so that no digit is read twice.
    at += Math.floor((end - at) / LONG) * LONG
  }
  return false
}

/** With a smaller exponent fifteen digits are exact. */
const LARGE_EXPONENT = /\d[eE][+-]?\d{3}/g

function hasLargeExponent(text: string): boolean {
  for (const { index } of text.matchAll(LARGE_EXPONENT)) {
    if (isValueAt(text, startOfDigits(text, index))) return true
  }
  return false
}

/** NaN, at the end, is neither. */
const isDigitOrPoint = (code: number): boolean => (code >= 0x30 && code <= 0x39) || code === 0x2e

/** Of the digits and points around a place. */
function startOfDigits(text: string, place: number): number {
  let start = place
  while (isDigitOrPoint(text.charCodeAt(start - 1))) start--
  return start
}

const MINUS = 0x2d
const BEFORE_A_VALUE: ReadonlySet<number> = new Set([0x3a, 0x5b, 0x2c])

/** Whether digits from there are a number, and not part of a text; in doubt they are. A `jsonb` may be nothing but a number. */
function isValueAt(text: string, start: number): boolean {
  let before = start - 1
  if (text.charCodeAt(before) === MINUS) before--
  while (isWhiteSpace(text.charCodeAt(before))) before--
  return before < 0 || BEFORE_A_VALUE.has(text.charCodeAt(before))
}

const isWhiteSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d)

/** A number that a double would change keeps its spelling (`JSON.rawJSON`), which `JSON.stringify` repeats. */
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
    // Nested too deeply for a reviver, and so for any row: `JSON.parse` alone reads it, and the record is parked.
    if (error instanceof RangeError) return JSON.parse(text)
    throw error
  }
}

/** From the first zero only: tried at each one, a long row of zeros inside a number takes quadratic time. */
const ZEROS_AT_THE_END = /(?<!0)0+$/

/** One spelling for one number: sign, digits without zeros at either end, exponent. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const short = digits.replace(ZEROS_AT_THE_END, '')
  return short === '' ? '0' : `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`
}

/** Whether Postgres' numeric, also within `jsonb`, can hold it; a number out of bounds stays a text. */
const isNumeric = (source: string, value: number): boolean =>
  Number.isFinite(value) && source.length <= 1000 && !/e[+-]?\d{4}/i.test(source)
