/** The page that a browser opens: sign in, allow or deny, and back to redirect_uri with a code (API notes §1). */
import { httpResponse, noBody, type HttpResponse, type HttpRequest } from '../exchange.ts'
import type { Codes } from './codes.ts'
import type { Credentials } from './token-endpoint.ts'

const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'
/** parameters that the form sends back */
const carried = [
  'client_id',
  'redirect_uri',
  'response_type',
  'state',
  'scope',
  'code_challenge',
  'code_challenge_method',
]

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${String(char.charCodeAt(0))};`)

const page = (status: number, title: string, content: string): HttpResponse =>
  httpResponse(
    status,
    'text/html; charset=utf-8',
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}label{display:block;margin:.8rem 0}
input{width:100%;padding:.4rem;box-sizing:border-box}button{padding:.5rem 1rem;margin-right:.5rem}</style></head>
<body><h1>${title}</h1>${content}</body></html>`,
  )

function isAllowedRedirect(uri: string): boolean {
  if (uri === outOfBand) return true
  try {
    const { protocol, hostname } = new URL(uri)
    return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
  } catch {
    return false
  }
}

interface Deps {
  readonly credentials: Credentials
  readonly codes: Codes
}

export function handleAuthorize(deps: Deps, request: HttpRequest): HttpResponse {
  const posted = request.method === 'POST'
  if (!posted && request.method !== 'GET' && request.method !== 'HEAD') return httpResponse(404, 'text/html', '')
  const params = posted ? new URLSearchParams(request.body.toString()) : request.params
  return invalidRequest(deps, params) ?? (posted ? decide(deps, params) : form(params, null))
}

/** The response to a request that Doorkeeper refuses before it shows the form, or null. */
function invalidRequest({ credentials }: Deps, params: URLSearchParams): HttpResponse | null {
  if (params.get('client_id') !== credentials.clientId)
    return page(401, 'An error has occurred', '<p>Client authentication failed due to unknown client.</p>')
  if (!isAllowedRedirect(redirectOf(params)))
    return page(400, 'An error has occurred', '<p>The redirect uri included is not valid.</p>')
  if (params.get('response_type') !== 'code') return redirect(params, { error: 'unsupported_response_type' })
  if (params.has('code_challenge') && !['plain', 'S256'].includes(challengeMethod(params)))
    return redirect(params, { error: 'invalid_code_challenge_method' })
  return null
}

const redirectOf = (params: URLSearchParams): string => params.get('redirect_uri') ?? ''
const challengeMethod = (params: URLSearchParams): string => params.get('code_challenge_method') ?? 'plain'

/** The form came back, with the user's credentials and decision. */
function decide({ credentials, codes }: Deps, params: URLSearchParams): HttpResponse {
  if (params.get('decision') === 'deny')
    return redirect(params, {
      error: 'access_denied',
      error_description: 'The resource owner or authorization server denied the request.',
    })
  const { username, password } = credentials
  if (params.get('username') !== username || params.get('password') !== password)
    return form(params, 'Invalid email or password.')
  const code = codes.issue({
    redirect: redirectOf(params),
    scope: params.get('scope') ?? 'read write',
    challenge: params.get('code_challenge'),
    method: challengeMethod(params),
  })
  return redirectOf(params) === outOfBand
    ? page(200, 'Authorization code', `<code id="authorization_code">${escaped(code)}</code>`)
    : redirect(params, { code })
}

function redirect(params: URLSearchParams, values: Record<string, string>): HttpResponse {
  const target = redirectOf(params)
  if (target === outOfBand) return page(400, 'An error has occurred', `<p>${escaped(values['error'] ?? '')}</p>`)
  const url = new URL(target)
  for (const [key, value] of Object.entries(values)) url.searchParams.set(key, value)
  const state = params.get('state')
  if (state !== null) url.searchParams.set('state', state)
  return httpResponse(302, null, noBody, { Location: url.href })
}

function form(params: URLSearchParams, problem: string | null): HttpResponse {
  const hidden = carried
    .filter((name) => params.has(name))
    .map((name) => `<input type="hidden" name="${name}" value="${escaped(params.get(name) ?? '')}">`)
  return page(
    problem === null ? 200 : 401,
    'Authorize access',
    `${problem === null ? '' : `<p role="alert">${problem}</p>`}
<p>Sign in to let <b>${escaped(params.get('client_id') ?? '')}</b> use this simulated account.</p>
<form method="post" action="/oauth/authorize">${hidden.join('')}
<label>Email <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="decision" value="allow">Authorize</button><button name="decision" value="deny">Deny</button></form>`,
  )
}
