/** Reads and checks the body of a write, in the order of the library that ScopeStack uses. */
import {
  ValidationError,
  invalidLinks,
  invalidResource,
  keyDiffers,
  keyMissing,
  missing,
  notAllowed,
  unreadable,
} from '../errors.ts'
import type { Access, Model } from '../model/model.ts'
import { idOf, type Fields, type Linkage, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import { cast } from './casts.ts'

export interface Written {
  readonly attributes: Fields
  readonly toOne: Record<string, Linkage>
  readonly toMany: Record<string, readonly string[]>
}
interface Deps {
  readonly records: Records
  readonly switches: Switches
  readonly account: { readonly id: number; readonly slug: string }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The request's `data`, checked in the library's order: JSON, data, type, id, then its members (API notes §6, §12). */
export function readWrite(deps: Deps, model: Model, body: Buffer, target: Rec | null): Written {
  const document = parse(body)
  if (!isObject(document) || !isObject(document['data'])) throw missing('data')
  const { data } = document
  if (data['type'] === undefined || data['type'] === null) throw missing('type')
  if (data['type'] !== model.type) throw invalidResource(String(data['type']))
  if (target === null && data['id'] !== undefined) throw notAllowed('id')
  if (target !== null && (data['id'] === undefined || data['id'] === null)) throw keyMissing()
  if (target !== null && String(data['id']) !== target.id) throw keyDiffers(String(data['id']))
  for (const name of Object.keys(data)) {
    if (!['type', 'id', 'attributes', 'relationships', 'links', 'meta'].includes(name)) throw notAllowed(name)
  }
  return {
    attributes: attributesOf(deps, model, data['attributes']),
    ...relationshipsOf(deps, model, data['relationships']),
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw unreadable()
  }
}

const may = (access: Access, switches: Switches): boolean =>
  access === 'seen' || (access === 'unsure' && switches.unsureAttributes === 'writable')

const isRefused = ({ switches }: Deps, { type }: Model, name: string): boolean =>
  (switches.refusedMembers[type] ?? []).includes(name)

function attributesOf(deps: Deps, model: Model, members: unknown): Fields {
  if (members === undefined) return {}
  if (!isObject(members)) throw missing('attributes')
  const attributes: Fields = {}
  for (const [name, value] of Object.entries(members)) {
    const attribute = Object.hasOwn(model.attributes, name) ? model.attributes[name] : undefined
    if (attribute === undefined || !may(attribute.access, deps.switches) || isRefused(deps, model, name))
      throw notAllowed(name)
    attributes[name] = cast(attribute, value)
  }
  return attributes
}

function relationshipsOf(deps: Deps, model: Model, members: unknown): Pick<Written, 'toOne' | 'toMany'> {
  const toOne: Record<string, Linkage> = {}
  const toMany: Record<string, readonly string[]> = {}
  if (members !== undefined && !isObject(members)) throw missing('relationships')
  for (const [name, value] of Object.entries(members ?? {})) {
    const one = Object.hasOwn(model.toOne, name) ? model.toOne[name] : undefined
    if (one === undefined || !may(one.access, deps.switches) || isRefused(deps, model, name)) throw notAllowed(name)
    if (!isObject(value) || !('data' in value)) throw missing('data')
    toOne[name] = linkOf(deps, name, one.type, value['data'])
  }
  return { toOne, toMany }
}

function linkOf(deps: Deps, name: string, type: string, data: unknown): Linkage {
  if (data === null) return null
  if (!isObject(data) || !['string', 'number'].includes(typeof data['id'])) throw invalidLinks(name)
  if (data['type'] !== type) throw invalidLinks(name)
  const id = String(data['id'])
  // "in responses the account linkage id is the slug; in bodies clients send the numeric id" (API notes §2)
  if (type === 'accounts') {
    if (id === String(deps.account.id) || id === deps.account.slug) return deps.account.slug
    throw new ValidationError([{ pointer: `/data/relationships/${name}`, name, message: 'must exist' }])
  }
  if (deps.switches.danglingLinks === 'refused' && deps.records.get(type, id) === undefined) {
    throw new ValidationError([{ pointer: `/data/relationships/${name}`, name, message: 'must exist' }])
  }
  return id
}

/** Blank names and duplicates (API notes §6: 422, code 100, "has already been taken"). */
export function validate(
  deps: Deps,
  model: Model,
  rec: { readonly id: string | null; readonly attributes: Fields; readonly toOne: Record<string, Linkage> },
): void {
  const problems: { pointer: string; name: string; message: string }[] = []
  for (const name of model.required) {
    if (model.toOne[name] !== undefined) {
      if (idOf(rec.toOne[name]) === null)
        problems.push({ pointer: `/data/relationships/${name}`, name, message: 'must exist' })
    } else if (String(rec.attributes[name] ?? '').trim() === '') {
      problems.push({ pointer: `/data/attributes/${name}`, name, message: "can't be blank" })
    }
  }
  const { unique } = model
  if (
    unique !== null &&
    String(rec.attributes[unique.attribute] ?? '') !== '' &&
    isTaken(deps.records, model, unique, rec)
  ) {
    problems.push({
      pointer: `/data/attributes/${unique.attribute}`,
      name: unique.attribute,
      message: 'has already been taken',
    })
  }
  if (problems.length > 0) throw new ValidationError(problems)
}

function isTaken(
  records: Records,
  model: Model,
  unique: NonNullable<Model['unique']>,
  rec: { readonly id: string | null; readonly attributes: Fields; readonly toOne: Record<string, Linkage> },
): boolean {
  const { attribute, within } = unique
  const others =
    within === undefined
      ? (records.table(model.type)?.ordered ?? [])
      : records.referring(model.type, within, idOf(rec.toOne[within]) ?? '')
  return others.some((other) => other.id !== rec.id && other.attributes[attribute] === rec.attributes[attribute])
}
