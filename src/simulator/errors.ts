/** Codes, titles and texts are the library's (API notes §6, §12); the 401 body is the help page's. */
import type { Switches } from './switches.ts'

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly source: Readonly<Record<string, string>> | null

  constructor(status: number, code: string, title: string, detail: string, source?: Readonly<Record<string, string>>) {
    super(detail)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.title = title
    this.source = source ?? null
  }
}

/** 401, 403 and 404 of an unknown route: the body differs by profile. */
export class Refusal extends Error {
  readonly status: 401 | 403 | 404

  constructor(status: 401 | 403 | 404) {
    super(`refused with ${String(status)}`)
    this.name = 'Refusal'
    this.status = status
  }
}

/** 422: several validation messages in one response. */
export class ValidationError extends Error {
  readonly problems: readonly { readonly pointer: string; readonly name: string; readonly message: string }[]

  constructor(problems: ValidationError['problems']) {
    super('the record is not valid')
    this.name = 'Invalid'
    this.problems = problems
  }
}

const bad = (code: string, title: string, detail: string): ApiError => new ApiError(400, code, title, detail)

export const invalidResource = (type: string): ApiError =>
  bad('101', 'Invalid resource', `${type} is not a valid resource.`)
export const filterNotAllowed = (name: string): ApiError => bad('102', 'Filter not allowed', `${name} is not allowed.`)
export const invalidFieldValue = (value: string, field: string): ApiError =>
  bad('103', 'Invalid field value', `${value} is not a valid value for ${field}.`)
export const invalidField = (name: string, type: string): ApiError =>
  bad('104', 'Invalid field', `${name} is not a valid field for ${type}.`)
export const notAllowed = (name: string): ApiError => bad('105', 'Param not allowed', `${name} is not allowed.`)
export const missing = (name: string): ApiError =>
  bad('106', 'Missing Parameter', `The required parameter, ${name}, is missing.`)
export const keyMissing = (): ApiError => bad('109', 'A key is required', 'The resource object does not contain a key.')
export const keyDiffers = (id: string): ApiError =>
  bad('110', 'A key mismatch', `The URL does not support the key ${id}`)
export const invalidInclude = (name: string, type: string): ApiError =>
  bad('112', 'Invalid field', `${name} is not a valid includable relationship of ${type}`)
export const invalidLinks = (name: string): ApiError =>
  bad('115', 'Invalid Links Object', `Data is not a valid Links Object: ${name}.`)
export const invalidSort = (name: string, type: string): ApiError =>
  bad('114', 'Invalid sort criteria', `${name} is not a valid sort criteria for ${type}`)
export const invalidPage = (detail: string): ApiError => bad('118', 'Invalid page value', detail)
export const filterSyntax = (text: string): ApiError =>
  bad('120', 'Invalid filters syntax', `${text} is not a valid syntax for filtering.`)
export const unreadable = (): ApiError => bad('400', 'Bad Request', 'The request body is not valid JSON.')
export const recordNotFound = (id: string): ApiError =>
  new ApiError(404, '404', 'Record not found', `The record identified by ${id} could not be found.`)
export const notAcceptable = (got: string): ApiError =>
  new ApiError(
    406,
    '406',
    'Not acceptable',
    `All requests must use the 'application/vnd.api+json' Accept without media type parameters. This request specified '${got}'.`,
  )
export const unsupportedMedia = (got: string): ApiError =>
  new ApiError(
    415,
    '415',
    'Unsupported media type',
    `All requests that create or update must use the 'application/vnd.api+json' Content-Type. This request specified '${got}'.`,
  )
export const tooLarge = (): ApiError =>
  new ApiError(413, '413', 'Payload Too Large', 'The request body is larger than the server accepts.')
export const internal = (): ApiError => new ApiError(500, '500', 'Internal Server Error', 'Internal Server Error')

export interface ErrorBody {
  readonly status: number
  readonly type: string
  readonly body: string
}

export const jsonApi = 'application/vnd.api+json'

const titles: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
}

export function refusalBody(status: number, bodies: Switches['errorBodies']): ErrorBody {
  if (bodies === 'html') return { status, type: 'text/html', body: '' }
  // "{"errors":[{"status":"401","title":"Unauthorized"}]}" word for word, without a code (API notes §1)
  return {
    status,
    type: jsonApi,
    body: JSON.stringify({ errors: [{ status: String(status), title: titles[status] ?? 'Error' }] }),
  }
}

type Shape = Pick<Switches, 'errorBodies' | 'errorShape' | 'includeErrors'>

/** of filter, include, sort, page and fields */
const queryCodes: ReadonlySet<string> = new Set(['101', '102', '104', '112', '114', '118'])

interface Problem {
  readonly name: string | null
  readonly message: string
  readonly body: Readonly<Record<string, unknown>>
}

export function errorBody(error: unknown, { errorBodies, errorShape, includeErrors }: Shape): ErrorBody {
  if (error instanceof Refusal) return refusalBody(error.status, errorBodies)
  const status = error instanceof ValidationError ? 422 : error instanceof ApiError ? error.status : 500
  if (includeErrors === 'empty' && error instanceof ApiError && queryCodes.has(error.code)) {
    return { status, type: 'text/html', body: '' }
  }
  const problems = problemsOf(error)
  if (errorShape === 'text') {
    return { status, type: 'text/plain', body: problems.map(sentence).join('\n') }
  }
  return { status, type: errorShape === 'json-api' ? jsonApi : 'application/json', body: shaped(errorShape, problems) }
}

function problemsOf(error: unknown): Problem[] {
  if (error instanceof ValidationError) {
    return error.problems.map(({ pointer, name, message }) => ({
      name,
      message,
      body: { title: message, detail: `${name} - ${message}`, code: '100', source: { pointer }, status: '422' },
    }))
  }
  const { status, code, title, message, source } = error instanceof ApiError ? error : internal()
  const body = { title, detail: message, code, ...(source === null ? {} : { source }), status: String(status) }
  return [{ name: null, message, body }]
}

function shaped(shape: Exclude<Switches['errorShape'], 'text'>, problems: readonly Problem[]): string {
  if (shape === 'json-api') return JSON.stringify({ errors: problems.map(({ body }) => body) })
  if (shape === 'list') return JSON.stringify({ errors: problems.map(sentence) })
  if (shape === 'error') return JSON.stringify({ error: problems.map(sentence).join(', ') })
  const errors: Record<string, string[]> = {}
  for (const { name, message } of problems) (errors[(name ?? 'base').replaceAll('-', '_')] ??= []).push(message)
  return JSON.stringify({ errors })
}

/** As Rails' `full_messages` have it: `Project name can't be blank`. */
function sentence({ name, message }: Problem): string {
  const words = name?.replaceAll('-', ' ') ?? ''
  return words === '' ? message : `${words[0]?.toUpperCase() ?? ''}${words.slice(1)} ${message}`
}
