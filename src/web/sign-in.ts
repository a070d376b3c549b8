/** Signing in and out; and who tried with what is no token, in the log and in /metrics, never the token that was tried. */
import type { Context, Hono } from 'hono'
import type { Logger } from '../logger.ts'
import type { Meter } from '../meter.ts'
import { isOurOwnForm, type Access } from './access.ts'
import { callerOf } from './action-log.ts'
import { cookieFor, formOf, originOf, type Env, type Show } from './guard.ts'
import { signInForm } from './pages/layout.ts'

export interface SignInLog {
  signedIn(c: Context<Env>, right: string): void
  refused(c: Context<Env>): void
}

/**
 * The first is logged at once, and what follows within this time is one line at its end: who guesses a thousand times a second
 * fills no disk.
 */
const GATHERED_MS = 60_000
/** Others are only counted: a proxy, or who says to be one, may name a new address with each request. */
const MOST_NAMED = 10

export function createSignInLog(meter: Meter, log: () => Logger, gatheredMs = GATHERED_MS): SignInLog {
  let gathered: { count: number; readonly from: Map<string, number> } | undefined
  const note = (count: number, from: readonly object[]): void =>
    log().warn(
      { signIns: count, from },
      `${count === 1 ? 'A sign-in to the dashboard was' : `${count} sign-ins to the dashboard were`} refused: not the token`,
    )
  const flush = (): void => {
    const { count, from } = gathered!
    gathered = undefined
    if (count === 0) return
    note(
      count,
      [...from].map(([key, times]) => ({ ...(JSON.parse(key) as object), times })),
    )
    gather()
  }
  // What waits for its line does not keep the process: it has ended by then, and /metrics has counted it.
  const gather = (): void => {
    gathered = { count: 0, from: new Map() }
    setTimeout(flush, gatheredMs).unref()
  }
  return {
    signedIn(c, right) {
      meter.add('signIns', { outcome: 'ok' })
      log().info({ tokenMay: right, ...callerOf(c) }, 'signed in to the dashboard')
    },
    refused(c) {
      meter.add('signIns', { outcome: 'refused' })
      const caller = callerOf(c)
      if (gathered === undefined) {
        note(1, [caller])
        return gather()
      }
      gathered.count++
      const key = JSON.stringify(caller)
      const known = gathered.from.get(key)
      if (known !== undefined || gathered.from.size < MOST_NAMED) gathered.from.set(key, (known ?? 0) + 1)
    },
  }
}

export function addSigningIn(app: Hono<Env>, access: Access, show: Show, log: SignInLog): void {
  app.get('/sign-in', (c) => show(c, 'Sign in', signInForm(null)))
  app.post('/sign-in', async (c) => {
    // Its form has no key yet.
    const anyone = { formKey: '', session: { right: 'look', formKey: '', signedIn: false } } as const
    if (!isOurOwnForm(originOf(c), anyone)) {
      return await show(c, 'Sign in', signInForm('This form was sent by another site.'), 403)
    }
    const [token = ''] = formOf(await c.req.text())['token'] ?? []
    const signedIn = access.signIn(token.trim(), Date.now())
    if (signedIn === null) {
      log.refused(c)
      return await show(c, 'Sign in', signInForm('This is not the token.'), 401)
    }
    log.signedIn(c, signedIn.right)
    c.header('set-cookie', cookieFor(c, signedIn.cookie))
    return c.redirect('/', 303)
  })
  app.post('/sign-out', (c) => {
    // Without a key: a site that could send this form would gain nothing, and a session that is over ends here, too.
    c.header('set-cookie', cookieFor(c, '', 0))
    return c.redirect('/sign-in', 303)
  })
}
