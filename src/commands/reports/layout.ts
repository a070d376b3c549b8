/** A table or a bar chart as wide as the terminal. */
import { visible } from '../../screen/visible.ts'
import { clipped, padEnd, padStart, widthOf } from '../../screen/width.ts'
import type { Written } from './written.ts'

/** Narrower, a text says nothing. */
const LEAST = 12
const GAP = '  '

/**
 * @param width undefined: as wide as it gets. Where it does not fit, long texts are cut first, the widest most; then columns are left out
 *   from the last one on.
 * @returns the lines, and the columns that were left out.
 */
export function tableOf(
  heading: readonly string[],
  rows: readonly (readonly Written[])[],
  width: number | undefined,
): { readonly lines: string[]; readonly left: string[] } {
  const texts = rows.map((row) => row.map(({ text, right }) => ({ text: visible(text), right })))
  const isRight = heading.map((_, at) => texts.length > 0 && texts.every((row) => row[at]!.right))
  let count = heading.length
  let widths = heading.map((name, at) => Math.max(widthOf(name), ...texts.map((row) => widthOf(row[at]!.text))))
  if (width !== undefined) {
    while (count > 1 && leastOf(widths.slice(0, count), isRight) > width) count -= 1
    widths = fitted(widths.slice(0, count), isRight, width)
  }
  const line = (cells: readonly string[]): string =>
    cells
      .slice(0, count)
      .map((cell, at) => (isRight[at] === true ? padStart : padEnd)(clipped(cell, widths[at]!), widths[at]!))
      .join(GAP)
      .trimEnd()
  return {
    lines: [line(heading), ...texts.map((row) => line(row.map(({ text }) => text)))],
    left: heading.slice(count),
  }
}

const totalOf = (widths: readonly number[]): number =>
  widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)

/** A number is never cut: its digits would lie. */
const leastOf = (widths: readonly number[], isRight: readonly boolean[]): number =>
  totalOf(widths.map((one, at) => (isRight[at] === true ? one : Math.min(one, LEAST))))

function fitted(widths: readonly number[], isRight: readonly boolean[], width: number): number[] {
  const now = [...widths]
  while (totalOf(now) > width) {
    const widest = now.reduce((best, one, at) => (isRight[at] !== true && one > (now[best] ?? 0) ? at : best), -1)
    if (widest < 0 || now[widest]! <= LEAST) break
    now[widest]! -= 1
  }
  return now
}

export interface Bar {
  readonly label: string
  readonly value: number
  readonly text: string
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Each bar is as long as its value, and a negative one is drawn lighter. */
export function chartOf(bars: readonly Bar[], width: number): string[] {
  const labels = bars.map(({ label }) => visible(label))
  const text = Math.max(0, ...bars.map((bar) => widthOf(bar.text)))
  const label = Math.min(Math.max(0, ...labels.map(widthOf)), Math.max(LEAST, Math.floor(width * 0.4)))
  const room = Math.max(1, width - label - text - 2 * GAP.length)
  const most = Math.max(0, ...bars.map(({ value }) => Math.abs(value)))
  return bars.map((bar, at) =>
    [padEnd(clipped(labels[at]!, label), label), padStart(bar.text, text), drawn(bar.value, most, room)]
      .join(GAP)
      .trimEnd(),
  )
}

function drawn(value: number, most: number, room: number): string {
  const eighths = most === 0 ? 0 : Math.round((Math.abs(value) / most) * room * 8)
  if (value < 0) return '░'.repeat(Math.ceil(eighths / 8))
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!
}
