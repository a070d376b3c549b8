/** Reports parked local edits to the webhook: they wait until a person decides. */
import { withCode } from '../errors/sync-error.ts'
import { visible } from '../screen/visible.ts'
import { clipped } from '../screen/width.ts'
import type { Database } from '../store/connection/database.ts'
import { raiseParkedAlert, type ParkedAlert } from '../store/outbox/parked-alerts.ts'

const LISTED = 10

export async function raiseParkedAlerts(sql: Database): Promise<void> {
  await raiseParkedAlert(sql, LISTED, bodyOf)
}

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
