/** The lines of `doctor`, for a person. */
import { many } from '../../report/words.ts'
import { visible } from '../../screen/visible.ts'
import { padEnd } from '../../screen/width.ts'
import { wrapped } from './format.ts'

/** A finding, and the check that it is of. */
export interface Line {
  readonly title: string
  readonly level: 'ok' | 'warn' | 'fail' | 'skip'
  readonly message: string
  readonly remedy: string | null
  /** The message has the remedy in it. */
  readonly complete: boolean
}

const LEVEL = 4
const TITLE = 16
const MARGIN = LEVEL + TITLE + 4

const WORD = { ok: 'ok', warn: 'warn', fail: 'fail', skip: '–' } as const

/** @param width of the terminal; undefined where a program reads, for which nothing is broken. */
export function lineOf({ title, level, message, remedy, complete }: Line, width: number | undefined): string[] {
  const head = `${WORD[level].padEnd(LEVEL)}  ${padEnd(title, TITLE)}  `
  const margin = ' '.repeat(MARGIN)
  const texts = [...folded(message, width), ...(remedy === null || complete ? [] : folded(remedy, width, '→ '))]
  return texts.map((text, index) => (index === 0 ? head : margin) + text)
}

export const plainLines = (text: string, width: number | undefined): string[] =>
  width === undefined ? [visible(text)] : wrapped(text, '', width)

function folded(text: string, width: number | undefined, mark = ''): string[] {
  if (width === undefined) return [visible(mark + text)]
  const room = Math.max(24, width - MARGIN - mark.length)
  // Later lines come indented, as a list has them; a column is aligned.
  const lines = wrapped(text, '', room).map((line, index) => (index === 0 ? line : line.slice(2)))
  return lines.map((line, index) => (index === 0 ? mark : ' '.repeat(mark.length)) + line)
}

/** What could not be checked for one reason is one line: `Encoding, size, schema: the database cannot be reached.` */
export const skippedLine = (titles: readonly string[], reason: string): Line => ({
  title: 'Not checked',
  level: 'skip',
  message: `${[titles[0]!, ...titles.slice(1).map(small)].join(', ')}: ${small(reason)}`,
  remedy: null,
  complete: false,
})

/** `Local edits` → `local edits`; names of settings and of products stay. */
const small = (text: string): string =>
  /^[A-Z][a-z]+(?![a-zA-Z])/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text

export interface Counts {
  readonly ok: number
  readonly warn: number
  readonly fail: number
  readonly skip: number
}

export function summaryOf({ warn, fail, skip }: Counts): string {
  const skipped = skip === 0 ? '' : ` ${many(skip, 'check')} could not be made.`
  if (warn + fail === 0) return `All is well.${skipped}`
  const parts = [...(fail > 0 ? [many(fail, 'failure')] : []), ...(warn > 0 ? [many(warn, 'warning')] : [])]
  return `${parts.join(' and ')}.${skipped}`
}
