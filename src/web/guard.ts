/** What every request of the dashboard passes before a page is made: its headers, its host, its session, and for a form its key. */
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { html } from 'hono/html'
import { COOKIE, isOurOwnForm, SESSION_SECONDS, type Access, type Session } from './access.ts'
import type { ActionLog } from './action-log.ts'
import { messagePage, signInForm } from './pages/layout.ts'
import type { Html } from './pages/text.ts'
import type { SignInLog } from './sign-in.ts'

export interface Env {
  Bindings: HttpBindings
  Variables: { session: Session | null; form: Form }
}

export type Form = Readonly<Record<string, readonly string[]>>
export type Show = (c: Context<Env>, title: string, main: Html, status?: number) => Response | Promise<Response>

/** Nothing from elsewhere, nothing inline, in no frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Not `no-referrer`: with it a form of our own is sent with the origin `null`.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export const withHeaders: MiddlewareHandler<Env> = async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(HEADERS)) if (!c.res.headers.has(name)) c.res.headers.set(name, value)
}

/** A proxy adds one of them, mostly; anyone who may reach it would be on this machine. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']
const BY_PROXY =
  'This request came by a proxy, so it may come from another machine. Set DASHBOARD_TOKEN, and start again.'

/** Before anything else: a foreign Host is a page of another site that had its name point here. */
export const withHost =
  (access: Access, show: Show): MiddlewareHandler<Env> =>
  async (c, next) => {
    c.set('session', null)
    if (!access.admitsHost(c.req.header('host'))) {
      return await show(
        c,
        'Not here',
        messagePage('Not here', 'Without DASHBOARD_TOKEN the dashboard answers to localhost and 127.0.0.1 only.'),
        421,
      )
    }
    if (access.isOpen && OF_PROXIES.some((name) => c.req.header(name) !== undefined)) {
      return await show(c, 'Not here', messagePage('Not here', BY_PROXY), 403)
    }
    if (access.closed !== null) return await show(c, 'Closed', messagePage('Closed', access.closed), 403)
    return await next()
  }

export const withSession =
  (access: Access, show: Show, log: Pick<SignInLog, 'refused'>): MiddlewareHandler<Env> =>
  async (c, next) => {
    const headers = { cookie: c.req.header('cookie'), authorization: c.req.header('authorization') }
    const session = access.sessionOf(headers, Date.now())
    if (session === null) {
      // A cookie that is none is mostly one whose time is over; and "Basic" is for a proxy that asks for a password of its own.
      if (/^bearer\b/i.test(headers.authorization ?? '')) log.refused(c)
      c.header('www-authenticate', 'Bearer')
      return await show(c, 'Sign in', signInForm(null), 401)
    }
    c.set('session', session)
    return await next()
  }

/** Of everything that changes something. */
export const withRight =
  (show: Show, actions: ActionLog): MiddlewareHandler<Env> =>
  async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return await next()
    const session = c.get('session')!
    const form = formOf(await c.req.text())
    const [formKey = ''] = form['key'] ?? []
    if (!isOurOwnForm(originOf(c), { formKey, session })) {
      actions.refused(c, {}, 'the form is of no page of ours, or its session is over')
      return await show(c, 'Refused', html`${messagePage('Refused', FOREIGN)}`, 403)
    }
    if (session.right !== 'act') {
      actions.refused(c, {}, 'the token may look only')
      return await show(c, 'Refused', messagePage('Refused', 'This token may look, and not act.'), 403)
    }
    c.set('form', form)
    return await next()
  }

const FOREIGN =
  'This form was not sent by a page of this dashboard, or its session is over. Open the page again, and repeat it.'

export const formOf = (body: string): Form => {
  // Without a prototype: a field may have the name of one of its members.
  const found = Object.create(null) as Record<string, string[]>
  for (const [name, value] of new URLSearchParams(body)) (found[name] ??= []).push(value)
  return found
}

export const originOf = (c: Context<Env>) => ({
  site: c.req.header('sec-fetch-site'),
  origin: c.req.header('origin'),
  host: c.req.header('host'),
})

/** Over HTTPS, which a proxy in front reports, it is never sent without. */
export function cookieFor(c: Context<Env>, value: string, seconds = SESSION_SECONDS): string {
  const secure = c.req.header('x-forwarded-proto') === 'https' ? '; Secure' : ''
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`
}
