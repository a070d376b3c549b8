/** When something is read next, what became of the last ticks, and the buttons to pause, to resume and to run now. */
import { html } from 'hono/html'
import type { Schedule } from '../../jobs/schedule.ts'
import { inTime } from '../../report/headline.ts'
import { moment, thousands } from '../../report/words.ts'
import type { DecidedTick, PausedSchedule } from '../../store/runs/operator.ts'
import type { RunStatus } from '../../store/runs/status.ts'
import type { Session } from '../access.ts'
import { noticeOf, type Notice } from './changes-page.ts'
import { keyField } from './layout.ts'
import { badge, exactly, runLink, said, table, when, type Html } from './text.ts'

export type Kind = Schedule['name']

export interface ScheduleFacts {
  readonly at: Date
  readonly schedules: readonly Schedule[]
  /** What is set, as it is set. */
  readonly patterns: Readonly<Record<Kind, string>>
  readonly timezone: string
  readonly paused: readonly PausedSchedule[]
  readonly runs: readonly RunStatus[]
  readonly ticks: readonly DecidedTick[]
  /** What a run of each is for. */
  readonly resources: Readonly<Record<Kind, readonly string[]>>
}

const SHOWN_NEXT = 3

export const schedulePage = (facts: ScheduleFacts, session: Session, notice: Notice | null): Html =>
  html`<h1>Schedule</h1>
    ${noticeOf(notice)} ${(['full', 'incremental'] as const).map((kind) => oneSchedule(kind, facts, session))}
    <h2>The last ticks</h2>
    ${table(
      'Ticks',
      ['schedule', 'due', 'decided', 'run'],
      facts.ticks.map(
        ({ schedule, at, decidedAt, runId, note }) =>
          html`<tr>
            <th scope="row">${said(schedule, 100)}</th>
            <td>${exactly(at)}</td>
            <td>${when(decidedAt, facts.at)}</td>
            <td>${runId === null ? said(note ?? '–') : runLink(runId)}</td>
          </tr>`,
      ),
      'No scheduler decided on one yet.',
    )}`

function oneSchedule(kind: Kind, facts: ScheduleFacts, session: Session): Html {
  const { at, schedules, patterns, timezone, paused, runs, resources } = facts
  const schedule = schedules.find(({ name }) => name === kind)
  const pause = paused.find((one) => one.schedule === kind)
  const open = runs.find((run) => run.kind === kind && run.finishedAt === null)
  return html`<section aria-labelledby="schedule-${kind}">
    <h2 id="schedule-${kind}">${kind === 'full' ? 'Full' : 'Incremental'} ${pause && badge('paused', 'warn')}</h2>
    <dl>
      <dt>Pattern</dt>
      <dd>${schedule === undefined ? 'off' : html`<code>${patterns[kind]}</code>, in ${timezone}`}</dd>
      <dt>Reads</dt>
      <dd>${thousands(resources[kind].length)} resources</dd>
      ${
        pause &&
        html`<dt>Paused</dt>
          <dd>since ${exactly(pause.since)}; ticks meanwhile are skipped, and none is caught up</dd>`
      }
      ${
        schedule !== undefined &&
        html`<dt>${pause ? 'Would be due' : 'Next'}</dt>
          <dd>${nextOf(schedule, at).map((next) => html`<div>${moment(next)}, ${inTime(next, at)}</div>`)}</dd>`
      }
      ${
        open &&
        html`<dt>Goes on</dt>
          <dd>run ${runLink(open.id)}: ${open.done} of ${open.planned ?? '?'} resources done</dd>`
      }
    </dl>
    ${
      session.right === 'act' &&
      html`<form method="post" action="/schedule" class="actions">
        ${keyField(session.formKey)}
        ${
          pause
            ? html`<button name="do" value="resume:${kind}">Resume the ${kind} schedule</button>`
            : schedule !== undefined &&
              html`<button name="do" value="pause:${kind}">Pause the ${kind} schedule</button>`
        }
        ${
          open === undefined &&
          resources[kind].length > 0 &&
          html`<button name="do" value="run:${kind}">Run a ${kind} read now</button>`
        }
      </form>`
    }
  </section>`
}

function nextOf(schedule: Schedule, now: Date): Date[] {
  const found: Date[] = []
  for (let next = schedule.nextAfter(now); next !== null && found.length < SHOWN_NEXT; next = schedule.nextAfter(next))
    found.push(next)
  return found
}
