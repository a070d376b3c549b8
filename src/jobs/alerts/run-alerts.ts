/**
 * What a person should know of a run: that it did not end well, that it is well again, that it changed far more rows than usual. The
 * alert is written down with the run (store/runs/alerts.ts) and sent by a loop of its own, so that no receiver can hold up a run.
 */
import { hash } from 'node:crypto'
import { reason, withCode } from '../../errors/sync-error.ts'
import type { Logger } from '../../logger.ts'
import { visible } from '../../screen/visible.ts'
import { clipped } from '../../screen/width.ts'
import type { Transaction } from '../../store/connection/database.ts'
import { raiseAlert, type Alert } from '../../store/runs/alerts.ts'
import { isSuccess } from '../../store/runs/runs.ts'
import type { ClosedResource, ClosedRun } from '../../store/runs/scheduled-runs.ts'
import { raiseUnusualRows } from './unusual-rows.ts'

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
  await raiseSafely(tx, run, log, async (savepoint) => {
    const alert = alertOn(run)
    const raised = await raiseAlert(savepoint, alert)
    // After a silence that no failure had come before. Silence is reported for full runs only.
    if (alert.kind === 'recovery' && alert.subject === 'full')
      await raiseAlert(savepoint, { ...alert, subject: 'silence' }, raised)
  })
  await raiseSafely(tx, run, log, (savepoint) => raiseUnusualRows(savepoint, run))
}

async function raiseSafely(
  tx: Transaction,
  { id }: ClosedRun,
  log: Logger,
  raise: (savepoint: Transaction) => Promise<void>,
): Promise<void> {
  try {
    await tx.savepoint(raise)
  } catch (error) {
    log.error({ run: id }, `the alert could not be noted: ${reason(error)}`)
  }
}
