/** What Linux knows of a process: CPU with that of its children, and resident memory. Elsewhere there are no such figures. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10
const PAGE_BYTES = 4096

interface Stat {
  readonly parent: number
  readonly ownMs: number
  /** Of children that have ended. */
  readonly endedMs: number
}

function statOf(pid: number | string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name, which may hold anything.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
    return { parent: fields[1]!, ownMs: (utime + stime) * TICK_MS, endedMs: (cutime + cstime) * TICK_MS }
  } catch {
    return undefined
  }
}

/** User and system time of a process and its children, alive or not. Null where there is no /proc. */
export function cpuMsOf(pid: number): number | null {
  for (;;) {
    const own = statOf(pid)
    if (own === undefined) return null
    const children = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(statOf)
      .filter((stat) => stat?.parent === pid)
    // Else one of them ended meanwhile, and counts on neither side.
    if (statOf(pid)?.endedMs !== own.endedMs) continue
    return own.ownMs + own.endedMs + children.reduce((sum, stat) => sum + stat!.ownMs, 0)
  }
}

/** Resident memory in bytes, null once the process is gone. */
export function rssOf(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return null
  }
}
