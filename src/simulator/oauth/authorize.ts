import { httpResponse, noBody, type HttpResponse, type HttpRequest } from '../exchange.ts'
import type { Codes } from './codes.ts'
import type { Credentials } from './token-endpoint.ts'

/** The page a browser meets: sign in, allow or deny, and back to redirect_uri with a code (API notes §1). */

const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'
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

function usable(redirect: string): boolean {
  if (redirect === outOfBand) return true
  try {
    const { protocol, hostname } = new URL(redirect)
    return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
  } catch {
    return false
  }
}

export function handleAuthorize(deps: { credentials: Credentials; codes: Codes }, call: HttpRequest): HttpResponse {
  const posted = call.method === 'POST'
  if (!posted && call.method !== 'GET' && call.method !== 'HEAD') return httpResponse(404, 'text/html', '')
  const given = posted ? new URLSearchParams(call.body.toString()) : call.params
  const redirect = given.get('redirect_uri') ?? ''
  if (given.get('client_id') !== deps.credentials.clientId)
    return page(401, 'An error has occurred', '<p>Client authentication failed due to unknown client.</p>')
  if (!usable(redirect)) return page(400, 'An error has occurred', '<p>The redirect uri included is not valid.</p>')
  const back = (values: Record<string, string>): HttpResponse => goBack(redirect, given.get('state'), values)
  if (given.get('response_type') !== 'code') return back({ error: 'unsupported_response_type' })
  const method = given.get('code_challenge_method') ?? 'plain'
  if (given.has('code_challenge') && !['plain', 'S256'].includes(method))
    return back({ error: 'invalid_code_challenge_method' })
  if (!posted) return form(given, null)
  if (given.get('decision') === 'deny')
    return back({
      error: 'access_denied',
      error_description: 'The resource owner or authorization server denied the request.',
    })
  const right =
    given.get('username') === deps.credentials.username && given.get('password') === deps.credentials.password
  if (!right) return form(given, 'Invalid email or password.')
  const code = deps.codes.make({
    redirect,
    scope: given.get('scope') ?? 'read write',
    challenge: given.get('code_challenge'),
    method,
  })
  return redirect === outOfBand
    ? page(200, 'Authorization code', `<code id="authorization_code">${escaped(code)}</code>`)
    : back({ code })
}

function goBack(redirect: string, state: string | null, values: Record<string, string>): HttpResponse {
  if (redirect === outOfBand) return page(400, 'An error has occurred', `<p>${escaped(values['error'] ?? '')}</p>`)
  const to = new URL(redirect)
  for (const [key, value] of Object.entries(values)) to.searchParams.set(key, value)
  if (state !== null) to.searchParams.set('state', state)
  return httpResponse(302, null, noBody, { Location: to.href })
}

function form(given: URLSearchParams, problem: string | null): HttpResponse {
  const hidden = carried
    .filter((name) => given.has(name))
    .map((name) => `<input type="hidden" name="${name}" value="${escaped(given.get(name) ?? '')}">`)
  return page(
    problem === null ? 200 : 401,
    'Authorize access',
    `${problem === null ? '' : `<p role="alert">${problem}</p>`}
<p>Sign in to let <b>${escaped(given.get('client_id') ?? '')}</b> use this simulated account.</p>
<form method="post" action="/oauth/authorize">${hidden.join('')}
<label>Email <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="decision" value="allow">Authorize</button><button name="decision" value="deny">Deny</button></form>`,
  )
}
