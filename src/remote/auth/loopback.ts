/** The redirect address of a login: a page that only this machine can reach, for as long as one login takes (RFC 8252 §7.3). */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stopped, usage } from '../../errors/commands.ts'
import { loginFailed } from '../../errors/credentials.ts'
import { createPublicServer, type Target } from '../../http-server.ts'
import { visible } from '../../screen/visible.ts'

export interface Loopback {
  /** Has to be registered at ScopeStack, with any port (Doorkeeper compares loopback addresses without it). */
  readonly redirectUri: string
  /** @throws SyncError SYNC_LOGIN_FAILED when the user denied it or no callback came in time, SYNC_STOPPED. */
  waitForCallback(expected: Expected): Promise<LoginCallback>
  close(): Promise<void>
}

interface Expected {
  readonly state: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** A callback came with another state and was rejected. Called once, however many come. */
  readonly onStray?: () => void
  /** Takes our secrets out of what the browser brings, before it is shown. */
  readonly redact: (text: string) => string
}

export interface LoginCallback {
  readonly code: string
  /** The response that the browser waits for: how the login ended. */
  respond(ended: { ok: boolean; title: string; text: string }): Promise<void>
}

/** @param port 0 for any free one. */
export async function openLoopback(port: number): Promise<Loopback> {
  let visit: Visit = (_, response) => page(response, 404, 'Nothing here', 'No login is under way.')
  const server = createPublicServer((request, response, target) => visit(request, response, target))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
    throw usage(
      `Port ${port} of this machine is not free. Choose another with --port, or leave it out for any free one.`,
    )
  })
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`

  return {
    redirectUri,
    async waitForCallback({ state, timeoutMs, signal, onStray, redact }) {
      const done = new AbortController()
      const { host } = new URL(redirectUri)
      let strays = 0
      const arrived = new Promise<LoginCallback>((resolve, reject) => {
        visit = async ({ method, headers }, response, { path, params }) => {
          if (path !== PATH || method !== 'GET') return page(response, 404, 'Nothing here', '')
          // With another host name, another site's page has reached this port (DNS rebinding).
          if (params.get('state') !== state || headers.host !== host) {
            if (strays++ === 0) onStray?.()
            return page(response, 400, 'Not this login', STRAY)
          }
          const error = params.get('error')
          const code = params.get('code')
          // A second callback must neither redeem a code again nor end the login.
          visit = (_, late) => page(late, 400, 'Not this login', STRAY)
          if (error !== null || code === null || code === '') {
            const why = explain(error ?? 'no code came back', params.get('error_description'), redact)
            await page(response, 400, 'Not logged in', `${sentence(why)} You may close this window.`)
            return reject(loginFailed({ why, next: AGAIN }))
          }
          resolve({ code, respond: ({ ok, title, text }) => page(response, ok ? 200 : 400, title, text) })
        }
      })
      const ended = (event: AbortSignal, error: () => Error): Promise<never> =>
        new Promise((_, reject) => {
          if (event.aborted) reject(error())
          else event.addEventListener('abort', () => reject(error()), { signal: done.signal, once: true })
        })
      try {
        return await Promise.race([
          arrived,
          ended(signal, stopped),
          ended(AbortSignal.timeout(timeoutMs), () => loginFailed({ why: tooLate(timeoutMs), next: AGAIN })),
        ])
      } finally {
        done.abort()
      }
    },
    async close() {
      server.close()
      // Browsers keep spare connections open.
      server.closeAllConnections()
    },
  }
}

type Visit = (request: IncomingMessage, response: ServerResponse, target: Target) => Promise<void>

const PATH = '/callback'
const AGAIN = 'Run "login" again and finish it in the browser.'
const STRAY =
  'This response does not belong to the login that waits here: it is an old one, or another program began it. Use the address that the command has printed.'

const tooLate = (ms: number): string =>
  `the browser did not come back within ${ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`}`

/** Both texts come from outside and are shown on a terminal. */
function explain(error: string, description: string | null, redact: (text: string) => string): string {
  const printable = (text: string): string =>
    redact(text)
      .replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '')
      .slice(0, 300)
  if (error === 'access_denied') return 'access was denied in the browser'
  return `ScopeStack answered ${printable(error)}${description === null ? '' : ` (${printable(description)})`}`
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`

/** Returns when it was sent, or when the browser is gone. */
async function page(response: ServerResponse, status: number, title: string, text: string): Promise<void> {
  if (response.closed) return
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    // The address contains the code.
    'referrer-policy': 'no-referrer',
    connection: 'close',
  })
  const sent = once(response, 'close')
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)} · scopestack-sync</title>
<meta name="viewport" content="width=device-width"><style>
body{font:16px/1.5 system-ui,sans-serif;color:#1d2733;background:#f4f6f8;display:grid;place-items:center;min-height:90vh;margin:0}
main{background:#fff;border-radius:12px;box-shadow:0 2px 16px #0001;padding:2.5rem 3rem;max-width:26rem}
h1{font-size:1.4rem;margin:0 0 .6rem}h1::before{content:"${status === 200 ? '✓' : '✕'}";color:${status === 200 ? '#15803d' : '#b91c1c'};margin-right:.6rem}
p{margin:0}@media(prefers-color-scheme:dark){body{background:#11161c;color:#e6eaf0}main{background:#1a212a}}
</style><main><h1>${escaped(title)}</h1><p>${escaped(text)}</p></main></html>`)
  await sent
}

const escaped = (text: string): string => visible(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
