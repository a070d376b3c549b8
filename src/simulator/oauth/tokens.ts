import { createHmac, randomBytes } from 'node:crypto'

export type Grant = 'client_credentials' | 'password' | 'authorization_code' | 'refresh_token'

export interface Issued {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly refresh_token?: string
  readonly scope: string
  readonly created_at: number
}

interface Held {
  readonly grant: Grant
  readonly expires: number
  readonly scope: string
  readonly refresh: string | null
}

export interface Tokens {
  issue(grant: Grant, scope: string): Issued
  /** whether an API call with this token passes */
  accepts(token: string): boolean
  /** spends a refresh token: it works once */
  spend(refresh: string): { readonly scope: string } | null
  revoke(which: { readonly grant?: Grant; readonly token?: string; readonly refreshTokens?: boolean }): number
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** 86400 s without a refresh token for service accounts, 7200 s with one for people (API notes §1). */
export function createTokens(deps: {
  now: () => number
  subject: { readonly id: string; readonly email: string; readonly account: string }
  switches: { readonly tokenLifetime: number | null; readonly refreshRevokesAccess: boolean }
}): Tokens {
  const key = randomBytes(32)
  const access = new Map<string, Held>()
  const refresh = new Map<string, { readonly grant: Grant; readonly scope: string; readonly access: string }>()

  function sign(claims: Record<string, unknown>): string {
    const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  }

  return {
    issue(grant, scope) {
      const seconds = deps.switches.tokenLifetime ?? (grant === 'client_credentials' ? 86400 : 7200)
      const created = Math.floor(deps.now() / 1000)
      const token = sign({
        iss: 'scopestack-simulator',
        iat: created,
        exp: created + seconds,
        jti: randomBytes(12).toString('hex'),
        user: deps.subject,
      })
      const again = grant === 'client_credentials' ? null : randomBytes(32).toString('base64url')
      access.set(token, { grant, expires: deps.now() + seconds * 1000, scope, refresh: again })
      if (again !== null) refresh.set(again, { grant, scope, access: token })
      return {
        access_token: token,
        token_type: 'Bearer',
        expires_in: seconds,
        ...(again === null ? {} : { refresh_token: again }),
        scope,
        created_at: created,
      }
    },
    accepts(token) {
      const held = access.get(token)
      if (held === undefined) return false
      if (deps.now() < held.expires) return true
      access.delete(token)
      return false
    },
    spend(given) {
      const held = refresh.get(given)
      if (held === undefined) return null
      refresh.delete(given)
      if (deps.switches.refreshRevokesAccess) access.delete(held.access)
      return { scope: held.scope }
    },
    revoke({ grant, token, refreshTokens }) {
      let count = 0
      for (const [held, { grant: by }] of access) {
        if ((grant !== undefined && grant !== by) || (token !== undefined && token !== held)) continue
        access.delete(held)
        count += 1
      }
      if (refreshTokens === true) {
        for (const [held, { grant: by }] of refresh) {
          if (grant !== undefined && grant !== by) continue
          refresh.delete(held)
          count += 1
        }
      }
      return count
    },
  }
}
