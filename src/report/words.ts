/** Numbers and times as a person reads them, on a terminal and on a page. */

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

/** `2026-11-29 02:00 UTC` */
export const moment = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** `1 record`, `2,000 records` */
export const many = (count: number, noun: string): string => `${thousands(count)} ${noun}${count === 1 ? '' : 's'}`
