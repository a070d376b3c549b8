/** The last requests to ScopeStack of all processes, and how much of the rate they use. */
import { html } from 'hono/html'
import { used } from '../../report/lines.ts'
import { ago } from '../../report/words.ts'
import type { LastMinute, RequestFilter, SavedRequest } from '../../store/runs/requests.ts'
import { badge, number, requestsAddress, resourceLink, runLink, said, table, type Html } from './text.ts'

export interface RequestsFacts extends LastMinute {
  readonly requests: readonly SavedRequest[]
  readonly at: Date
  /** Requests a second of all processes; 0 for no limit. */
  readonly rate: number
}

export const requestsPage = ({ requests, at, rate, ...counted }: RequestsFacts, filter: RequestFilter): Html =>
  html`<h1>The last ${requests.length} requests to ScopeStack${wordsOf(filter)}</h1>
    <p>${used(counted, rate)} Bodies, tokens and the values of filters are not kept.</p>
    <p class="filters">${filters(filter)}</p>
    ${table(
      'Requests',
      ['UTC', 'request', 'response', '#ms', '#bytes', '#attempt', '#waited ms', 'job', 'process'],
      requests.map(
        (one) =>
          html`<tr>
            <td><time datetime="${one.at.toISOString()}" title="${ago(one.at, at)}">${clockTime(one.at)}</time></td>
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
      'None of the last requests of "start".',
    )}`

/** As the log has it; the date is that of today, or of the night. */
const clockTime = (then: Date): string => then.toISOString().slice(11, 19)

const wordsOf = ({ run, resource, failed }: RequestFilter): string =>
  [
    failed === true ? ' that failed' : '',
    run === undefined ? '' : ` of run ${run}`,
    resource === undefined ? '' : ` for ${resource}`,
  ].join('')

/** Each adds to what is shown, or takes one of its conditions away. */
function filters(filter: RequestFilter): Html {
  const { run, resource, failed } = filter
  const link = (changes: RequestFilter, words: string): Html =>
    html`<a href="${requestsAddress({ ...filter, ...changes })}">${words}</a> `
  return html`${failed === true ? link({ failed: false }, 'Also those that went well') : link({ failed: true }, 'Only those that failed')}
  ${run !== undefined && link({ run: undefined }, 'Of all runs')}
  ${resource !== undefined && link({ resource: undefined }, 'For all resources')}`
}

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
