/**
 * Reads the bodies of the control API. A mistake in a test must not pass as a switch that does nothing, so unknown names and
 * wrong values are errors with a sentence.
 */
import type { Fields, Linkage } from '../records/records.ts'
import type { RawInput } from '../write/raw-records.ts'
import { faultBodies, faultKinds, pathTest, type FaultInput, type Match } from './faults.ts'
import type { ScriptRule, Step } from './script.ts'

/** A body that the control API does not accept: the sentence says what it takes. */
export class ControlInputError extends Error {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'ControlInputError'
  }
}

const rejectInput = (sentence: string): never => {
  throw new ControlInputError(sentence)
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function readJson(body: Buffer): Fields {
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString())
  } catch {
    rejectInput('the body is not JSON; it takes a JSON object')
  }
  return isObject(value) ? value : rejectInput('the body takes a JSON object')
}

function checkNames(input: Fields, names: readonly string[], of: string): void {
  for (const name of Object.keys(input))
    if (!names.includes(name)) rejectInput(`${of} takes ${names.join(', ')}, not ${name}`)
}

interface Check {
  readonly fits: (value: unknown) => boolean
  readonly takes: string
}

const isWhole = (value: unknown, low: number): boolean => Number.isInteger(value) && (value as number) >= low

const wholeFrom0: Check = { fits: (value) => isWhole(value, 0), takes: 'a whole number from 0' }

const faultChecks: Readonly<Record<Exclude<keyof FaultInput, 'match'>, Check>> = {
  kind: {
    fits: (value) => faultKinds.some((known) => known === String(value)),
    takes: `one of ${faultKinds.join(', ')}`,
  },
  count: {
    fits: (value) => value === 'always' || isWhole(value, 1),
    takes: "a whole number from 1, or 'always'",
  },
  rate: {
    fits: (value) => typeof value === 'number' && value >= 0 && value <= 1,
    takes: 'a number from 0 to 1',
  },
  retryAfter: {
    fits: (value) => typeof value === 'number' || typeof value === 'string',
    takes: 'seconds as a number, or an HTTP date as text',
  },
  body: {
    fits: (value) => faultBodies.some((known) => known === value),
    takes: `one of ${faultBodies.join(', ')}`,
  },
  afterBytes: wholeFrom0,
  ms: wholeFrom0,
}

export function readFault(input: Fields): FaultInput {
  checkNames(input, ['kind', 'match', 'count', 'rate', 'retryAfter', 'body', 'afterBytes', 'ms'], 'a fault')
  for (const [name, { fits, takes }] of Object.entries(faultChecks)) {
    const required = name === 'kind'
    if ((required || input[name] !== undefined) && !fits(input[name])) rejectInput(`${name} takes ${takes}`)
  }
  const { kind, match, ...others } = input
  // each member has passed its check
  const fault = { ...others, kind: String(kind) } as FaultInput
  return match === undefined ? fault : { ...fault, match: readMatch(match) }
}

function readMatch(input: unknown): Match {
  if (!isObject(input)) return rejectInput('match takes an object with method, path, type, page')
  checkNames(input, ['method', 'path', 'type', 'page'], 'match')
  for (const name of ['method', 'path', 'type']) {
    if (input[name] !== undefined && typeof input[name] !== 'string') rejectInput(`match.${name} takes text`)
  }
  if (input['page'] !== undefined && !isWhole(input['page'], 1)) rejectInput('match.page takes a whole number from 1')
  if (typeof input['path'] === 'string') {
    try {
      pathTest(input['path'])
    } catch {
      rejectInput('match.path takes a part of the path, or a regular expression between slashes')
    }
  }
  return input
}

export function readRecord(input: Fields): RawInput {
  checkNames(input, ['id', 'type', 'attributes', 'relationships', 'touch', 'cascade'], 'a record')
  const { id, attributes, relationships, touch, cascade } = input
  if (attributes !== undefined && !isObject(attributes)) rejectInput('attributes takes an object')
  return {
    ...(id === undefined ? {} : { id: String(id) }),
    ...(isObject(attributes) ? { attributes } : {}),
    ...(relationships === undefined ? {} : { relationships: readLinks(relationships) }),
    ...(typeof touch === 'boolean' ? { touch } : {}),
    ...(typeof cascade === 'boolean' ? { cascade } : {}),
  }
}

function readLinks(input: unknown): Record<string, Linkage | string[]> {
  const form =
    'relationships takes an object of name to id, {type, id}, null, an array of ids, or {data} around any of them'
  if (!isObject(input)) return rejectInput(form)
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      readLink(isObject(value) && 'data' in value ? value['data'] : value, form),
    ]),
  )
}

function readLink(value: unknown, form: string): Linkage | string[] {
  if (value === null) return null
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return (value as unknown[]).map((entry) => String(isObject(entry) ? entry['id'] : entry))
  if (isObject(value) && typeof value['type'] === 'string') return { type: value['type'], id: String(value['id']) }
  return rejectInput(form)
}

export function readScriptRule(input: Fields): Omit<ScriptRule, 'id'> {
  checkNames(input, ['when', 'do', 'once', 'at'], 'a script')
  const { when, once, at } = input
  if (!isObject(when) || typeof when['type'] !== 'string') return rejectInput('when takes {type, page?}')
  if (when['page'] !== undefined && !isWhole(when['page'], 1)) rejectInput('when.page takes a whole number from 1')
  if (!Array.isArray(input['do'])) return rejectInput('do takes an array of {create}, {update} or {delete}')
  if (at !== undefined && at !== 'before' && at !== 'after') rejectInput('at takes before or after')
  const steps = (input['do'] as unknown[]).map(readStep)
  return {
    when: { type: when['type'], page: (when['page'] as number | undefined) ?? null },
    do: steps,
    once: once !== false,
    at: at === 'after' ? 'after' : 'before',
  }
}

function readStep(step: unknown): Step {
  const [verb, body] = isObject(step) ? (Object.entries(step)[0] ?? []) : []
  if (!isObject(body) || typeof body['type'] !== 'string')
    return rejectInput('a step takes {create: {type, …}}, {update: {type, id, …}} or {delete: {type, id}}')
  const { type } = body
  const record = readRecord(body)
  if (verb === 'create') return { create: { type, ...record } as Extract<Step, { create: unknown }>['create'] }
  if (record.id === undefined || (verb !== 'update' && verb !== 'delete'))
    return rejectInput('a step takes {create: {type, …}}, {update: {type, id, …}} or {delete: {type, id}}')
  return verb === 'update'
    ? { update: { ...record, type, id: record.id } as Extract<Step, { update: unknown }>['update'] }
    : { delete: { type, id: record.id } }
}
