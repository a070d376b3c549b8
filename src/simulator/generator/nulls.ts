import type { Random } from '../records/random.ts'
import type { Records } from '../records/records.ts'

/** Other records repeat these, or sum them up. */
const keepValues = new Set(['hourly-rate', 'hourly-cost', 'suggested-hours', 'fixed-hours', 'client-name'])

/** Every nullable attribute is null somewhere, or a reader's handling of null is never tested: about one record in twenty,
 *  and at least one, of each attribute that has no null yet. */
export function insertNulls(records: Records, random: Random): void {
  for (const { model, ordered } of records.tables()) {
    for (const [name, { nullable, access }] of Object.entries(model.attributes)) {
      if (!nullable || access === 'never' || keepValues.has(name)) continue
      if (ordered.some(({ attributes }) => attributes[name] === null)) continue
      const chosen = ordered.length === 0 ? null : random.pick(ordered)
      for (const rec of ordered) if (rec === chosen || random.chance(0.05)) rec.attributes[name] = null
    }
  }
}
