import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open } from '../support/setting.ts'

let cwd: string

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'scopestack-sync-first-'))
  // As root, the embedded Postgres runs as another user, who needs access.
  await chmod(cwd, 0o711)
})

afterEach(() => rm(cwd, { recursive: true, force: true }))

test('without DATABASE_URL the data is in .scopestack-sync of this folder, and is kept', async () => {
  await using setting = await open()
  const { run } = setting
  const embedded = { DATABASE_URL: undefined }
  const first = await run('pull clients', embedded, { cwd })
  expect(first.code, first.stderr).toBe(0)
  const folder = join(cwd, '.scopestack-sync')
  expect(first.stdout).toContain(`DATABASE_URL is not set: using the embedded Postgres in ${folder}`)
  expect(first.stdout).toMatch(/✓ clients +(\d+) +\1 new/)
  // No server is left running.
  await expect(readFile(join(folder, 'data', 'postmaster.pid'))).rejects.toThrow('ENOENT')

  const status = await run('status', embedded, { cwd })
  expect(status.code, status.stderr).toBe(0)
  expect(status.stdout).toMatch(/^ {2}clients +ok/m)

  const second = await run('pull clients --json', embedded, { cwd })
  expect(second.code, second.stderr).toBe(0)
  expect(second.stdout).toContain('"inserted":0,"updated":0')
  // stdout is for machines; stderr tells the operator.
  expect(second.stderr).toContain('using the embedded Postgres in')
})
