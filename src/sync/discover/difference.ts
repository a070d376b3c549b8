/** From what the records said to what the catalog would have to say. Pure. */
import type { Column, Kind, Resource } from '../../catalog/resource.ts'
import {
  areMistakes,
  misfitsOf,
  suggestKind,
  type AttributeEvidence,
  type EndEvidence,
  type Evidence,
} from './evidence.ts'

export type Finding =
  /** `suggests` is null where every value was null or empty. */
  | {
      readonly kind: 'attribute'
      readonly member: string
      readonly suggests: Kind | null
      /** Records with the member, and those where its value said something. */
      readonly carried: number
      readonly told: number
      /** Values that do not fit what is suggested, where there are some: too few to mean another kind. */
      readonly misfits?: number
    }
  | {
      readonly kind: 'relationship'
      readonly member: string
      /** Null: it is only links, and the server does not include it. */
      readonly shape: 'to-one' | 'to-many' | null
      /** Empty where every linkage met was. More than one for an end that may be of several types. */
      readonly types: readonly string[]
    }
  | {
      readonly kind: 'misfit'
      readonly member: string
      readonly declared: Kind
      /** The declared one where the misfits are too few to mean another kind. */
      readonly suggests: Kind | null
      readonly misfits: number
      readonly values: number
    }
  | { readonly kind: 'shape'; readonly member: string; readonly declared: Shape; readonly seen: Shape }
  | {
      readonly kind: 'end'
      readonly member: string
      readonly shape: Shape
      readonly declared: string
      readonly types: readonly string[]
    }
  /** Declared, and no record carried it. */
  | { readonly kind: 'gone'; readonly member: string; readonly shape: Column['from'] }
  /** Declared, and the server would not hear of it: `include=lob`, `filter[active]`. */
  | { readonly kind: 'refused'; readonly member: string }

export type Shape = 'to-one' | 'to-many'

/** @param refused what was left out of the question since the server refuses it. */
export function differences(
  resource: Resource,
  catalog: ReadonlyMap<string, Resource>,
  evidence: Evidence,
  refused: readonly string[],
): Finding[] {
  const declared = (from: 'attribute' | 'end'): Map<string, Column> =>
    new Map(
      resource.columns
        .filter((column) => (column.from === 'attribute') === (from === 'attribute'))
        .map((column) => [column.member, column]),
    )
  const attributes = declared('attribute')
  const ends = declared('end')
  const gone = (column: Column): boolean =>
    evidence.records > 0 && !(column.from === 'attribute' ? evidence.attributes : evidence.ends).has(column.member)

  return [
    ...[...evidence.attributes].flatMap(([member, found]) => attributeFinding(member, found, attributes.get(member))),
    ...[...evidence.ends].flatMap(([member, found]): Finding[] => {
      const column = ends.get(member)
      if (column !== undefined) return endFinding(column, found, catalog)
      if (isCarried(resource, catalog, member, found)) return []
      const shape = found.toMany > 0 ? 'to-many' : found.toOne > 0 ? 'to-one' : null
      return [{ kind: 'relationship', member, shape, types: [...found.types].toSorted() }]
    }),
    ...resource.columns.filter(gone).map(({ member, from }): Finding => ({ kind: 'gone', member, shape: from })),
    // The size of a page is a setting, and not declared.
    ...refused.filter((part) => !part.startsWith('page[')).map((member): Finding => ({ kind: 'refused', member })),
  ]
}

function attributeFinding(member: string, found: AttributeEvidence, column: Column | undefined): Finding[] {
  const { carried, filled, misfits, values } = found
  const suggests = suggestKind(member, found)
  if (column === undefined) {
    const strange = suggests === null ? 0 : misfitsOf(found, suggests)
    return [
      { kind: 'attribute', member, suggests, carried, told: filled, ...(strange > 0 ? { misfits: strange } : {}) },
    ]
  }
  if (misfits === 0) return []
  const better = areMistakes(misfits, values) ? column.kind : suggests
  return [{ kind: 'misfit', member, declared: column.kind, suggests: better, misfits, values }]
}

function endFinding(
  { member, from, target = '' }: Column,
  { toOne, toMany, types }: EndEvidence,
  catalog: ReadonlyMap<string, Resource>,
): Finding[] {
  const declared: Shape = from === 'to-many' ? 'to-many' : 'to-one'
  const seen: Shape = toMany > 0 ? 'to-many' : 'to-one'
  if (toOne + toMany > 0 && seen !== declared) return [{ kind: 'shape', member, declared, seen }]
  const names = new Set([target, ...(catalog.get(target)?.aliases ?? [])])
  const others = [...types].filter((type) => !names.has(type)).toSorted()
  return others.length === 0 ? [] : [{ kind: 'end', member, shape: declared, declared: target, types: others }]
}

/**
 * A to-many that need not be declared: the records at its other end name this one in a to-one of theirs, or it is
 * declared as a way to read them. By the relationship's name as well, which spares asking for it: it is mostly the type's.
 */
export function isCarried(
  resource: Resource,
  catalog: ReadonlyMap<string, Resource>,
  member: string,
  found?: EndEvidence,
): boolean {
  if (resource.includedToMany.includes(member)) return true
  const types = found !== undefined && found.types.size > 0 ? [...found.types] : [member]
  return (found?.toOne ?? 0) === 0 && types.every((type) => namesBack(catalog, type, resource.type))
}

const namesBack = (catalog: ReadonlyMap<string, Resource>, type: string, owner: string): boolean =>
  [...catalog.values()].some(
    (other) =>
      (other.type === type || other.aliases.includes(type)) &&
      other.columns.some(({ from, target }) => from === 'to-one' && target === owner),
  )
