/**
 * What a page is made of. `html` escapes each value that is put into it; what comes from ScopeStack, from a user of the database
 * or from an error also goes through `said`, which shows control and bidirectional characters and bounds the length.
 */
import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { ago, moment, thousands } from '../../report/words.ts'
import { visible } from '../../screen/visible.ts'
import type { RequestFilter } from '../../store/runs/requests.ts'

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** A text of ScopeStack has no limit, and a page of many megabytes cannot be opened. */
const LONGEST = 1_000

/** In `bdi`, so that a text that is read from the right turns nothing around it. */
export const said = (text: string, longest = LONGEST): Html => html`<bdi>${bounded(text, longest)}</bdi>`

/** So much of a text pushes nothing else off the screen, and ours are whole. */
const GLANCE = 400
/** Of a page that may have it 64 times. */
const MOST = 4_000
/** Of the page about it: our messages are shorter, and what ScopeStack or Postgres said may be megabytes. */
export const WHOLE = 20_000

/**
 * The beginning of a long text, and all of it one click away. Queries of addresses are behind it, too: three lines of
 * `page%5Bnumber%5D=1` stand between a person and the reason.
 *
 * @param id by which it stays open when the page is sent anew: live.js. Unique on the page.
 */
export function clipped(text: string, id: string): Html {
  const short = text.slice(0, 10 * GLANCE).replaceAll(LONG_QUERY, '$1?…')
  const glance = short.length <= GLANCE && text.length <= 10 * GLANCE ? short : glanceOf(short)
  if (glance === text) return said(text)
  return html`<span class="clipped">${said(glance)}</span>
    <details class="whole" id="${id}">
      <summary>All of it</summary>
      ${said(text, MOST)}
    </details>`
}

const LONG_QUERY = /(https?:\/\/[^\s?]+)\?[^\s:),]{20,}/g

/** Up to a space, if there is one near. */
function glanceOf(text: string): string {
  const cut = text.slice(0, GLANCE)
  const space = cut.lastIndexOf(' ')
  return `${(space > GLANCE / 2 ? cut.slice(0, space) : cut).replace(/[\ud800-\udbff]$/, '')} …`
}

/** The same where no element can stand: in an attribute. */
export function bounded(text: string, longest = LONGEST): string {
  if (text.length <= longest) return visible(text)
  const cut = text.slice(0, longest).replace(/[\ud800-\udbff]$/, '')
  return `${visible(cut)} … (${thousands(text.length)} characters)`
}

/** Any value of JSON; nothing is a dash, and an empty text is seen. */
export function shown(value: unknown, longest = LONGEST): Html {
  if (value === null || value === undefined) return html`–`
  if (value === '') return html`""`
  return said(typeof value === 'string' ? value : JSON.stringify(value), longest)
}

/** `3 min ago`, with the exact time behind it. */
export const when = (then: Date | null, now: Date, never = '–'): Html =>
  then === null
    ? html`${never}`
    : html`<time datetime="${then.toISOString()}" title="${moment(then)}">${ago(then, now)}</time>`

export const exactly = (then: Date | null): Html =>
  then === null ? html`–` : html`<time datetime="${then.toISOString()}">${moment(then)}</time>`

export const number = (n: number | null): string => (n === null ? '–' : thousands(n))

/** A word in a colour, which says nothing that the word does not. */
export const badge = (word: string, level: 'ok' | 'warn' | 'bad' | 'plain'): Html =>
  html`<span class="badge ${level}">${word}</span>`

/** Of a resource or a run. */
export function outcomeBadge(outcome: string | null): Html {
  if (outcome === null) return html`–`
  if (outcome === 'ok') return badge(outcome, 'ok')
  return badge(outcome, outcome === 'absent' ? 'plain' : outcome === 'failed' ? 'bad' : 'warn')
}

/**
 * Tables scroll by themselves on a narrow screen, and not the page: so each can be reached by the keyboard.
 *
 * @param heads a column of numbers begins with `#`.
 */
export const table = (caption: string, heads: readonly string[], rows: readonly Html[], none = 'None.'): Html =>
  rows.length === 0
    ? html`<p class="none">${none}</p>`
    : html`<div class="scroll" role="group" aria-label="${caption}" tabindex="0">
        <table>
          <thead>
            <tr>
              ${heads.map((head) => html`<th scope="col" class="${head.startsWith('#') && 'number'}">${head.replace('#', '')}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows}
          </tbody>
        </table>
      </div>`

export const resourceLink = (type: string): Html =>
  html`<a href="/resources/${encodeURIComponent(type)}">${bounded(type)}</a>`
export const runLink = (id: number): Html => html`<a href="/runs/${id}">${id}</a>`

/** Of the page of requests, with what it is to show. */
export function requestsAddress({ run, resource, failed = false }: RequestFilter): string {
  const query = new URLSearchParams({
    ...(run === undefined ? {} : { run: String(run) }),
    ...(resource === undefined ? {} : { resource }),
    ...(failed ? { failed: '' } : {}),
  })
  return query.size === 0 ? '/requests' : `/requests?${query.toString()}`
}
