/** Reports local edits that are parked, which wait until a person decides, and those that are not sent for too long. */
import { withCode } from '../../errors/sync-error.ts'
import { visible } from '../../screen/visible.ts'
import { clipped } from '../../screen/width.ts'
import type { Database } from '../../store/connection/database.ts'
import type { OldestChange } from '../../store/outbox/changes.ts'
import { raiseParkedAlert, type ParkedAlert } from '../../store/outbox/parked-alerts.ts'
import type { Alert } from '../../store/runs/alerts.ts'

const LISTED = 10

/** @returns whether some are still to be reported. */
export const raiseParkedAlerts = (sql: Database): Promise<boolean> => raiseParkedAlert(sql, LISTED, bodyOf)

function bodyOf({ count, changes }: ParkedAlert) {
  if (count === 0) {
    const text = 'scopestack-sync: no local edit is parked any more.'
    return { text, event: 'recovery', kind: 'local edits' }
  }
  const are = count === 1 ? '1 local edit is' : `${count} local edits are`
  const lines = changes.map(({ change, code, reason }) => `\n• change ${change}: ${withCode(short(reason), code)}`)
  const more = count > changes.length ? `\n… "changes list" shows all ${count}.` : ''
  const text = `scopestack-sync: ${are} parked until a person decides ("changes list").${lines.join('')}${more}`
  return { text, event: 'parked', kind: 'local edits', count, changes }
}

const short = (text: string): string => clipped(visible(text), 300)

/** That a local edit has waited for longer than ALERT_EDIT_MINUTES; 0: never. */
export function lateEdits(oldest: OldestChange | null, minutes: number, now: Date): Alert {
  const subject = 'late edits'
  if (minutes === 0 || oldest === null || now.getTime() - oldest.madeAt.getTime() < minutes * 60_000) {
    const text = 'scopestack-sync: no local edit has waited for too long any more.'
    return { subject, kind: 'recovery', fingerprint: 'none', body: { text, event: 'recovery', kind: 'late edits' } }
  }
  const { id, resource, recordId, madeAt } = oldest
  const since = madeAt.toISOString()
  const text = `scopestack-sync: local edits have waited for more than ${minutes} minutes: the oldest is change ${id}, of ${resource} ${recordId}, since ${since}. "changes list" says what it waits for; "status" whether a process is there that sends.`
  const body = { text, event: 'late', kind: 'late edits', change: id, resource, record: recordId, since }
  return { subject, kind: 'failure', fingerprint: 'late', body }
}
