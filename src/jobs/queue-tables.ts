/**
 * BullMQ's tables, in schema `bullmq` of the same Postgres. Its own migrator takes an advisory lock, which any role that may
 * connect can hold, and waits for it, and for tables, as long as it takes. So it is run inside a transaction of ours, which
 * has the lock of our migrations, and is kept from beginning, ending and locking by itself.
 */
import { assertSchemaCompatibility, LATEST_SCHEMA_VERSION, runMigrations, SchemaMigrationRequiredError } from 'bullmq'
import { openDatabase, type Database, type Transaction } from '../store/connection/database.ts'
import type { LockWaiting } from '../store/schema/ddl.ts'
import { assertOwnQueueSchema } from '../store/schema/foreign-schemas.ts'
import { changeUnderLock } from '../store/schema/migrate.ts'
import { replaceAdvisoryLocks } from './queue-locks.ts'

const SCHEMA = 'bullmq'
/** What our transaction has stated already, or has no need of. */
const OURS = /^\s*(BEGIN|COMMIT|ROLLBACK)\s*$|^\s*SELECT pg_advisory_xact_lock\(/

/** Alone, like `migrate`, whose lock it takes. */
export async function migrateQueue(databaseUrl: string, waiting: LockWaiting = {}): Promise<void> {
  const sql = openDatabase(databaseUrl, { connections: 1 })
  try {
    await assertOwnQueueSchema(sql)
    if (!(await isQueueMigrated(sql))) {
      await changeUnderLock(sql, async (tx) => void (await runMigrations(asBullClient(tx), SCHEMA)), waiting)
    }
    await replaceAdvisoryLocks(sql, waiting)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Whether its tables are those of this version; false as well where there are none. Reads only. */
export async function isQueueMigrated(sql: Database): Promise<boolean> {
  try {
    return (await assertSchemaCompatibility(asBullClient(sql), SCHEMA)) >= LATEST_SCHEMA_VERSION
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return false
    throw error
  }
}

/** What BullMQ's migrator uses of the other driver. */
const asBullClient = (of: Database | Transaction): Parameters<typeof runMigrations>[0] => ({
  query: async (text, params = []) => ({
    rows: OURS.test(text) ? [] : ([...(await of.unsafe(text, params as never))] as never[]),
  }),
})
