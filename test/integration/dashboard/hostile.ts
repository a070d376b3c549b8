/** Texts of the remote that would break out of a page, in every place where one is shown. */
import type { Database } from '../../../src/store/connection/database.ts'
import { insertCapability } from '../../support/tables/capabilities.ts'
import { insertDrift, insertParked } from '../../support/tables/progress.ts'
import { failOutcomes, insertProcess, setRunTexts } from '../../support/tables/runs.ts'

/** Ends an element and an attribute, turns the reading order, rings, and has letters of other scripts. */
export const HOSTILE = `</td></script><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)' autofocus onfocus=alert(4) \u202e\u0007 \u2028 مرحبا 🎉`

/** In what is noted of clients, of runs and of a process, and where it may be long, of a megabyte. */
export async function insertHostile(sql: Database): Promise<void> {
  const hostile = `${HOSTILE} ${'y'.repeat(1_000_000)}`
  await insertParked(sql, { resource: 'clients', recordId: HOSTILE, reason: hostile, body: hostile })
  await insertDrift(sql, { resource: 'clients', member: HOSTILE, kind: 'undeclared', sample: hostile })
  await insertCapability(sql, 'clients', HOSTILE, hostile)
  await insertProcess(sql, HOSTILE, HOSTILE, HOSTILE)
  await failOutcomes(sql, hostile, 'clients')
  await setRunTexts(sql, HOSTILE, hostile)
}
