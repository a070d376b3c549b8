/** Creates and updates records by a request, with copied names, merged fields and computed values. */
import type { Model } from '../model/model.ts'
import { expandResponses } from '../read/surveys.ts'
import { withValues } from '../read/variables.ts'
import { idOf, type Fields, type Linkage, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import type { Changes } from './changes.ts'
import { recompute } from './computed.ts'
import { initialAttributes } from './initial-values.ts'
import { readWrite, validate } from './request-body.ts'

export interface WriteDeps {
  readonly records: Records
  readonly changes: Changes
  readonly switches: Switches
  readonly account: { readonly id: number; readonly slug: string }
  readonly now: () => number
}

export function createRecord(deps: WriteDeps, model: Model, body: Buffer): Rec {
  const written = readWrite(deps, model, body, null)
  const toOne: Record<string, Linkage> = {}
  for (const [name, { type }] of Object.entries(model.toOne)) if (type !== 'accounts') toOne[name] = null
  Object.assign(toOne, written.toOne, inherited(deps.records, model, written.toOne))
  const initial = initialAttributes(deps.records, model, toOne, new Date(deps.now()).toISOString())
  const attributes = merged(deps.records, model, initial, written.attributes, toOne)
  validate(deps, model, { id: null, attributes, toOne })
  const rec = deps.changes.create(model.type, null, { attributes, toOne })
  recompute(deps.records, rec)
  return rec
}

export function updateRecord(deps: WriteDeps, model: Model, rec: Rec, body: Buffer): void {
  const written = readWrite(deps, model, body, rec)
  const toOne = { ...rec.toOne, ...written.toOne }
  const attributes = merged(deps.records, model, rec.attributes, written.attributes, toOne)
  validate(deps, model, { id: rec.id, attributes, toOne })
  const names = Object.keys(written.attributes)
  const changed = Object.fromEntries(
    [...names, ...copiedNames(model, written.toOne)].map((name) => [name, attributes[name]]),
  )
  if (names.length === 0 && Object.keys(written.toOne).length === 0) return
  deps.changes.update(rec, { attributes: changed, toOne: written.toOne })
  recompute(deps.records, rec)
}

/** A project copies the names of its to-ones. */
const copiedNames = (model: Model, toOne: Record<string, Linkage>): string[] =>
  Object.keys(toOne)
    .map((name) => `${name}-name`)
    .filter((name) => model.attributes[name] !== undefined)

function merged(
  records: Records,
  model: Model,
  current: Fields,
  written: Fields,
  toOne: Record<string, Linkage>,
): Fields {
  const attributes: Fields = { ...current }
  for (const [name, value] of Object.entries(written)) {
    const kind = model.attributes[name]?.kind
    if (kind === 'variables') attributes[name] = withValues(current[name], value)
    else if (model.type === 'surveys' && name === 'responses') attributes[name] = expandResponses(records, toOne, value)
    else attributes[name] = value
  }
  for (const name of copiedNames(model, toOne)) {
    const link = name.slice(0, -'-name'.length)
    const target = records.get(model.toOne[link]?.type ?? '', idOf(toOne[link]) ?? '')
    attributes[name] = target?.attributes['name'] ?? null
  }
  return attributes
}

/** A subservice belongs to its service's project. */
function inherited(records: Records, model: Model, toOne: Record<string, Linkage>): Record<string, Linkage> {
  if (model.type !== 'project-subservices') return {}
  const service = records.get('project-services', idOf(toOne['project-service']) ?? '')
  if (service === undefined) return {}
  const names = ['project', 'project-location', 'lob', 'project-resource', 'resource', 'service-category']
  return Object.fromEntries(names.map((name) => [name, service.toOne[name] ?? null]))
}
