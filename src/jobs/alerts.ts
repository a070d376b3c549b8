/**
 * Sends to a webhook what a person should know: a run that did not end well, that it is well again, silence, and parked local
 * edits. The alert is written down with the run (store/runs/alerts.ts) and sent by a loop of its own, so that no webhook can hold up a run.
 */
import { hash } from 'node:crypto'
import { reason, withCode } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import type { Http } from '../remote/http/http.ts'
import { visible, visibleJson } from '../screen/visible.ts'
import { clipped } from '../screen/width.ts'
import type { Database, Transaction } from '../store/connection/database.ts'
import { raiseParkedAlert, type ParkedAlert } from '../store/outbox/parked-alerts.ts'
import {
  recordDeliveryFailure,
  recordDelivery,
  lastSuccess,
  raiseAlert,
  claimAlert,
  type Alert,
} from '../store/runs/alerts.ts'
import { isSuccess } from '../store/runs/runs.ts'
import type { ClosedResource, ClosedRun } from '../store/runs/scheduled-runs.ts'
import type { Schedule } from './schedule.ts'

/** Raised after every run; the previous alert decides whether it is sent. */
function alertOn(run: ClosedRun): Alert {
  const { id, kind, outcome, error, startedAt, finishedAt } = run
  const bad = run.resources.filter((resource) => !isSuccess(resource.outcome))
  const facts = {
    run: id,
    kind,
    outcome,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt.toISOString(),
    error,
    resources: bad.map(({ resource, outcome: ended, code, message }) => ({ resource, outcome: ended, code, message })),
  }
  if (outcome === 'ok') {
    const text = `scopestack-sync: run ${id} (${kind}) is ok again, all ${run.resources.length} resources.`
    return { subject: kind, kind: 'recovery', fingerprint: 'ok', body: { text, event: 'recovery', ...facts } }
  }
  const what = [kind, outcome, codeOf(error), ...bad.map((one) => `${one.resource} ${one.outcome} ${one.code ?? ''}`)]
  const text = `scopestack-sync: run ${id} (${kind}) ended as ${outcome}.${error === null ? '' : ` ${visible(error)}`}${list(bad)}`
  return {
    subject: kind,
    kind: 'failure',
    fingerprint: hash('sha1', what.join('\n')),
    body: { text, event: 'failure', ...facts },
  }
}

/** The sentence without its numbers and addresses, which differ each night for the same reason. */
const codeOf = (error: string | null): string => (error ?? '').replace(/[^A-Za-z ]+/g, '').slice(0, 60)

/** Slack cuts what is longer than 4,000 characters. */
const LISTED = 10
const LONGEST = 300

function list(bad: readonly ClosedResource[]): string {
  const lines = bad.slice(0, LISTED).map(({ resource, outcome, code, message }) => {
    return `\n• ${resource} ${outcome}: ${withCode(clipped(visible(message ?? ''), LONGEST), code)}`
  })
  if (bad.length > LISTED) lines.push(`\n… and ${bad.length - LISTED} more`)
  return lines.join('')
}

/** Never a reason for a run not to end. */
export async function recordRunAlert(tx: Transaction, run: ClosedRun, log: Logger): Promise<void> {
  try {
    await tx.savepoint(async (savepoint) => {
      const alert = alertOn(run)
      const raised = await raiseAlert(savepoint, alert)
      // After a silence that no failure had come before. Silence is reported for full runs only.
      if (alert.kind === 'recovery' && alert.subject === 'full')
        await raiseAlert(savepoint, { ...alert, subject: 'silence' }, raised)
    })
  } catch (error) {
    log.error({ run: run.id }, `the alert could not be noted: ${reason(error)}`)
  }
}

/** Silence is reported once for each success that it follows. */
export async function raiseSilenceAlerts(sql: Database, schedules: readonly Schedule[], now: Date): Promise<void> {
  for (const schedule of schedules.filter(({ name }) => name === 'full')) {
    const since = await readSilence(sql, schedule, now)
    if (!since.silent) continue
    const last = since.ever ? `the last one ended ${since.at.toISOString()}` : 'there never was one'
    const sentence = `scopestack-sync: no ${schedule.name} run has ended well for two intervals; ${last}. Look at "status" and at the logs.`
    const text = withCode(sentence, 'SYNC_OVERDUE')
    const body = { text, event: 'silence', kind: schedule.name, since: since.at.toISOString() }
    await sql.begin((tx) =>
      raiseAlert(tx, { subject: 'silence', kind: 'silence', fingerprint: since.at.toISOString(), body }),
    )
  }
}

/** Local edits that are parked wait until a person decides. */
export const raiseParkedAlerts = (sql: Database): Promise<void> => raiseParkedAlert(sql, LISTED, parkedBody)

function parkedBody({ count, changes }: ParkedAlert) {
  if (count === 0) {
    const text = 'scopestack-sync: no local edit is parked any more.'
    return { text, event: 'recovery', kind: 'local edits' }
  }
  const are = count === 1 ? '1 local edit is' : `${count} local edits are`
  const lines = changes.map(
    ({ change, code, reason: why }) => `\n• change ${change}: ${withCode(clipped(visible(why), LONGEST), code)}`,
  )
  const more = count > changes.length ? `\n… "changes list" shows all ${count}.` : ''
  const text = `scopestack-sync: ${are} parked until a person decides ("changes list").${lines.join('')}${more}`
  return { text, event: 'parked', kind: 'local edits', count, changes }
}

export interface Silence {
  /** When the last run of the schedule ended well; the time of installation if there is none. */
  readonly at: Date
  readonly ever: boolean
  /** None has for two intervals. */
  readonly silent: boolean
}

export async function readSilence(sql: Database, schedule: Schedule, now: Date): Promise<Silence> {
  const since = await lastSuccess(sql, schedule.name)
  const limit = twoIntervalsAfter(schedule, since.at)
  return { ...since, silent: limit !== null && now >= limit }
}

/** When the second tick's run should have ended too, had it taken as long as this one. */
function twoIntervalsAfter(schedule: Schedule, success: Date): Date | null {
  const first = schedule.nextAfter(success)
  const second = first === null ? null : schedule.nextAfter(first)
  if (second === null) return null
  const took = success.getTime() - (schedule.dueBy(success) ?? success).getTime()
  return new Date(second.getTime() + took)
}

interface SendDeps {
  readonly sql: Database
  readonly url: string
  readonly http: Http
  readonly log: Logger
}

const RESPONSE_MS = 10_000
const LONGEST_WAIT_SECONDS = 15 * 60

/** Sends what waits, one after the other. A webhook that is down is tried for two days. */
export async function sendAlerts(deps: SendDeps, signal: AbortSignal): Promise<void> {
  const { sql, log } = deps
  for (;;) {
    const alert = await claimAlert(sql)
    if (alert === undefined) return
    const error = await post(deps, alert.body, signal)
    if (error === null) await recordDelivery(sql, alert.id)
    else {
      log.warn({ alert: alert.id, attempts: alert.attempts }, `the alert was not taken: ${error}`)
      await recordDeliveryFailure(sql, alert.id, error, Math.min(LONGEST_WAIT_SECONDS, 2 ** alert.attempts))
    }
  }
}

/** The address is a secret: its path is what lets one post. It is kept out of every message. */
async function post({ url, http }: SendDeps, body: object, signal: AbortSignal): Promise<string | null> {
  const headers = { 'content-type': 'application/json' }
  try {
    const request = { method: 'POST', url, headers, body: visibleJson(body), wholeMs: RESPONSE_MS } as const
    const { status } = await http.send(request, signal)
    return status >= 200 && status < 300 ? null : `status ${status}`
  } catch (error) {
    return reason(error).replaceAll(url, 'ALERT_WEBHOOK_URL')
  }
}
