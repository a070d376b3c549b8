import type { Database, Transaction } from '../../../src/store/connection/database.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'

/** Writes mirrored rows without it being a local edit: a mirror that is not as the pull left it. */
export async function unnoticed(sql: Database, act: (tx: Transaction) => Promise<unknown>): Promise<void> {
  await sql.begin(async (tx) => {
    await disableCapture(tx)
    await act(tx)
  })
}
