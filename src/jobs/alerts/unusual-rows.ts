/** That a run inserted, updated or deleted far more rows of a resource than its earlier runs did. */
import type { Transaction } from '../../store/connection/database.ts'
import { raiseAlert } from '../../store/runs/alerts.ts'
import type { ClosedRun } from '../../store/runs/scheduled-runs.ts'
import { readUnusualRows, UNUSUAL, type UnusualRows } from '../../store/runs/unusual-rows.ts'

/** The same resources and actions run after run are one alert; a run without any ends it. */
export async function raiseUnusualRows(tx: Transaction, { id, kind, outcome }: ClosedRun): Promise<void> {
  const found = await readUnusualRows(tx, { id, kind })
  const subject = `rows ${kind}`
  if (found.length === 0) {
    // One that did not read everything proves nothing.
    if (outcome !== 'ok') return
    const text = `scopestack-sync: run ${id} (${kind}) changed as many rows as usual again.`
    const body = { text, event: 'recovery', kind: 'rows', run: id }
    await raiseAlert(tx, { subject, kind: 'recovery', fingerprint: 'usual', body })
    return
  }
  const lines = found.map((one) => `\n• ${sentence(one)}`)
  const text = `scopestack-sync: run ${id} (${kind}) changed far more rows than usual: more than ${UNUSUAL.times} times the second highest count of its runs in ${UNUSUAL.days} days.${lines.join('')}\nLook at what was changed in ScopeStack; a new release that adds columns does it, too.`
  const body = { text, event: 'unusual', kind: 'rows', run: id, resources: found }
  const fingerprint = found.map(({ resource, action }) => `${resource} ${action}`).join(', ')
  await raiseAlert(tx, { subject, kind: 'failure', fingerprint, body })
}

const sentence = ({ resource, action, count, usual, runs }: UnusualRows): string =>
  `${resource}: ${count} ${action}, of ${runs} earlier runs the second highest was ${usual}`
