/** The supported server versions, which the tests run on. Older ones lack SQL that the statements use. */
import { serverTooOld } from '../../errors/database.ts'
import type { Database } from '../connection/database.ts'

const OLDEST = 15

export interface ServerVersion {
  /** `150018` for 15.18. */
  readonly number: number
  readonly version: string
}

/** @throws SyncError SYNC_DATABASE_REFUSED below PostgreSQL 15, before anything is created. */
export async function checkServer(sql: Database): Promise<void> {
  const [found] = await sql<ServerVersion[]>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version`
  assertSupportedVersion(found!)
}

export function assertSupportedVersion({ number, version }: ServerVersion): void {
  // Before version 10 the number had another form, which is smaller still.
  if (Math.floor(number / 10_000) < OLDEST) throw serverTooOld({ version, oldest: OLDEST })
}
