/** What a limit or a person ended is tried again; where it comes again, its resource fails by the limit's name, and no other. */
import postgres from 'postgres'
import { expect, it } from 'vitest'
import { onTestFinished } from '../../support/run/test-context.ts'
import { openAccount } from '../../support/scopestack/account.ts'
import { unequal } from '../../support/scopestack/truth.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

const TYPES = ['clients', 'vendors', 'tags']

const rival = (url: string, max = 1) => {
  const sql = postgres(url, { max, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}

it('a run continues when an administrator cancels its statements', async () => {
  const { sim, worker, databaseUrl } = await openAccount({ projects: 6 })
  const admin = rival(databaseUrl)
  const pulling = { over: false }
  let cancelled = 0
  const run = worker.run(TYPES).finally(() => (pulling.over = true))
  // All of them may meet one statement, which is tried five times.
  while (!pulling.over && cancelled < 4) {
    const hit = await admin`
      select pg_cancel_backend(pid) from pg_stat_activity
      where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and random() < 0.3 limit 1`
    cancelled += hit.length
  }
  expect((await run).outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
  expect(cancelled).toBeGreaterThan(0)
  for (const type of TYPES) expect(await unequal(worker.sql, sim, worker.catalog.get(type)!)).toEqual([])
})

it('a resource whose table another session has locked fails with the name of the limit, and no other resource does', async () => {
  const { sim, worker, databaseUrl } = await openAccount({ projects: 6 })
  const analyst = rival(databaseUrl)
  await worker.run(TYPES)
  const url = new URL(databaseUrl)
  url.searchParams.set('statement_timeout', '250ms')
  const limited = await startWorker(sim, url.href)
  onTestFinished(() => limited[Symbol.asyncDispose]())
  await analyst.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const { outcomes } = await limited.run(TYPES)
    expect(Object.fromEntries(outcomes.map(({ resource, outcome, code }) => [resource, [outcome, code]]))).toEqual({
      clients: ['failed', 'SYNC_DATABASE_LIMIT'],
      vendors: ['ok', null],
      tags: ['ok', null],
    })
    expect(outcomes.find(({ resource }) => resource === 'clients')!.message).toContain('statement_timeout')
  })
  expect((await limited.run(['clients'])).outcomes).toMatchObject([{ outcome: 'ok' }])
})
