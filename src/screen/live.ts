/** Lines of a terminal that are repainted in place, while other lines scroll above them. */
import { createRequire } from 'node:module'
import type * as LogUpdate from 'log-update'
import { visible } from './visible.ts'

export interface Live {
  paint(lines: string | readonly string[]): void
  /** These lines stay, above the repainted ones. */
  persist(lines: string | readonly string[]): void
  clear(): void
}

const require = createRequire(import.meta.url)

export function openLive(): Live {
  // Here and not above: its 22 modules took 40 ms of CPU of every command, most of which have no terminal.
  const { createLogUpdate } = require('log-update') as typeof LogUpdate
  const update = createLogUpdate(process.stderr, { showCursor: true })
  return {
    paint: (lines) => update(shown(lines)),
    persist: (lines) => update.persist(shown(lines)),
    clear: () => update.clear(),
  }
}

const shown = (lines: string | readonly string[]): string =>
  (typeof lines === 'string' ? [lines] : lines).map(visible).join('\n')
