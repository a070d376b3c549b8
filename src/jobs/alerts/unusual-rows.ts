/** That a run inserted, updated or deleted far more rows of a resource than its earlier runs did. */
import type { Transaction } from '../../store/connection/database.ts'
import { lastAlerts, raiseAlert } from '../../store/runs/alerts.ts'
import type { ClosedRun } from '../../store/runs/scheduled-runs.ts'
import { readUnusualRows, UNUSUAL, type UnusualRows } from '../../store/runs/unusual-rows.ts'

/** The same resources and actions run after run are one alert; a run in which these resources are `ok` without any ends it. */
export async function raiseUnusualRows(tx: Transaction, { id, kind, resources }: ClosedRun): Promise<void> {
  const found = await readUnusualRows(tx, { id, kind })
  const subject = `rows ${kind}`
  if (found.length === 0) {
    const reported = (await lastAlerts(tx, [subject])).get(subject)
    if (reported?.kind !== 'failure') return
    // One that was not read well proves nothing; nor does another keep this alert open, which may be `incomplete` for weeks.
    const isWell = (type: string) => resources.some(({ resource, outcome }) => resource === type && outcome === 'ok')
    if (!resourcesIn(reported.fingerprint).every(isWell)) return
    const text = `scopestack-sync: run ${id} (${kind}) changed as many rows as usual again.`
    const body = { text, event: 'recovery', kind: 'rows', run: id }
    await raiseAlert(tx, { subject, kind: 'recovery', fingerprint: 'usual', body })
    return
  }
  const lines = found.map((one) => `\n• ${sentence(one)}`)
  const text = `scopestack-sync: run ${id} (${kind}) changed far more rows than usual: more than ${UNUSUAL.times} times the second highest count of its runs in ${UNUSUAL.days} days.${lines.join('')}\nLook at what was changed in ScopeStack; a new release that adds columns does it, too.`
  const body = { text, event: 'unusual', kind: 'rows', run: id, resources: found }
  const fingerprint = fingerprintOf(found)
  await raiseAlert(tx, { subject, kind: 'failure', fingerprint, body })
}

const fingerprintOf = (found: readonly UnusualRows[]): string =>
  found.map(({ resource, action }) => `${resource} ${action}`).join(', ')

const resourcesIn = (fingerprint: string): string[] => fingerprint.split(', ').map((one) => one.split(' ')[0]!)

const sentence = ({ resource, action, count, usual, runs }: UnusualRows): string =>
  `${resource}: ${count} ${action}, of ${runs} earlier runs the second highest was ${usual}`
