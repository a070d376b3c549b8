/** The last runs, and one of them resource by resource. */
import { html } from 'hono/html'
import { duration, moment, thousands } from '../../report/words.ts'
import type { PastOutcome, PastRun } from '../../store/runs/run-history.ts'
import { chart, levelOf } from './chart.ts'
import {
  clipped,
  exactly,
  number,
  outcomeBadge,
  requestsAddress,
  resourceLink,
  runLink,
  said,
  table,
  WHOLE,
  type Html,
} from './text.ts'

const lasted = (from: Date, to: Date | null): string => (to === null ? '–' : duration(to.getTime() - from.getTime()))

/** @param runs the newest first. */
export const runsChart = (runs: readonly PastRun[]): Html => {
  const oldestFirst = runs.filter(({ finishedAt }) => finishedAt !== null).toReversed()
  const titleOf = ({ id, kind, startedAt, finishedAt, outcome, written }: PastRun): string =>
    `Run ${id} (${kind}), ${moment(startedAt)}: ${outcome}, ${lasted(startedAt, finishedAt)}, ${thousands(written)} rows written`
  const bars = (height: (run: PastRun) => number) =>
    oldestFirst.map((run) => ({
      height: height(run),
      level: levelOf(run.outcome),
      title: titleOf(run),
    }))
  const seconds = ({ startedAt, finishedAt }: PastRun): number =>
    Math.round((finishedAt!.getTime() - startedAt.getTime()) / 1000)
  return html`<div class="charts">
    ${chart('How long the last runs took', 's', bars(seconds))}
    ${chart(
      'Rows they wrote',
      'rows',
      bars(({ written }) => written),
    )}
  </div>`
}

export const runsPage = (runs: readonly PastRun[]): Html =>
  html`<h1>The last ${runs.length} runs</h1>
    ${runsChart(runs)}
    ${table(
      'Runs',
      ['run', 'outcome', 'kind', 'begun', 'took', 'resources', '#records read', '#rows written'],
      runs.map(
        (run) =>
          html`<tr>
            <th scope="row">${runLink(run.id)}</th>
            <td>${run.finishedAt === null ? 'goes on' : outcomeBadge(run.outcome)}</td>
            <td>${run.kind}</td>
            <td>${exactly(run.startedAt)}</td>
            <td class="took">${lasted(run.startedAt, run.finishedAt)}</td>
            <td>
              ${run.planned === null ? run.done : `${run.done} of ${run.planned}`}
              ${run.notOk > 0 && html`<small>${run.notOk} not ok</small>`}
            </td>
            <td class="number">${number(run.seen)}</td>
            <td class="number">${number(run.written)}</td>
          </tr>`,
      ),
      'Nothing ran yet.',
    )}`

const MOST_LEFT = 5

/** @param left the resources that have no outcome yet. */
export const runPage = (run: PastRun, outcomes: readonly PastOutcome[], left: readonly string[]): Html =>
  html`<h1>Run ${run.id} (${run.kind}): ${run.finishedAt === null ? 'goes on' : (run.outcome ?? '–')}</h1>
    ${run.error !== null && html`<p class="notice bad">${said(run.error, WHOLE)}</p>`}
    <dl>
      <dt>Begun</dt>
      <dd>${exactly(run.startedAt)}</dd>
      <dt>Ended</dt>
      <dd>${exactly(run.finishedAt)}${run.finishedAt !== null && `, took ${lasted(run.startedAt, run.finishedAt)}`}</dd>
      <dt>Resources</dt>
      <dd>${run.done} of ${run.planned ?? '?'} done, ${run.notOk} not ok</dd>
      ${
        left.length > 0 &&
        html`<dt>Left</dt>
          <dd>
            ${left.slice(0, MOST_LEFT).map((type, at) => html`${at > 0 && ', '}${resourceLink(type)}`)}
            ${left.length > MOST_LEFT && `and ${left.length - MOST_LEFT} more`}
          </dd>`
      }
      <dt>By</dt>
      <dd>${said(run.holder, 100)} (${said(run.version, 100)})</dd>
    </dl>
    <p><a href="${requestsAddress({ run: run.id })}">See its last requests</a></p>
    <h2>Resource by resource</h2>
    ${outcomeTable(outcomes, 'resource')}`

/** Of one run, or of one resource over time. */
export const outcomeTable = (outcomes: readonly PastOutcome[], by: 'resource' | 'run'): Html =>
  table(
    'Outcomes',
    [
      by,
      'outcome',
      '#expected',
      '#seen',
      '#inserted',
      '#updated',
      '#unchanged',
      '#deleted',
      '#parked',
      '#pages',
      'took',
    ],
    outcomes.map(
      (one) =>
        html`<tr>
          <th scope="row">
            ${by === 'resource' ? resourceLink(one.resource) : html`${runLink(one.runId)}<small>${exactly(one.finishedAt)}</small>`}
          </th>
          <td>
            ${outcomeBadge(one.outcome)}${one.message !== null && html`<small class="message">${clipped(one.message, `message-${one.runId}-${one.resource}`)}</small>`}
          </td>
          ${[one.expected, one.seen, one.inserted, one.updated, one.unchanged, one.deleted, one.parked, one.pages].map(
            (count) => html`<td class="number">${number(count)}</td>`,
          )}
          <td class="took">${lasted(one.startedAt, one.finishedAt)}</td>
        </tr>`,
    ),
    'No resource has an outcome yet.',
  )
