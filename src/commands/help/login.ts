import type { Verb } from '../verb.ts'

export const login: Verb = {
  name: 'login',
  summary: 'sign in to ScopeStack in a browser, once, for SCOPESTACK_GRANT=authorization_code',
  options: [
    { flags: '--port <number>', about: 'port of this machine that the browser returns to (default: any free one)' },
    { flags: '--timeout <seconds>', about: 'how long to wait for the browser (default 300)' },
    { flags: '--no-browser', about: 'only print the address' },
  ],
  help: `Opens ScopeStack's sign-in page and keeps the session, encrypted, in the database. Every worker
of that database then obtains its tokens from it. It is needed again only when ScopeStack ends
the session: runs then stop with exit code 77 and say so.

The application must be registered at ScopeStack with the redirect address
  http://127.0.0.1/callback

A machine without a browser:
  ssh -L 8377:127.0.0.1:8377 that-machine
  npm run -s sync -- login --no-browser --port 8377     and open the address here`,

  load: () => import('../login.ts'),
}
