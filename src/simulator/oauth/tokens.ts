/** Access and refresh tokens: issued, checked, expired, revoked. A refresh token is good for one use. */
import { createHmac, randomBytes } from 'node:crypto'

export type Grant = 'client_credentials' | 'password' | 'authorization_code' | 'refresh_token'

/** The body of the token endpoint's response. */
export interface Issued {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly refresh_token?: string
  readonly scope: string
  readonly created_at: number
}

interface AccessToken {
  readonly grant: Grant
  readonly expires: number
}

interface RefreshToken {
  readonly grant: Grant
  readonly scope: string
  /** the access token that was issued with it */
  readonly access: string
}

interface Which {
  readonly grant?: Grant
  readonly token?: string
  readonly refreshTokens?: boolean
}

export interface Tokens {
  issue(grant: Grant, scope: string): Issued
  /** whether an API request with this token passes */
  accepts(token: string): boolean
  /** redeems a refresh token: it works once */
  redeem(refresh: string): { readonly scope: string } | null
  /** returns how many were revoked */
  revoke(which: Which): number
}

interface Deps {
  readonly now: () => number
  readonly subject: { readonly id: string; readonly email: string; readonly account: string }
  readonly switches: { readonly tokenLifetime: number | null; readonly refreshRevokesAccess: boolean }
}

/** 86400 s without a refresh token for service accounts, 7200 s with one for people (API notes §1). */
export function createTokens({ now, subject, switches }: Deps): Tokens {
  const sign = createJwtSigner()
  const accessTokens = new Map<string, AccessToken>()
  const refreshTokens = new Map<string, RefreshToken>()

  return {
    issue(grant, scope) {
      const seconds = switches.tokenLifetime ?? (grant === 'client_credentials' ? 86400 : 7200)
      const created = Math.floor(now() / 1000)
      const access = sign({
        iss: 'scopestack-simulator',
        iat: created,
        exp: created + seconds,
        jti: randomBytes(12).toString('hex'),
        user: subject,
      })
      accessTokens.set(access, { grant, expires: now() + seconds * 1000 })
      const refresh = grant === 'client_credentials' ? null : randomBytes(32).toString('base64url')
      if (refresh !== null) refreshTokens.set(refresh, { grant, scope, access })
      return {
        access_token: access,
        token_type: 'Bearer',
        expires_in: seconds,
        ...(refresh === null ? {} : { refresh_token: refresh }),
        scope,
        created_at: created,
      }
    },
    accepts(token) {
      const issued = accessTokens.get(token)
      if (issued === undefined) return false
      if (now() < issued.expires) return true
      accessTokens.delete(token)
      return false
    },
    redeem(refresh) {
      const issued = refreshTokens.get(refresh)
      if (issued === undefined) return null
      refreshTokens.delete(refresh)
      if (switches.refreshRevokesAccess) accessTokens.delete(issued.access)
      return { scope: issued.scope }
    },
    revoke({ grant, token, refreshTokens: withRefreshTokens = false }) {
      const ofGrant = (issued: { readonly grant: Grant }): boolean => grant === undefined || grant === issued.grant
      const revoked = deleteWhere(accessTokens, (issued, text) => ofGrant(issued) && (token ?? text) === text)
      return withRefreshTokens ? revoked + deleteWhere(refreshTokens, ofGrant) : revoked
    },
  }
}

function createJwtSigner(): (claims: Record<string, unknown>) => string {
  const key = randomBytes(32)
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return (claims) => {
    const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}`
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  }
}

function deleteWhere<T>(map: Map<string, T>, fits: (value: T, key: string) => boolean): number {
  let count = 0
  for (const [key, value] of map) if (fits(value, key) && map.delete(key)) count += 1
  return count
}
