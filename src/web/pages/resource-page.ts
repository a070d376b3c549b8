/** One resource: how it is, what became of it over time, and what was found about it. */
import { html } from 'hono/html'
import { many, thousands } from '../../report/words.ts'
import type { ListedMember } from '../../store/columns/member-list.ts'
import type { Findings, ParkedRecord } from '../../store/progress/findings.ts'
import type { PastOutcome } from '../../store/runs/run-history.ts'
import type { ResourceStatus } from '../../store/runs/status.ts'
import { chart, levelOf } from './chart.ts'
import { outcomeTable } from './run-pages.ts'
import {
  bounded,
  exactly,
  number,
  outcomeBadge,
  requestsAddress,
  said,
  shown,
  table,
  when,
  WHOLE,
  type Html,
} from './text.ts'

export interface ResourceFacts {
  readonly type: string
  readonly at: Date
  /** Undefined before its first run. */
  readonly status: ResourceStatus | undefined
  readonly history: readonly PastOutcome[]
  readonly findings: Findings
  /** That no release describes. */
  readonly members: readonly ListedMember[]
}

export const resourcePage = ({ type, at, status, history, findings, members }: ResourceFacts): Html =>
  html`<h1>${type}</h1>
    ${status === undefined ? html`<p class="none">It was not read yet.</p>` : state(status, at)}
    ${chart(
      'Records of its last reads',
      'records',
      history.toReversed().map((one) => ({
        height: one.seen,
        level: levelOf(one.outcome),
        title: `Run ${one.runId}: ${one.outcome}, ${thousands(one.seen)} records`,
      })),
    )}
    ${parkedSection(findings, at)} ${driftSection(findings, at)} ${membersSection(members)}
    <p><a href="${requestsAddress({ resource: type })}">See its last requests</a></p>
    <h2>Its last reads</h2>
    ${outcomeTable(history, 'run')}
    <h2>What the server supports</h2>
    ${table(
      'Capabilities',
      ['what', 'found', 'when'],
      findings.capabilities.map(
        ({ name, value, probedAt }) =>
          html`<tr>
            <th scope="row">${bounded(name)}</th>
            <td>${shown(value)}</td>
            <td>${when(probedAt, at)}</td>
          </tr>`,
      ),
      'Nothing was probed yet.',
    )}`

const state = (one: ResourceStatus, at: Date): Html =>
  html`${one.lastOutcome !== 'ok' && one.lastOutcome !== 'absent' && one.message !== null && html`<p class="notice bad">${said(one.message, WHOLE)}</p>`}
    <dl>
      <dt>Last outcome</dt>
      <dd>${outcomeBadge(one.lastOutcome)}</dd>
      <dt>Rows</dt>
      <dd>${number(one.rows)}</dd>
      <dt>Data as of</dt>
      <dd>${when(one.dataAsOf, at, 'never complete')}</dd>
      <dt>Last run</dt>
      <dd>${when(one.lastRunAt, at)}</dd>
      <dt>Last success</dt>
      <dd>${when(one.lastSuccessAt, at)}</dd>
      ${
        one.interruptedAt !== null &&
        html`<dt>Under way</dt>
          <dd>
            ${thousands(one.interruptedAt)} records were read;
            ${one.readers.length > 0 ? `${one.readers.join('; ')} read on` : 'the next pull goes on there'}.
          </dd>`
      }
    </dl>`

function parkedSection({ parked, parkedCount }: Findings, at: Date): Html {
  if (parkedCount === 0) return html``
  return html`<h2>${many(parkedCount, 'parked record')}</h2>
    ${parkedCount > parked.length && html`<p>The newest ${parked.length} are shown; table sync.parked has all.</p>`}
    ${parked.map((one) => parkedRecord(one, at))}`
}

const parkedRecord = ({ recordId, reason, body, length, firstSeenAt, lastSeenAt }: ParkedRecord, at: Date): Html =>
  html`<details class="change">
    <summary>Record ${shown(recordId, 100)}: ${said(reason)}</summary>
    <p>Parked since ${when(firstSeenAt, at)}, met again ${when(lastSeenAt, at)}.</p>
    <pre tabindex="0" aria-label="Its body">${said(body, body.length)}</pre>
    ${length > body.length && html`<p>${thousands(length)} characters in all, in sync.parked.</p>`}
  </details>`

const membersSection = (members: readonly ListedMember[]): Html =>
  members.length === 0
    ? html``
    : html`<h2>What no release describes</h2>
        <p>
          The next run makes a column of what has values of one type. Commands <code>columns add</code>,
          <code>rename</code>, <code>type</code> and <code>refuse</code> decide otherwise.
        </p>
        ${table(
          'Members',
          ['member', 'state', 'column', 'why', 'since'],
          members.map(
            (one) =>
              html`<tr>
                <th scope="row">${said(one.member)}</th>
                <td>${one.state}</td>
                <td>${one.column}</td>
                <td>${one.reason !== null && said(one.reason)}</td>
                <td>${exactly(one.since)}</td>
              </tr>`,
          ),
        )}`

const driftSection = ({ drift }: Findings, at: Date): Html =>
  drift.length === 0
    ? html``
    : html`<h2>Where the account differs from the catalog</h2>
        ${table(
          'Drift',
          ['member', 'kind', 'sample', 'first met', 'last met'],
          drift.map(
            (one) =>
              html`<tr>
                <th scope="row">${said(one.member)}</th>
                <td>${one.kind}</td>
                <td>${said(one.sample)}</td>
                <td>${exactly(one.firstSeenAt)}</td>
                <td>${when(one.lastSeenAt, at)}</td>
              </tr>`,
          ),
        )}`
