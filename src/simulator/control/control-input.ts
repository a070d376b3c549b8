import type { Fields, Linkage } from '../records/records.ts'
import type { RawInput } from '../write/raw-records.ts'
import { faultBodies, faultKinds, pathTest, type FaultInput, type FaultKind, type Match } from './faults.ts'
import type { Line, Step } from './script.ts'

/** A control body that is not understood: the sentence says what is accepted. */
export class ControlMistake extends Error {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'ControlMistake'
  }
}

const wrong = (sentence: string): never => {
  throw new ControlMistake(sentence)
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function readJson(body: Buffer): Fields {
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString())
  } catch {
    wrong('the body is not JSON; it takes a JSON object')
  }
  return isObject(value) ? value : wrong('the body takes a JSON object')
}

function only(given: Fields, names: readonly string[], of: string): void {
  for (const name of Object.keys(given))
    if (!names.includes(name)) wrong(`${of} takes ${names.join(', ')}, not ${name}`)
}

export function readFault(given: Fields): FaultInput {
  only(given, ['kind', 'match', 'count', 'rate', 'retryAfter', 'body', 'afterBytes', 'ms'], 'a fault')
  const { kind, count, rate, retryAfter, body, afterBytes, ms } = given
  if (!faultKinds.some((known) => known === String(kind))) wrong(`kind takes one of ${faultKinds.join(', ')}`)
  if (count !== undefined && count !== 'always' && !isWhole(count, 1))
    wrong("count takes a whole number from 1, or 'always'")
  if (rate !== undefined && !(typeof rate === 'number' && rate >= 0 && rate <= 1))
    wrong('rate takes a number from 0 to 1')
  if (retryAfter !== undefined && typeof retryAfter !== 'number' && typeof retryAfter !== 'string')
    wrong('retryAfter takes seconds as a number, or an HTTP date as text')
  if (body !== undefined && !faultBodies.some((known) => known === body))
    wrong(`body takes one of ${faultBodies.join(', ')}`)
  for (const [name, value] of [
    ['afterBytes', afterBytes],
    ['ms', ms],
  ] as const) {
    if (value !== undefined && !isWhole(value, 0)) wrong(`${name} takes a whole number from 0`)
  }
  return {
    kind: String(kind) as FaultKind,
    ...(given['match'] === undefined ? {} : { match: readMatch(given['match']) }),
    ...(count === undefined ? {} : { count: count as number | 'always' }),
    ...(rate === undefined ? {} : { rate: rate as number }),
    ...(retryAfter === undefined ? {} : { retryAfter: retryAfter as number | string }),
    ...(body === undefined ? {} : { body: body as (typeof faultBodies)[number] }),
    ...(afterBytes === undefined ? {} : { afterBytes: afterBytes as number }),
    ...(ms === undefined ? {} : { ms: ms as number }),
  }
}

const isWhole = (value: unknown, low: number): boolean => Number.isInteger(value) && (value as number) >= low

function readMatch(given: unknown): Match {
  if (!isObject(given)) return wrong('match takes an object with method, path, type, page')
  only(given, ['method', 'path', 'type', 'page'], 'match')
  for (const name of ['method', 'path', 'type']) {
    if (given[name] !== undefined && typeof given[name] !== 'string') wrong(`match.${name} takes text`)
  }
  if (given['page'] !== undefined && !isWhole(given['page'], 1)) wrong('match.page takes a whole number from 1')
  if (typeof given['path'] === 'string') {
    try {
      pathTest(given['path'])
    } catch {
      wrong('match.path takes a part of the path, or a regular expression between slashes')
    }
  }
  return given
}

export function readRecord(given: Fields): RawInput {
  only(given, ['id', 'type', 'attributes', 'relationships', 'touch', 'cascade'], 'a record')
  const { id, attributes, relationships, touch, cascade } = given
  if (attributes !== undefined && !isObject(attributes)) wrong('attributes takes an object')
  return {
    ...(id === undefined ? {} : { id: String(id) }),
    ...(isObject(attributes) ? { attributes } : {}),
    ...(relationships === undefined ? {} : { relationships: readLinks(relationships) }),
    ...(typeof touch === 'boolean' ? { touch } : {}),
    ...(typeof cascade === 'boolean' ? { cascade } : {}),
  }
}

function readLinks(given: unknown): Record<string, Linkage | string[]> {
  const form =
    'relationships takes an object of name to id, {type, id}, null, an array of ids, or {data} around any of them'
  if (!isObject(given)) return wrong(form)
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
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
  return wrong(form)
}

export function readLine(given: Fields): Omit<Line, 'id'> {
  only(given, ['when', 'do', 'once', 'at'], 'a script')
  const { when, once, at } = given
  if (!isObject(when) || typeof when['type'] !== 'string') return wrong('when takes {type, page?}')
  if (when['page'] !== undefined && !isWhole(when['page'], 1)) wrong('when.page takes a whole number from 1')
  if (!Array.isArray(given['do'])) return wrong('do takes an array of {create}, {update} or {delete}')
  if (at !== undefined && at !== 'before' && at !== 'after') wrong('at takes before or after')
  const steps = (given['do'] as unknown[]).map(readStep)
  return {
    when: { type: when['type'], page: (when['page'] as number | undefined) ?? null },
    do: steps,
    once: once !== false,
    at: at === 'after' ? 'after' : 'before',
  }
}

function readStep(given: unknown): Step {
  const [verb, body] = isObject(given) ? (Object.entries(given)[0] ?? []) : []
  if (!isObject(body) || typeof body['type'] !== 'string')
    return wrong('a step takes {create: {type, …}}, {update: {type, id, …}} or {delete: {type, id}}')
  const { type } = body
  const input = readRecord(body)
  if (verb === 'create') return { create: { type, ...input } as Extract<Step, { create: unknown }>['create'] }
  if (input.id === undefined || (verb !== 'update' && verb !== 'delete'))
    return wrong('a step takes {create: {type, …}}, {update: {type, id, …}} or {delete: {type, id}}')
  return verb === 'update'
    ? { update: { ...input, type, id: input.id } as Extract<Step, { update: unknown }>['update'] }
    : { delete: { type, id: input.id } }
}
