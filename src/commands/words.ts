/** Numbers, times and tables as a person reads them. */

export const thousands = (n: number): string => n.toLocaleString('en-US')

export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

/** `3 min ago`, `2 days ago`. @param now by the same clock, which is the database's. */
export function ago(then: Date, now: Date): string {
  const ms = Math.max(0, now.getTime() - then.getTime())
  if (ms < 60_000) return 'just now'
  return ms < 48 * 3_600_000 ? `${duration(Math.max(ms, 10_000))} ago` : `${Math.round(ms / 86_400_000)} days ago`
}

type Cell = string | number | null

/** Columns aligned by what they hold: numbers to the right. The first row is the heading. */
export function textTable(rows: readonly (readonly Cell[])[], indent = '  '): string {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? thousands(cell) : (cell ?? '–'))))
  const numeric = (rows[0] ?? []).map((_, column) => rows.slice(1).some((row) => typeof row[column] === 'number'))
  const width = (rows[0] ?? []).map((_, column) => Math.max(...text.map((row) => row[column]?.length ?? 0)))
  return text
    .map((row) =>
      (
        indent + row.map((cell, i) => (numeric[i] ? cell.padStart(width[i]!) : cell.padEnd(width[i]!))).join('  ')
      ).trimEnd(),
    )
    .join('\n')
}
