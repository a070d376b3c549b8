/** What is around every page: no script or style of it is inline, so that the policy can forbid those. */
import { html } from 'hono/html'
import type { Session } from '../access.ts'
import { bounded, type Html } from './text.ts'

export interface Around {
  readonly title: string
  /** Of the account; null before it is known. */
  readonly account: string | null
  readonly session: Session | null
  readonly version: string
}

const PAGES = [
  ['/', 'Overview'],
  ['/changes', 'Changes'],
  ['/runs', 'Runs'],
  ['/schedule', 'Schedule'],
  ['/requests', 'Requests'],
] as const

export const page = ({ title, account, session, version }: Around, main: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · scopestack-sync</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
        <script src="/live.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">To the content</a>
        <header>
          <strong>scopestack-sync</strong>
          ${account !== null && html`<span class="account">${bounded(account, 80)}</span>`}
          ${session !== null && navigation(title)} ${session?.signedIn === true && signOut()}
        </header>
        <main id="main" tabindex="-1">${main}</main>
        <footer>
          scopestack-sync ${version}${session?.right === 'look' && html` · This session may look, and not act.`}
        </footer>
      </body>
    </html>`

const navigation = (title: string): Html =>
  html`<nav aria-label="Pages">
    ${PAGES.map(([path, name]) =>
      name === title ? html`<a href="${path}" aria-current="page">${name}</a>` : html`<a href="${path}">${name}</a>`,
    )}
  </nav>`

const signOut = (): Html => html`<form method="post" action="/sign-out"><button>Sign out</button></form>`

/** What every form carries. */
export const keyField = (formKey: string): Html => html`<input type="hidden" name="key" value="${formKey}" />`

export const signInForm = (problem: string | null): Html =>
  html`<h1>Sign in</h1>
    ${problem !== null && html`<p class="notice bad" role="alert">${problem}</p>`}
    <form method="post" action="/sign-in" class="sign-in">
      <label for="token">The token that DASHBOARD_TOKEN has</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required />
      <button>Sign in</button>
    </form>`

export const messagePage = (heading: string, text: string): Html =>
  html`<h1>${heading}</h1>
    <p>${bounded(text)}</p>`
