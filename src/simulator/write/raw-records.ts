/** Records as a test sets them, past the rules of the API. */
import type { Model } from '../model/model.ts'
import type { Fields, Linkage, Rec, Records } from '../records/records.ts'
import type { Changes, ChangeOptions } from './changes.ts'
import { initialAttributes } from './initial-values.ts'

export interface RawRecord {
  readonly type: string
  readonly id: string
  readonly attributes: Fields
  /** to-ones as they are stored, and the to-manys that are stored with the record */
  readonly relationships: Record<string, Linkage | readonly string[]>
}

export interface RawInput extends ChangeOptions {
  readonly id?: string
  readonly attributes?: Fields
  readonly relationships?: Record<string, Linkage | readonly string[]>
}

/** Records as a test sets them: no access rules, no casts, no validation; values of any type, ids of any form. */
export interface RawRecords {
  list(type: string): RawRecord[]
  read(type: string, id: string): RawRecord | null
  create(type: string, input?: RawInput): RawRecord
  update(type: string, id: string, input: RawInput): RawRecord
  remove(type: string, id: string, options?: ChangeOptions): void
}

export function createRawRecords(deps: { records: Records; changes: Changes; now: () => number }): RawRecords {
  const { records, changes } = deps

  function modelOf(type: string): Model {
    const table = records.table(type)
    if (table === undefined)
      throw new RangeError(
        `no resource is called ${type}; there are ${[...records.tables()].map(({ model }) => model.type).join(', ')}`,
      )
    return table.model
  }

  function existing(type: string, id: string): Rec {
    const rec = records.get(modelOf(type).type, id)
    if (rec === undefined) throw new RangeError(`${type} has no record ${id}`)
    return rec
  }

  return {
    list: (type) => (records.table(modelOf(type).type)?.ordered ?? []).map(raw),
    read(type, id) {
      const rec = records.get(modelOf(type).type, id)
      return rec === undefined ? null : raw(rec)
    },
    create(type, input = {}) {
      const model = modelOf(type)
      const blank = Object.fromEntries(
        Object.entries(model.toOne)
          .filter(([, { type: to }]) => to !== 'accounts')
          .map(([name]) => [name, null]),
      )
      const { toOne, toMany } = split(model, input.relationships)
      const all = { ...blank, ...toOne }
      const initial = initialAttributes(records, model, all, new Date(deps.now()).toISOString())
      // a unique name, for tests that only need one more record
      const name = 'name' in model.attributes ? { name: `New ${type} ${input.id ?? records.nextId(type)}` } : {}
      return raw(
        changes.create(
          type,
          input.id ?? null,
          { attributes: { ...initial, ...name, ...input.attributes }, toOne: all, toMany },
          input,
        ),
      )
    },
    update(type, id, input) {
      const rec = existing(type, id)
      const { toOne, toMany } = split(modelOf(type), input.relationships)
      changes.update(
        rec,
        {
          attributes: input.attributes ?? {},
          ...(Object.keys(toOne).length === 0 ? {} : { toOne }),
          ...(Object.keys(toMany).length === 0 ? {} : { toMany }),
        },
        input,
      )
      return raw(rec)
    },
    remove(type, id, options) {
      changes.remove(existing(type, id), options)
    },
  }
}

function raw({ type, id, attributes, toOne, toMany }: Rec): RawRecord {
  return { type, id, attributes, relationships: { ...toOne, ...toMany } }
}

function split(
  model: Model,
  relationships: RawInput['relationships'],
): { toOne: Record<string, Linkage>; toMany: Record<string, readonly string[]> } {
  const toOne: Record<string, Linkage> = {}
  const toMany: Record<string, readonly string[]> = {}
  for (const [name, linkage] of Object.entries(relationships ?? {})) {
    if (model.toMany[name] !== undefined) {
      if (!isIds(linkage)) throw new RangeError(`${name} is a to-many of ${model.type}: it takes an array of ids`)
      toMany[name] = linkage
    } else if (model.toOne[name] === undefined) {
      throw new RangeError(
        `${model.type} has no relationship ${name}; there are ${[...Object.keys(model.toOne), ...Object.keys(model.toMany)].join(', ')}`,
      )
    } else if (isIds(linkage))
      throw new RangeError(`${name} is a to-one of ${model.type}: it takes an id, {type, id}, or null`)
    else toOne[name] = linkage
  }
  return { toOne, toMany }
}

const isIds = (linkage: Linkage | readonly string[]): linkage is readonly string[] => Array.isArray(linkage)
