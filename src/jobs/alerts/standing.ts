/** What a turn of the alerts has found of one subject, and whether that is new: most turns write nothing. */
import type { Database } from '../../store/connection/database.ts'
import { lastAlerts, raiseAlert, type Alert } from '../../store/runs/alerts.ts'

/** A recovery that follows nothing is no alert, nor is what the last one said. */
export async function raiseFindings(sql: Database, findings: readonly Alert[]): Promise<void> {
  const last = await lastAlerts(
    sql,
    findings.map(({ subject }) => subject),
  )
  for (const finding of findings) {
    const before = last.get(finding.subject)
    const isNew = finding.kind === 'recovery' ? isOpen(before) : before?.fingerprint !== finding.fingerprint
    // Checked again there, behind other processes that found the same.
    if (isNew) await sql.begin((tx) => raiseAlert(tx, finding))
  }
}

const isOpen = (last: Pick<Alert, 'kind'> | undefined): boolean => last !== undefined && last.kind !== 'recovery'
