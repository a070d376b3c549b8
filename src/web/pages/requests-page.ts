/** The last requests to ScopeStack of all processes, and how much of the rate they use. */
import { html } from 'hono/html'
import { used } from '../../report/lines.ts'
import type { LastMinute, SavedRequest } from '../../store/runs/requests.ts'
import { badge, number, resourceLink, runLink, said, table, when, type Html } from './text.ts'

export interface RequestsFacts extends LastMinute {
  readonly requests: readonly SavedRequest[]
  readonly at: Date
  /** Requests a second of all processes; 0 for no limit. */
  readonly rate: number
}

export const requestsPage = ({ requests, at, rate, ...counted }: RequestsFacts): Html =>
  html`<h1>The last ${requests.length} requests to ScopeStack</h1>
    <p>${used(counted, rate)} Bodies, tokens and the values of filters are not kept.</p>
    ${table(
      'Requests',
      ['when', 'request', 'response', '#ms', '#bytes', '#attempt', '#waited ms', 'job', 'process'],
      requests.map(
        (one) =>
          html`<tr>
            <td>${when(one.at, at)}</td>
            <th scope="row">${one.method} ${said(one.path)}</th>
            <td>${response(one)}</td>
            <td class="number">${number(one.ms)}</td>
            <td class="number">${number(one.bytes)}</td>
            <td class="number">${one.attempt}</td>
            <td class="number">${number(one.waitedMs)}</td>
            <td>${job(one)}</td>
            <td>${said(one.holder, 100)}</td>
          </tr>`,
      ),
      'No process of "start" has sent one yet.',
    )}`

/** What it was sent for. */
function job({ purpose }: SavedRequest): Html {
  if (purpose === null) return html`–`
  const { runId, resource } = purpose
  return html`${runId === null ? 'local edit' : html`run ${runLink(runId)}`}: ${resourceLink(resource)}`
}

function response({ status, code }: SavedRequest): Html {
  if (status === null) return badge(code ?? 'none', 'bad')
  return badge(String(status), status < 400 ? 'ok' : status < 500 ? 'warn' : 'bad')
}
