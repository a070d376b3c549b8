/** The first screen: is it well, what needs a person, what goes on. Every figure is that of `status`, from the same reader. */
import { html } from 'hono/html'
import { headline, inTime } from '../../report/headline.ts'
import {
  connectionsLine,
  connectionsOf,
  every,
  lateMark,
  oldestEditLines,
  queueLine,
  used,
  waitLines,
} from '../../report/lines.ts'
import type { Overview, ResourceOverview } from '../../report/overview.ts'
import { editLines, groupsOf, pausedLines, standingOf, type Problem } from '../../report/problems.ts'
import { many, moment, thousands } from '../../report/words.ts'
import type { PastRun } from '../../store/runs/run-history.ts'
import type { RunStatus } from '../../store/runs/status.ts'
import { runsChart } from './run-pages.ts'
import { badge, clipped, number, outcomeBadge, resourceLink, runLink, said, table, when, type Html } from './text.ts'

export interface Snapshot {
  readonly overview: Overview
  /** The newest first. */
  readonly runs: readonly PastRun[]
  readonly push: 'on' | 'off'
}

/** Without forms, so that it is the same for all who look, and can be sent to all at once. */
export const overviewContent = ({ overview, runs, push }: Snapshot): Html =>
  html`<h1 class="${isWell(overview) ? 'well' : 'ill'}">${headline(overview)}</h1>
    ${overview.clock !== null && html`<p class="notice warn">${overview.clock}</p>`}
    ${overview.problems.length > 0 && problemList(overview.problems)} ${runsOf(overview)} ${goingOn(overview, push)}
    ${runsChart(runs)} ${resourceTable(overview)}`

const isWell = ({ problems, resources }: Overview): boolean =>
  problems.length === 0 && resources.every(({ isLate }) => !isLate)

/** Problems of many resources mostly have one reason. */
const problemList = (problems: readonly Problem[]): Html =>
  html`<section aria-labelledby="problems">
    <h2 id="problems">What needs a person</h2>
    <ul class="problems">
      ${groupsOf(problems).map(
        (those, at) =>
          html`<li class="${isFailure(those[0]) ? 'bad' : 'warn'}">
            ${names(those)} ${clipped(those[0].message, `problem-${at}`)} ${whereTo(those[0])}
            <small>${standingOf(those)}</small>
          </li>`,
      )}
    </ul>
  </section>`

/** Nothing is written, or lost; the rest is at work, but for what is named. */
const isFailure = ({ what, message }: Problem): boolean =>
  what === 'resource' ? message.startsWith('failed') : what !== 'records'

const names = (those: readonly Problem[]): Html =>
  html`${those
    .filter(({ what }) => what === 'resource')
    .map(({ name }, at) => html`${at > 0 && ', '}${resourceLink(name ?? '')}`)}`

function whereTo({ what, name, run }: Problem): Html {
  if (run !== undefined) return html`<a href="/runs/${run}">See the run</a>`
  if (what === 'edits') return html`<a href="/changes">See the changes</a>`
  if (what === 'records' && name !== null) return html`<a href="/resources/${encodeURIComponent(name)}">See them</a>`
  return what === 'schedule' ? html`<a href="/runs">See the runs</a>` : html``
}

function runsOf({ runs, at }: Overview): Html {
  const open = runs.filter(({ finishedAt }) => finishedAt === null)
  return html`${open.map(
    (run) =>
      html`<section aria-label="Run ${run.id}">
        <h2>Run ${runLink(run.id)} (${run.kind}) goes on</h2>
        ${progress(run)}
        <p>${run.done} of ${run.planned ?? '?'} resources done, begun ${when(run.startedAt, at)}.</p>
      </section>`,
  )}`
}

const progress = ({ id, done, planned }: RunStatus): Html =>
  planned === null
    ? html``
    : html`<progress max="${planned}" value="${done}" aria-label="Run ${id}">${done} of ${planned}</progress>`

const goingOn = (overview: Overview, push: 'on' | 'off'): Html => {
  const { at, runs, processes, nextTicks, paused, connections, queue, requests } = overview
  return html`<section aria-labelledby="going-on">
    <h2 id="going-on">What goes on</h2>
    <dl>
      ${nextTicks.map(
        (next) =>
          html`<dt>Next ${next.schedule} run</dt>
            <dd><time datetime="${next.at.toISOString()}">${moment(next.at)}</time>, ${inTime(next.at, at)}</dd>`,
      )}
      ${
        paused.length > 0 &&
        html`<dt>Paused</dt>
          <dd>${pausedLines(paused).join(' ')} <a href="/schedule">See the schedule</a></dd>`
      }
      ${runs
        .filter(({ finishedAt }) => finishedAt !== null)
        .map(
          ({ id, kind, finishedAt, outcome }) =>
            html`<dt>Last ${kind} run</dt>
              <dd>${runLink(id)} ended ${when(finishedAt, at)}: ${outcomeBadge(outcome)}</dd>`,
        )}
      <dt>Local edits</dt>
      <dd>${edits(overview, push)}</dd>
      <dt>Processes</dt>
      <dd>${processes.length === 0 ? 'No "start" runs.' : processes.map((one) => processLine(one, at))}</dd>
      <dt>Connections to Postgres</dt>
      <dd>${connectionsLine(connections)}</dd>
      <dt>Queue</dt>
      <dd>${queueLine(queue)}</dd>
      <dt>Requests to ScopeStack</dt>
      <dd>
        ${[used(requests, requests.rate), ...waitLines(requests, at)].join(' ')}
        <a href="/requests">See the requests</a>
      </dd>
    </dl>
  </section>`
}

function edits(overview: Overview, push: 'on' | 'off'): Html {
  const { localEdits: counts } = overview
  const lines = [
    ...editLines(counts, push).map((line) => line.replace(/^Local edits: /, '')),
    ...oldestEditLines(overview),
  ]
  const parked = counts['parked'] ?? 0
  if (lines.length === 0 && parked === 0) return html`None waits.`
  return html`${lines.map((line) => html`${said(line)} `)} ${parked > 0 && html`${many(parked, 'edit')} parked. `}
    <a href="/changes">See the changes</a>`
}

const processLine = (
  { holder, version, parts, startedAt, seenAt, alive, connections }: Overview['processes'][number],
  at: Date,
) =>
  html`<div>
    ${badge(alive ? 'alive' : 'gone', alive ? 'ok' : 'bad')} ${said(holder, 100)}: ${said(parts.join(', '), 100)}
    (${said(version, 100)})${connectionsOf(connections)}, since ${when(startedAt, at)}, seen ${when(seenAt, at)}
  </div>`

const resourceTable = ({ resources, at, drift }: Overview): Html =>
  html`<section aria-labelledby="resources">
    <h2 id="resources">Resources</h2>
    ${table(
      'Resources',
      ['resource', 'outcome', '#rows', 'data as of', 'last run', 'read'],
      resources.map((one) => resourceRow(one, at)),
      'No resource was read yet.',
    )}
    ${
      drift.length > 0 &&
      html`<p>
        The account differs from this version's catalog in ${many(drift.length, 'member')}; the page of each resource
        names them.
      </p>`
    }
  </section>`

const resourceRow = (one: ResourceOverview, at: Date): Html =>
  html`<tr>
    <th scope="row">
      ${resourceLink(one.resource)}
      ${one.interruptedAt !== null && html`<small>being read${together(one)}: ${thousands(one.interruptedAt)} records</small>`}
    </th>
    <td>${outcomeBadge(one.lastOutcome)}</td>
    <td class="number">${number(one.rows)}</td>
    <td class="${one.isLate && 'late'}">${when(one.dataAsOf, at, 'never complete')}${lateMark(one)}</td>
    <td>${when(one.lastRunAt, at)}</td>
    <td>${every(one.everySeconds)}</td>
  </tr>`

const together = ({ readers }: { readonly readers: readonly string[] }): string =>
  readers.length === 0 ? '' : ` by ${readers.length} processes`
