import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { explainStoreError, type Store } from '../../../src/assemble/store.ts'
import type { SyncError } from '../../../src/errors/sync-error.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-log-'))
})

afterEach(() => rm(folder, { recursive: true }))

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })

async function explained(lines: readonly string[], embedded: string | undefined): Promise<SyncError> {
  await writeFile(join(folder, 'postgres.log'), lines.join('\n'))
  const store = { url: 'postgres://postgres:hidden@127.0.0.1:5432/scopestack', embedded } as Store
  return (await explainStoreError(refused, store)) as SyncError
}

const START = '2026-01-05 10:00:00 UTC [7] LOG:  starting PostgreSQL 18.1 on x86_64'
const FULL = '2026-01-05 10:00:09 UTC [9] PANIC:  could not write to file "pg_wal/xlogtemp.9": No space left on device'
const KNOCKING = '2026-01-05 10:00:08 UTC [8] FATAL:  the database system is starting up'

describe('an embedded Postgres that ended unexpectedly', () => {
  it('reports its own reason, not that of the client that could not reach it', async () => {
    const { code, message } = await explained([START, KNOCKING, '… [9] FATAL:  out of shared memory', KNOCKING], folder)
    expect(code).toBe('SYNC_DATABASE_UNREACHABLE')
    expect(message).toBe(
      `The embedded Postgres in ${folder} ended unexpectedly: out of shared memory. Run the same command again: it restarts ` +
        'Postgres and continues from the checkpoint. The log is postgres.log in that folder. (SYNC_DATABASE_UNREACHABLE)',
    )
  })

  it('is a full disk when it says so', async () => {
    const { code, message } = await explained([START, FULL], folder)
    expect(code).toBe('SYNC_DATABASE_FULL')
    expect(message).toContain('No space left on device. Nothing was lost. Make room')
  })

  it('is not explained by its messages from before its last start', async () => {
    const { code, message } = await explained([START, FULL, START], folder)
    expect(code).toBe('SYNC_DATABASE_UNREACHABLE')
    expect(message).toContain(`${folder} ended unexpectedly. Run the same command again`)
  })
})

it('a Postgres of your own is yours to check', async () => {
  const { message } = await explained([START, FULL], undefined)
  expect(message).toMatch(/^Postgres at 127\.0\.0\.1:5432\/scopestack cannot be reached: .*Check that it runs/)
})
