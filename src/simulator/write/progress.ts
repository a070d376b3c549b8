import type { Rec } from '../records/records.ts'

/** Work that ends after some polls: documents and survey calculations (API notes §2b). Counted in polls and not in seconds,
 *  so that a test needs no waiting. */
export interface Progress {
  begin(rec: Rec, steps: readonly (() => void)[]): void
  /** one GET of the record */
  poll(rec: Rec): void
}

export function createProgress(): Progress {
  const open = new Map<string, (() => void)[]>()
  return {
    begin(rec, steps) {
      open.set(`${rec.type} ${rec.id}`, [...steps])
    },
    poll(rec) {
      const key = `${rec.type} ${rec.id}`
      const steps = open.get(key)
      steps?.shift()?.()
      if (steps?.length === 0) open.delete(key)
    },
  }
}
