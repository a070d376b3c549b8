import type { Fields, Linkage } from '../records/records.ts'
import type { RawRecords } from '../write/raw-records.ts'

export type Step =
  | {
      readonly create: {
        readonly type: string
        readonly id?: string
        readonly attributes?: Fields
        readonly relationships?: Record<string, Linkage | string[]>
      }
    }
  | {
      readonly update: {
        readonly type: string
        readonly id: string
        readonly attributes?: Fields
        readonly relationships?: Record<string, Linkage | string[]>
      }
    }
  | { readonly delete: { readonly type: string; readonly id: string } }

export interface Line {
  readonly id: string
  readonly when: { readonly type: string; readonly page: number | null }
  readonly do: readonly Step[]
  readonly once: boolean
  /** changes made before the page is put together, or after it */
  readonly at: 'before' | 'after'
}

/** "Do this when page N of a list is served": how records come and go while somebody reads. */
export interface Script {
  add(line: Omit<Line, 'id'>): Line
  list(): Line[]
  clear(): void
  /** runs what is due; returns the lines that ran */
  play(type: string, page: number, at: Line['at']): number
}

export function createScript(raw: RawRecords): Script {
  const lines = new Map<string, Line>()
  let last = 0
  return {
    add(given) {
      last += 1
      const line: Line = { ...given, id: String(last) }
      lines.set(line.id, line)
      return line
    },
    list: () => [...lines.values()],
    clear: () => {
      lines.clear()
    },
    play(type, page, at) {
      let played = 0
      for (const line of lines.values()) {
        if (line.at !== at || line.when.type !== type || (line.when.page !== null && line.when.page !== page)) continue
        if (line.once) lines.delete(line.id)
        played += 1
        for (const step of line.do) run(raw, step)
      }
      return played
    },
  }
}

/** A record that is gone already, or there already, is no reason to fail the page that is being served. */
function run(raw: RawRecords, step: Step): void {
  if ('create' in step) {
    const { type, id } = step.create
    if (id === undefined || raw.read(type, id) === null) raw.create(type, step.create)
  } else if ('update' in step) {
    if (raw.read(step.update.type, step.update.id) !== null) raw.update(step.update.type, step.update.id, step.update)
  } else if (raw.read(step.delete.type, step.delete.id) !== null) raw.remove(step.delete.type, step.delete.id)
}
