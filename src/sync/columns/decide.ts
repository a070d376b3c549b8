/** From what the rows hold of a member to the type of its column, or why it waits. Pure. */
import type { Column, Kind } from '../../catalog/resource.ts'
import type { MemberEvidence } from '../../store/columns/evidence.ts'

export type Decision =
  | { readonly part: Column['from']; readonly kind: Kind; readonly target: string | null }
  | { readonly waits: string }

/**
 * All values that are not null must be of one form: what does not fit a column stays in `sync_extra`, and a column that holds
 * half of a member misleads. A number is a decimal from the start, since a whole one may have a broken one behind it.
 */
export function decide(found: MemberEvidence): Decision {
  const { values, isEnd, isBoth } = found
  if (isBoth) return { waits: 'an attribute and a relationship have this name' }
  if (values === 0) return { waits: 'no value so far' }
  return isEnd ? decideEnd(found) : decideAttribute(found)
}

function decideEnd({ values, objects, arrays, types }: MemberEvidence): Decision {
  const [target, ...others] = types
  if (objects !== values && arrays !== values) return { waits: 'it leads to one record here, and to several there' }
  if (target === undefined) return { waits: 'it does not say what it leads to' }
  if (others.length > 0) return { waits: `it leads to records of several types: ${types.join(', ')}` }
  return objects === values ? { part: 'to-one', kind: 'text', target } : { part: 'to-many', kind: 'texts', target }
}

function decideAttribute(found: MemberEvidence): Decision {
  const { member, values, numbers, strings, booleans, objects, arrays, empty, points, digits, truths } = found
  const as = (kind: Kind): Decision => ({ part: 'attribute', kind, target: null })
  // Ids are keys and have to join, and some are sent as numbers (API notes §8).
  if (/[-_]id$/i.test(member) && numbers + strings === values && empty < values) return as('text')
  // The API sends decimals as numbers or as texts, and some booleans as texts (API notes §8).
  if (numbers > 0 && numbers + points + digits === values) return as('decimal')
  if (booleans > 0 && booleans + truths === values) return as('boolean')
  if (objects + arrays === values) return as('json')
  if (strings === values)
    return empty === values ? { waits: 'no value but empty texts so far' } : as(kindOfTexts(found))
  const forms = Object.entries({ number: numbers, text: strings, boolean: booleans, object: objects, list: arrays })
  const seen = forms.filter(([, count]) => count > 0).map(([form, count]) => `${form} (${count})`)
  return { waits: `values of several types: ${seen.join(', ')}` }
}

/** Decimals are sent as texts (API notes §8). One alone may be the number of a version. */
function kindOfTexts({ strings, dates, timestamps, points, digits }: MemberEvidence): Kind {
  if (dates === strings) return 'date'
  if (timestamps === strings) return 'timestamp'
  return points > 1 && points + digits === strings ? 'decimal' : 'text'
}
