import type { Random } from '../records/random.ts'
import type { Records } from '../records/records.ts'

/** Sums and names elsewhere depend on these. */
const kept = new Set(['hourly-rate', 'hourly-cost', 'suggested-hours', 'fixed-hours', 'client-name'])

/** Whatever the notes call nullable is null somewhere, or a reader's handling of it is never tried: about one record in
 *  twenty, and at least one, of each attribute that came out full. */
export function leaveGaps(records: Records, random: Random): void {
  for (const { model, ordered } of records.tables()) {
    for (const [name, { nullable, access }] of Object.entries(model.attributes)) {
      if (
        !nullable ||
        access === 'never' ||
        kept.has(name) ||
        ordered.some(({ attributes }) => attributes[name] === null)
      )
        continue
      const chosen = ordered.length === 0 ? null : random.pick(ordered)
      for (const rec of ordered) if (rec === chosen || random.chance(0.05)) rec.attributes[name] = null
    }
  }
}
