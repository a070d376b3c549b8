/** Background work that ends after some polls: documents and survey calculations (API notes §2b). It counts polls and not
 *  seconds, so that tests need not wait. */
import type { Rec } from '../records/records.ts'

export interface Progress {
  begin(rec: Rec, steps: readonly (() => void)[]): void
  /** one GET of the record */
  poll(rec: Rec): void
}

export function createProgress(): Progress {
  const running = new Map<string, (() => void)[]>()
  return {
    begin(rec, steps) {
      running.set(`${rec.type} ${rec.id}`, [...steps])
    },
    poll(rec) {
      const key = `${rec.type} ${rec.id}`
      const steps = running.get(key)
      steps?.shift()?.()
      if (steps?.length === 0) running.delete(key)
    },
  }
}
