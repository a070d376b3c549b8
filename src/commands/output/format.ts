/** Tables and sentences as a person reads them, by lines; and the last line that tells a machine of a failure. */
import type { Store } from '../../assemble/store.ts'
import { errorCodeOf, reason } from '../../errors/sync-error.ts'
import { thousands } from '../../report/words.ts'
import { visible } from '../../screen/visible.ts'
import { clipped, padEnd, padStart, widthOf } from '../../screen/width.ts'

export const errorJson = (error: unknown) => ({ type: 'error', code: errorCodeOf(error), message: reason(error) })

export type Cell = string | number | null

/** Columns aligned by what they hold: numbers to the right. The first row is the heading. */
export function textTable(rows: readonly (readonly Cell[])[], indent = '  '): string[] {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? thousands(cell) : visible(cell ?? '–'))))
  const numeric = (rows[0] ?? []).map((_, column) => rows.slice(1).some((row) => typeof row[column] === 'number'))
  const width = (rows[0] ?? []).map((_, column) => Math.max(...text.map((row) => widthOf(row[column] ?? ''))))
  return text.map((row) =>
    (
      indent + row.map((cell, i) => (numeric[i] ? padStart(cell, width[i]!) : padEnd(cell, width[i]!))).join('  ')
    ).trimEnd(),
  )
}

/**
 * The same on a terminal so wide: where it does not fit, columns are left out from the last one on, and then the first is
 * cut. Two always stay.
 */
export function tableIn(width: number | undefined, rows: readonly (readonly Cell[])[]): string[] {
  const lines = textTable(rows)
  const widest = Math.max(0, ...lines.map(widthOf))
  if (width === undefined || widest <= width) return lines
  const columns = rows[0]?.length ?? 0
  if (columns > 2)
    return tableIn(
      width,
      rows.map((row) => row.slice(0, -1)),
    )
  const first = Math.max(...rows.map(([cell]) => widthOf(visible(String(cell))))) - (widest - width)
  return textTable(rows.map(([cell, ...rest]) => [clipped(visible(String(cell)), Math.max(1, first)), ...rest]))
}

/** A terminal's usual 80 columns, and a margin. */
export const WIDTH = 78

/** Broken between words, but not inside a command that is to be copied; later lines are indented a little more. */
export function wrapped(text: string, indent: string, width = WIDTH): string[] {
  const lines = ['']
  for (const word of visible(text).match(/\S*"(?:changes|push|pull|backfill) [^"]*"\S*|\S+/g) ?? []) {
    const before = lines.at(-1) === '' ? '' : `${lines.at(-1)!} `
    const margin = indent.length + (lines.length > 1 ? 2 : 0)
    if (before !== '' && margin + widthOf(before + word) > width) lines.push(word)
    else lines[lines.length - 1] = before + word
  }
  return lines.map((line, index) => `${indent}${index === 0 ? '' : '  '}${line}`)
}

/** Where the data go, and how they are looked at; nothing where DATABASE_URL says it. @param runs for how long, in words. */
export const embeddedNote = ({ embedded, url }: Pick<Store, 'embedded' | 'url'>, runs: string): string[] =>
  embedded === undefined
    ? []
    : [
        `DATABASE_URL is not set: using the embedded Postgres in ${embedded}.`,
        `It runs for as long as ${runs}, at`,
        `  ${url}`,
      ]
