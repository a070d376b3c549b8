import { answer, type Answer, type Call } from '../exchange.ts'
import type { Switches } from '../switches.ts'

/** A server that quotes what it was sent: the token, and of a token request every secret, each time in another shape. */
export interface Echo {
  /** the answer with what the request carried in every field of it */
  quoted(given: Answer, call: Call): Answer
  /** every secret that was sent or issued so far */
  secrets(): readonly string[]
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const secretNames = ['client_secret', 'password', 'refresh_token', 'code', 'code_verifier', 'access_token']

/** Fields by which an answer is recognised; with anything else in them nothing further would be tried. */
const kept = new Set(['type', 'id', 'account-slug', 'access_token', 'refresh_token', 'token_type', 'error'])

const base64 = (text: string, alphabet: 'base64' | 'base64url' = 'base64'): string =>
  Buffer.from(text).toString(alphabet)

const half = (text: string): string => text.slice(0, Math.ceil(text.length / 2))

/** Seventeen, a prime, so that a field that comes again and again meets all of them. */
const shapes: readonly ((secret: string) => string)[] = [
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

export function createEcho(deps: {
  readonly switches: Pick<Switches, 'echoSecrets'>
  readonly credentials: { readonly clientSecret: string }
}): Echo {
  const heard = new Set<string>([deps.credentials.clientSecret])
  let turn = 0

  function carried({ headers, body }: Call): string[] {
    const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]
    const form = new URLSearchParams(/x-www-form-urlencoded/.test(headers['content-type'] ?? '') ? body.toString() : '')
    const found = secretNames.flatMap((name) => form.getAll(name)).filter((value) => value !== '')
    if (bearer !== undefined) found.push(bearer)
    for (const secret of found) heard.add(secret)
    // whoever has a token from this server knows the secret it was asked for with
    return bearer === undefined ? found : [...found, deps.credentials.clientSecret]
  }

  return {
    secrets: () => [...heard],
    quoted(given, call) {
      const { echoSecrets } = deps.switches
      const issues = call.path === '/oauth/token'
      if (echoSecrets === 'off' && !issues) return given
      const secrets = carried(call)
      const text = Buffer.concat(given.body).toString()
      const document = parsed(text)
      if (issues && isMembers(document)) {
        for (const name of secretNames) if (typeof document[name] === 'string') heard.add(document[name])
      }
      if (echoSecrets === 'off' || secrets.length === 0) return given
      const next = (): string => {
        turn += 1
        return shapes[turn % shapes.length]!(secrets[Math.floor(turn / shapes.length) % secrets.length]!)
      }
      const headers = inHeaders(given.headers, next)
      if ((given.status < 400 && echoSecrets === 'refusals') || text === '') return { ...given, headers }
      // in front, where it is shown
      const before = text.startsWith('<') ? `<!-- ${next()} -->` : `${next()} `
      const quoting = document === undefined ? before + text : JSON.stringify(inValues(document, next))
      return answer(given.status, null, quoting, headers)
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

function inValues(value: Json, next: () => string): Json {
  if (typeof value === 'string') return `${value} ${next()}`
  if (Array.isArray(value)) return value.map((entry) => inValues(entry, next))
  if (!isMembers(value)) return value
  const members = Object.entries(value).map(([name, held]): [string, Json] => [
    name,
    kept.has(name) ? held : inValues(held, next),
  ])
  // and a member that nobody has declared
  return Object.fromEntries([...members, [`seen-${next()}`, next()]])
}

/** Only what a header may carry. */
function inHeaders(headers: Answer['headers'], next: () => string): Record<string, string> {
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
