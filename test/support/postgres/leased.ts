/** Loads rows without a lease, where a test has the database to itself. */
import type { Database } from '../../../src/store/connection/database.ts'
import type { LeasedTransaction } from '../../../src/store/fleet/leases.ts'

export const leased = async <T>(sql: Database, act: (tx: LeasedTransaction) => Promise<T>): Promise<T> =>
  (await sql.begin((tx) => act(tx as LeasedTransaction))) as T
