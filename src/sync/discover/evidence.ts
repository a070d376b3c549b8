/** Evidence from records about their members: counts and shapes, never a value. */
import { impliedNull } from '../../catalog/implied-null.ts'
import type { Kind, RemoteRecord, Resource } from '../../catalog/resource.ts'
import { isObject } from '../../exact-json.ts'
import { encode, MISFIT, numberText } from '../../store/values/codec.ts'

export interface AttributeEvidence {
  /** Records that carry the member, whatever its value. */
  carried: number
  /** Values that show their kind: not null, and not empty. */
  filled: number
  numbers: number
  /** Texts such as `"23.0"`, which is how decimals are sent (API notes §8). */
  points: number
  /** Values that are not null. */
  values: number
  /** Of these, how many can be read as each kind. */
  readonly fits: Map<Kind, number>
  /** Values that do not fit the declared kind; none where nothing is declared. */
  misfits: number
}

export interface EndEvidence {
  carried: number
  /** Linkages of each shape; without any, the relationship is only links. */
  toOne: number
  toMany: number
  readonly types: Set<string>
}

export interface Evidence {
  /** Different records seen. */
  readonly records: number
  readonly attributes: ReadonlyMap<string, AttributeEvidence>
  readonly ends: ReadonlyMap<string, EndEvidence>
}

export interface Tally extends Evidence {
  add(record: RemoteRecord): void
  /** For a list that was asked once more, to include this relationship: its other members were counted already. */
  addEnd(record: RemoteRecord, member: string): void
}

export function createTally(resource: Resource): Tally {
  const attributes = new Map<string, AttributeEvidence>()
  const ends = new Map<string, EndEvidence>()
  const declared = new Map(
    resource.columns.filter(({ from }) => from === 'attribute').map(({ member, kind }) => [member, kind]),
  )
  const ids = new Set<string>()

  function countEnd(member: string, relationship: unknown): void {
    const known = ends.get(member) ?? { carried: 0, toOne: 0, toMany: 0, types: new Set<string>() }
    ends.set(member, known)
    known.carried++
    const linkage = isObject(relationship) ? relationship['data'] : undefined
    // An empty relationship without `data` does not show its shape.
    if (linkage === undefined || impliedNull(relationship) !== undefined) return
    if (Array.isArray(linkage)) known.toMany++
    else known.toOne++
    for (const end of Array.isArray(linkage) ? (linkage as unknown[]) : [linkage]) {
      if (isObject(end) && typeof end['type'] === 'string') known.types.add(end['type'])
    }
  }

  return {
    get records() {
      return ids.size
    },
    attributes,
    ends,
    add(record) {
      if (ids.has(record.id)) return
      ids.add(record.id)
      for (const [member, value] of membersOf(record.attributes)) {
        const known = attributes.get(member) ?? noAttribute()
        attributes.set(member, known)
        known.carried++
        if (value === null) continue
        if (!isEmpty(value)) known.filled++
        if (numberText(value) !== undefined) known.numbers++
        if (typeof value === 'string' && WITH_POINT.test(value)) known.points++
        known.values++
        for (const kind of readingsOf(value)) known.fits.set(kind, (known.fits.get(kind) ?? 0) + 1)
        const kind = declared.get(member)
        if (kind !== undefined && encode(kind, value) === MISFIT) known.misfits++
      }
      for (const [member, relationship] of membersOf(record.relationships)) countEnd(member, relationship)
    },
    addEnd(record, member) {
      const relationship = membersOf(record.relationships).find(([name]) => name === member)?.[1]
      if (relationship !== undefined) countEnd(member, relationship)
    },
  }
}

const ALL: readonly Kind[] = ['boolean', 'integer', 'decimal', 'date', 'timestamp', 'texts', 'text', 'json']

const noAttribute = (): AttributeEvidence => ({
  carried: 0,
  filled: 0,
  numbers: 0,
  points: 0,
  values: 0,
  fits: new Map(),
  misfits: 0,
})

const membersOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : [])

const isEmpty = (value: unknown): boolean =>
  value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0 && !isNumber(value))

const isNumber = (value: unknown): boolean => numberText(value) !== undefined

/** Not `007`: its zeros would be lost. */
const DIGITS = /^-?(0|[1-9]\d*)$/
const WITH_POINT = /^-?(0|[1-9]\d*)\.\d+$/

/** What one value can be read as; everything is json. */
function readingsOf(value: unknown): ReadonlySet<Kind> {
  const fits = (kind: Kind): boolean => encode(kind, value) !== MISFIT
  if (Array.isArray(value)) {
    return new Set(value.every((item) => typeof item === 'string') && fits('texts') ? ['texts', 'json'] : ['json'])
  }
  if (typeof value === 'boolean') return new Set(['boolean', 'json'])
  const spelling = numberText(value) ?? value
  if (typeof spelling !== 'string') return new Set(['json'])
  const readings: Kind[] = ['boolean', 'date', 'timestamp', 'text']
  if (isNumber(value) || DIGITS.test(spelling)) readings.push('integer', 'decimal')
  else if (WITH_POINT.test(spelling)) readings.push('decimal')
  return new Set<Kind>(['json', ...readings.filter(fits)])
}

/** Among fewer, a misspelt value cannot be distinguished from a second kind. */
const ENOUGH = 20
const NEARLY_ALL = 0.95

/** So few that they are mistakes, and no reason to declare another kind: they are kept in `sync_extra`. */
export const areMistakes = (misfits: number, values: number): boolean =>
  misfits === 0 || (values >= ENOUGH && values - misfits >= NEARLY_ALL * values)

/** Values that do not fit the kind. */
export const misfitsOf = ({ values, fits }: AttributeEvidence, kind: Kind): number => values - (fits.get(kind) ?? 0)

/**
 * The kind that the values seen suggest, all of them or, where there are enough, nearly all: one misspelt date of hundreds
 * makes no text of a date. Null when none said anything. One value may be a coincidence: a single `5` may have a `5.5`
 * behind it, and a single text that looks like a day may be free text, so it gets the widest of its kind.
 */
export function suggestKind(member: string, evidence: AttributeEvidence): Kind | null {
  const { filled, numbers, points, values, fits } = evidence
  if (filled === 0) return null
  const holds = (kind: Kind): boolean => areMistakes(misfitsOf(evidence, kind), values)
  // Ids are keys and have to join, and some are sent as numbers (API notes §8).
  if (/[-_]id$/.test(member) && holds('text')) return 'text'
  const believed = (kind: Kind): boolean => {
    // A number with a point is no misspelt whole one.
    if (kind === 'integer') return filled > 1 && numbers > 0 && fits.get('integer') === fits.get('decimal')
    if (kind === 'decimal') return numbers > 0 || (filled > 1 && points > 0)
    if (kind === 'date' || kind === 'timestamp' || kind === 'texts') return filled > 1
    return kind !== 'boolean' || filled > 1 || !holds('text')
  }
  return ALL.find((kind) => holds(kind) && believed(kind)) ?? 'json'
}
