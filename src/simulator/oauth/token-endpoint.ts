/** POST /oauth/token as Doorkeeper answers it: all four grants, and its refusals word for word. */
import { httpResponse, jsonResponse, type HttpResponse, type HttpRequest } from '../exchange.ts'
import type { Codes } from './codes.ts'
import type { Grant, Tokens } from './tokens.ts'

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
  readonly username: string
  readonly password: string
  readonly account: string
}

interface Deps {
  readonly credentials: Credentials
  readonly tokens: Tokens
  readonly codes: Codes
  readonly switches: { readonly looseTokenRequests: boolean }
}

/** Doorkeeper's stock texts; ScopeStack's help quotes the one of invalid_grant word for word (API notes §1). */
const texts = {
  invalid_request:
    'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  invalid_client:
    'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  invalid_grant:
    'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  unsupported_grant_type: 'The authorization grant type is not supported by the authorization server.',
  invalid_scope: 'The requested scope is invalid, unknown, or malformed.',
} as const

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

function oauthError(error: keyof typeof texts): HttpResponse {
  const description = texts[error]
  const status = error === 'invalid_client' ? 401 : 400
  const challenge = `Bearer realm="Doorkeeper", error="${error}", error_description="${description}"`
  const headers = status === 401 ? { ...noStore, 'WWW-Authenticate': challenge } : noStore
  return jsonResponse(status, { error, error_description: description }, headers)
}

const scopes = ['read', 'write']

export function handleToken(deps: Deps, request: HttpRequest): HttpResponse {
  // "GET → 404" (API notes §12)
  if (request.method !== 'POST') return httpResponse(404, 'text/html', '')
  const form = readForm(deps, request)
  if (form === null) return oauthError('invalid_request')
  const grant = form.get('grant_type')
  if (grant === undefined || grant === '') return oauthError('invalid_request')
  if (!isGrant(grant)) return oauthError('unsupported_grant_type')
  if (
    form.get('client_id') !== deps.credentials.clientId ||
    form.get('client_secret') !== deps.credentials.clientSecret
  ) {
    // a public client proves itself by PKCE; every other grant needs the secret
    const proven =
      grant === 'authorization_code' && form.get('client_secret') === undefined && form.has('code_verifier')
    if (!proven || form.get('client_id') !== deps.credentials.clientId) return oauthError('invalid_client')
  }
  const scope = form.get('scope') ?? 'read write'
  if (scope.split(' ').some((name) => !scopes.includes(name))) return oauthError('invalid_scope')
  return issueToken(deps, grant, form, scope)
}

function issueToken(deps: Deps, grant: Grant, form: ReadonlyMap<string, string>, scope: string): HttpResponse {
  const ok = (issuedScope: string): HttpResponse => jsonResponse(200, deps.tokens.issue(grant, issuedScope), noStore)
  switch (grant) {
    case 'client_credentials':
      return ok(scope)
    case 'password': {
      // a stray redirect_uri makes this grant fail (API notes §1)
      const right =
        form.get('username') === deps.credentials.username && form.get('password') === deps.credentials.password
      return right && !form.has('redirect_uri') ? ok(scope) : oauthError('invalid_grant')
    }
    case 'refresh_token': {
      const token = form.get('refresh_token')
      if (token === undefined || token === '') return oauthError('invalid_request')
      const issued = deps.tokens.redeem(token)
      return issued === null ? oauthError('invalid_grant') : ok(issued.scope)
    }
    case 'authorization_code': {
      const code = form.get('code')
      const redirect = form.get('redirect_uri')
      if (code === undefined || redirect === undefined) return oauthError('invalid_request')
      const issued = deps.codes.redeem(code, redirect, form.get('code_verifier') ?? null)
      return issued === null ? oauthError('invalid_grant') : ok(issued.scope)
    }
  }
}

const isGrant = (text: string): text is Grant =>
  ['client_credentials', 'password', 'refresh_token', 'authorization_code'].includes(text)

/** Form-encoded as the guide says; HTTP Basic and JSON only if the library's looseness is switched on. */
function readForm({ switches }: Deps, { headers, body }: HttpRequest): Map<string, string> | null {
  const form = fieldsOf(headers['content-type'] ?? '', body, switches.looseTokenRequests)
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (form !== null && basic !== undefined && switches.looseTokenRequests) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(decoded)
    form.set('client_id', id)
    form.set('client_secret', secret)
  }
  return form
}

/** null: the body is not JSON, although it says so. */
function fieldsOf(contentType: string, body: Buffer, loose: boolean): Map<string, string> | null {
  const type = contentType.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return new Map(new URLSearchParams(body.toString()))
  if (type !== 'application/json' || !loose) return new Map()
  const fields = parsed(body)
  return (
    fields && new Map(Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === 'string'))
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function parsed(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
