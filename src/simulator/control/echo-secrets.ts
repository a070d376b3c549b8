/** A server that repeats what it was sent: the token, and of a token request every secret, each time in another encoding. */
import { httpResponse, type HttpResponse, type HttpRequest } from '../exchange.ts'
import type { Switches } from '../switches.ts'

export interface SecretEcho {
  /** the response with secrets of the request in its fields, as the switch has it */
  addTo(response: HttpResponse, request: HttpRequest): HttpResponse
  /** every secret that was sent or issued so far */
  secrets(): readonly string[]
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const secretNames = ['client_secret', 'password', 'refresh_token', 'code', 'code_verifier', 'access_token']

/** Fields by which a client recognises a response: a changed one would end every test at once. */
const unchanged = new Set(['type', 'id', 'account-slug', 'access_token', 'refresh_token', 'token_type', 'error'])

const base64 = (text: string, alphabet: 'base64' | 'base64url' = 'base64'): string =>
  Buffer.from(text).toString(alphabet)

const half = (text: string): string => text.slice(0, Math.ceil(text.length / 2))

/** Seventeen, a prime, so that a field that is sent again and again gets each of them. */
const encodings: readonly ((secret: string) => string)[] = [
  (secret) => `Bearer ${secret}`,
  (secret) => encodeURIComponent(secret),
  (secret) => encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase()),
  (secret) => new URLSearchParams({ given: secret }).toString(),
  (secret) => base64(secret),
  (secret) => `Basic ${base64(`a:${secret}`)}`,
  (secret) => `Basic ${base64(`ab:${secret}`)}`,
  (secret) => base64(`Bearer ${secret}`, 'base64url'),
  (secret) => JSON.stringify({ authorization: secret }),
  // cut at a limit, at one side or the other
  (secret) => half(secret),
  (secret) => secret.slice(Math.floor(secret.length / 2)),
  (secret) => half(base64(secret)),
  (secret) => half(encodeURIComponent(secret)),
  (secret) => secret.toUpperCase(),
  (secret) => secret.toLowerCase(),
  (secret) => Buffer.from(secret).toString('hex'),
  (secret) => base64(secret).slice(Math.floor((secret.length * 2) / 3)),
]

export function createSecretEcho(deps: {
  readonly switches: Pick<Switches, 'echoSecrets'>
  readonly credentials: { readonly clientSecret: string }
}): SecretEcho {
  const seen = new Set<string>([deps.credentials.clientSecret])
  let uses = 0

  function secretsOf({ headers, body }: HttpRequest): string[] {
    const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]
    const form = new URLSearchParams(/x-www-form-urlencoded/.test(headers['content-type'] ?? '') ? body.toString() : '')
    const found = secretNames.flatMap((name) => form.getAll(name)).filter((value) => value !== '')
    if (bearer !== undefined) found.push(bearer)
    for (const secret of found) seen.add(secret)
    // the holder of a token also sent the client secret, to obtain it
    return bearer === undefined ? found : [...found, deps.credentials.clientSecret]
  }

  return {
    secrets: () => [...seen],
    addTo(response, request) {
      const { echoSecrets } = deps.switches
      const issues = request.path === '/oauth/token'
      if (echoSecrets === 'off' && !issues) return response
      const secrets = secretsOf(request)
      const text = Buffer.concat(response.body).toString()
      const document = parsed(text)
      if (issues && isMembers(document)) {
        for (const name of secretNames) if (typeof document[name] === 'string') seen.add(document[name])
      }
      if (echoSecrets === 'off' || secrets.length === 0) return response
      const next = (): string => {
        uses += 1
        return encodings[uses % encodings.length]!(secrets[Math.floor(uses / encodings.length) % secrets.length]!)
      }
      const headers = withSecretsInHeaders(response.headers, next)
      if ((response.status < 400 && echoSecrets === 'refusals') || text === '') return { ...response, headers }
      // in front, where logs and screens show it
      const before = text.startsWith('<') ? `<!-- ${next()} -->` : `${next()} `
      const body = document === undefined ? before + text : JSON.stringify(withSecretsInValues(document, next))
      return httpResponse(response.status, null, body, headers)
    },
  }
}

const isMembers = (value: Json | undefined): value is { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function withSecretsInValues(value: Json, next: () => string): Json {
  if (typeof value === 'string') return `${value} ${next()}`
  if (Array.isArray(value)) return value.map((entry) => withSecretsInValues(entry, next))
  if (!isMembers(value)) return value
  const members = Object.entries(value).map(([name, held]): [string, Json] => [
    name,
    unchanged.has(name) ? held : withSecretsInValues(held, next),
  ])
  // and a member that no declaration knows
  return Object.fromEntries([...members, [`seen-${next()}`, next()]])
}

/** Only characters that a header may carry. */
function withSecretsInHeaders(headers: HttpResponse['headers'], next: () => string): Record<string, string> {
  const plain = (): string => next().replaceAll(/[^\x20-\x7e]/g, '?')
  const found = Object.entries(headers).map(([name, value]): [string, string] => {
    switch (name.toLowerCase()) {
      case 'etag':
        return [name, value.replace(/"$/, `${encodeURIComponent(next())}"`)]
      case 'location':
        return [name, `${value}${value.includes('?') ? '&' : '?'}seen=${encodeURIComponent(next())}`]
      case 'www-authenticate':
        return [name, `${value}, seen="${plain()}"`]
      case 'content-type':
        return [name, `${value}; seen=${encodeURIComponent(next())}`]
      default:
        return [name, value]
    }
  })
  return { ...Object.fromEntries(found), 'X-Seen': plain(), 'X-Request-Id': `sim ${plain()}` }
}
