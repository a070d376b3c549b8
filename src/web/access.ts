/**
 * Who may look at the dashboard, and who may act.
 *
 *   DASHBOARD_TOKEN  HTTP_HOST       served to
 *   none             this machine    who is on it, with all rights; the Host header must name this machine, or a page of
 *                                    another site could read it by DNS rebinding; not by a proxy, which anyone may reach
 *   none             another         none: it says what to set
 *   one or two       any             those who sign in. A foreign Host gains nothing: a cookie is sent to its own host only
 *
 * A session is stateless, so that each process of a fleet knows it and a restart ends none: right and end, signed with a key
 * that follows from the token of that right alone. Another token ends its sessions. The token itself is in no cookie and in no
 * address; and nothing that a session who may look is given follows from the token to act, which it could guess by trying.
 *
 * A form carries a value that follows from the session (CSRF): a page of another site can send a form, but cannot read that.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../config/kinds.ts'

/** Who may act may look. */
export type Right = 'look' | 'act'

export interface AccessSettings {
  readonly host: string
  readonly tokens: { readonly look: string | undefined; readonly act: string } | undefined
}

export interface Session {
  readonly right: Right
  /** What its forms carry. */
  readonly formKey: string
  /** It ends by itself, and can be ended. */
  readonly signedIn: boolean
}

interface Headers {
  readonly cookie: string | undefined
  readonly authorization: string | undefined
}

export interface Access {
  /** Why nothing is served; null where it is. */
  readonly closed: string | null
  /** Who asks needs no token, and must be on this machine. */
  readonly isOpen: boolean
  admitsHost(host: string | undefined): boolean
  sessionOf(headers: Headers, now: number): Session | null
  /** The value of the cookie; null for a token that is none. */
  signIn(token: string, now: number): { readonly cookie: string; readonly right: Right } | null
}

export const COOKIE = 'scopestack_sync'
export const SESSION_SECONDS = 12 * 3600

const CLOSED =
  'The dashboard is not served here: HTTP_HOST is not this machine alone, and DASHBOARD_TOKEN is not set. Set it, and start again.'

export function createAccess({ host, tokens }: AccessSettings): Access {
  // Where there is no token, the page must have been made by this process; and where none may look alone, no session of that is known.
  const keyOf = (right: Right): Buffer => {
    const token = tokens?.[right]
    return token === undefined ? randomBytes(32) : digest(`session ${right} ${token}`)
  }
  const keys: Readonly<Record<Right, Buffer>> = { look: keyOf('look'), act: keyOf('act') }
  const sign = (right: Right, text: string): string =>
    createHmac('sha256', keys[right]).update(text).digest('base64url')
  const session = (right: Right, of: string, signedIn: boolean): Session => ({
    right,
    formKey: sign(right, `form ${of}`),
    signedIn,
  })

  const rightOf = (token: string): Right | null => {
    // Both are compared, whatever the first says, and by digests of one length.
    const acts = tokens !== undefined && equal(token, tokens.act)
    const looks = tokens?.look !== undefined && equal(token, tokens.look)
    return acts ? 'act' : looks ? 'look' : null
  }

  const rightOfCookie = (value: string, now: number): Right | null => {
    const [right, end, signature, ...more] = value.split('.')
    if (right !== 'act' && right !== 'look') return null
    if (more.length > 0 || signature === undefined || !equal(signature, sign(right, `${right}.${end}`))) return null
    return Number(end) > now ? right : null
  }

  return {
    closed: tokens === undefined && !isLoopback(host) ? CLOSED : null,
    isOpen: tokens === undefined,
    admitsHost: (given) => tokens !== undefined || (given !== undefined && isLoopback(hostnameOf(given))),
    sessionOf({ cookie, authorization }, now) {
      if (tokens === undefined) return session('act', 'open', false)
      const bearer = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
      if (bearer !== undefined) {
        const right = rightOf(bearer)
        return right && session(right, bearer, false)
      }
      const value = cookieOf(cookie ?? '')
      const right = value === undefined ? null : rightOfCookie(value, now)
      return right && session(right, value!, true)
    },
    signIn(token, now) {
      const right = rightOf(token)
      if (right === null) return null
      const text = `${right}.${now + SESSION_SECONDS * 1000}`
      return { cookie: `${text}.${sign(right, text)}`, right }
    },
  }
}

/**
 * Whether a POST comes from one of our own pages. `Sec-Fetch-Site` cannot be set by a page; a browser without it sends Origin, which
 * is held against Host, and so only where there is no other: a proxy may put its own Host. A program that has a token may send neither.
 */
export function isOurOwnForm(
  headers: { site: string | undefined; origin: string | undefined; host: string | undefined },
  given: { formKey: string; session: Session },
): boolean {
  const { site, origin, host } = headers
  const isOwn =
    site === undefined
      ? origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
      : site === 'same-origin'
  return isOwn && equal(given.formKey, given.session.formKey)
}

/** In a time that does not depend on where they differ. */
const equal = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** `[::1]:8080` and `localhost:8080` without the port. */
const hostnameOf = (host: string): string => host.replace(/:\d+$/, '').toLowerCase()

const cookieOf = (header: string): string | undefined =>
  header
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1)
