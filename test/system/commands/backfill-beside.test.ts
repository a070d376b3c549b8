/** A backfill while other processes are at the same account: neither spoils what the other does. */
import { expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { clientIds, ended, openLongList, runsOf, served } from '../support/unattended.ts'

const ENV = { SYNC_PAGE_SIZE: '10', SYNC_CONCURRENCY: '2' }

test('beside the workers: each waits for the other, and both runs end ok', async () => {
  await using setting = await openLongList('postgres')
  const { sim, sql, run, start } = setting
  start()
  await served(setting, 20)
  // Nobody can write to the table, so that the workers are at it still when the backfill comes to it.
  const backfill = await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in exclusive mode`
    let said = ''
    const begun = run('backfill clients --json', ENV, { onStdout: (text) => (said = text) })
    await until(() => said.includes('"begin"'), 'the backfill coming to clients')
    return () => begun
  })
  const { code, stdout, stderr } = await backfill()
  expect(code, stdout + stderr).toBe(0)
  await ended(setting, 2)
  expect(await sql`select kind, outcome from sync.runs order by id`).toEqual([
    { kind: 'full', outcome: 'ok' },
    { kind: 'backfill', outcome: 'ok' },
  ])
  expect(await sql`select outcome, seen from sync.run_outcomes`).toEqual(
    Array.from({ length: 2 }, () => ({ outcome: 'ok', seen: sim.records.list('clients').length })),
  )
  const { mirrored, remote } = await clientIds(setting)
  expect(mirrored).toEqual(remote)
})

test('the workers leave a stopped backfill to the one who began it', async () => {
  await using setting = await openLongList('postgres')
  const { sql, run, start } = setting
  const killed = run('backfill clients', ENV)
  await served(setting, 20)
  killed.kill('SIGKILL')
  await killed
  await sql`update sync.runs set started_at = started_at - interval '1 minute'`
  start()
  await ended(setting)
  expect(await runsOf(setting)).toMatchObject([{ outcome: null }, { outcome: 'ok' }])
  expect(await sql`select run_id::int from sync.run_outcomes`).toEqual([{ run_id: 2 }])
  const { code, stderr } = await run('backfill', ENV)
  expect(code, stderr).toBe(0)
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }])
})

test('two at once: the second says who is at it, and spoils nothing', async () => {
  await using setting = await openLongList('postgres')
  const { sql, run } = setting
  const first = run('backfill clients vendors', ENV)
  await served(setting, 20)
  // Nobody can write to the table, so that the first does not end before the second has begun.
  const second = await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in exclusive mode`
    return await run('backfill', ENV)
  })
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(
    /^backfill is being worked on by .*, process \d+ since \S+\. Wait for it, or stop it first\.\n\(SYNC_BUSY\)/,
  )
  const { code, stderr } = await first
  expect(code, stderr).toBe(0)
  expect(await sql`select outcome from sync.run_outcomes`).toEqual([{ outcome: 'ok' }, { outcome: 'ok' }])
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
})
