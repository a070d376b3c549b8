/** Writes mirrored rows without recording a local edit, so that the mirror differs from the remote. */
import type { Database, Transaction } from '../../../src/store/connection/database.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'

export async function withoutCapture(sql: Database, act: (tx: Transaction) => Promise<unknown>): Promise<void> {
  await sql.begin(async (tx) => {
    await disableCapture(tx)
    await act(tx)
  })
}
