/** "login": a person signs in with the browser; the refresh token that is left in the database serves every later run. */
import { spawn } from 'node:child_process'
import { openSignIn } from '../assemble/sign-in.ts'
import { explainStoreError, withStore } from '../assemble/store.ts'
import { usage } from '../errors/commands.ts'
import { loginFailed } from '../errors/credentials.ts'
import { EXIT, factOf, reason } from '../errors/sync-error.ts'
import { beginAuthorization } from '../remote/auth/authorize.ts'
import { openLoopback } from '../remote/auth/loopback.ts'
import { stdout } from '../screen/streams.ts'
import { readSettings } from './settings.ts'
import { wholeNumber, type Call } from './verb.ts'

/** A password manager, a second factor, a mail with a code. */
const PATIENCE_SECONDS = 300

export async function run({ options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  if (config.grant !== 'authorization_code') {
    throw usage(
      `"login" is for SCOPESTACK_GRANT=authorization_code; with ${config.grant} tokens are obtained without it. ` +
        'Set SCOPESTACK_GRANT first if a person is to sign in.',
    )
  }
  const port = wholeNumber(options, 'port') ?? 0
  if (port > 65_535) throw usage(`--port is at most 65535, not ${port}.`)
  const timeoutMs = (wholeNumber(options, 'timeout', 1) ?? PATIENCE_SECONDS) * 1000
  const loopback = await openLoopback(port)
  try {
    // A failure of the database is reported before a person has signed in for nothing.
    return await withStore(config, signal, async (store) => {
      const signIn = await openSignIn(config, store)
      try {
        const { url, state, verifier } = beginAuthorization(config, loopback.redirectUri)
        stdout.say(['Sign in to ScopeStack at', '', `  ${url}`, '', 'Waiting for the browser to come back ...'])
        if (options['browser'] !== false) openBrowser(url)
        const onStray = () => stdout.say('Refused: a response that belongs to another login.')
        const { redact } = signIn
        const arrival = await loopback.waitForCallback({ state, timeoutMs, signal, onStray, redact })
        try {
          const { redirectUri } = loopback
          const { user, slug } = await signIn.redeem({ code: arrival.code, redirectUri, verifier }, signal)
          const text = `Logged in${user === '' ? '' : ` as ${user}`}, account ${slug}.`
          await arrival.respond({ ok: true, title: 'You are logged in', text: `${text} You may close this window.` })
          stdout.say(`${text} The session is kept, encrypted, in the database: "pull" and "start" use it.`)
          return EXIT.ok
        } catch (error) {
          const failure = refusedCode(await explainStoreError(error, store))
          await arrival.respond({ ok: false, title: 'Not logged in', text: reason(failure) })
          throw failure
        }
      } finally {
        await signIn.close()
      }
    })
  } finally {
    await loopback.close()
  }
}

/** Of a code, `invalid_grant` says nothing about a user name and a password. */
function refusedCode(error: unknown): unknown {
  if (factOf(error, 'error') !== 'invalid_grant') return error
  const why = 'ScopeStack refused the code that the browser brought (invalid_grant)'
  return loginFailed({ why, next: 'It may have come too late: run "login" again.' }, error)
}

/** Tries to show an address; where there is no browser nothing happens, and the printed address is what is left. */
function openBrowser(url: string): void {
  const [file, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(file!, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  // `start` is a word of cmd, which would cut the address at its first "&".
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
