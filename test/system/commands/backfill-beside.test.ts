/** A backfill beside other processes of the same account: neither disturbs the other. */
import { expect, test } from 'vitest'
import { beginRunsEarlier, readRunOutcomes, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { clientIds, ended, openLongList, runsOf, served } from '../support/unattended.ts'

const ENV = { SYNC_PAGE_SIZE: '10', SYNC_CONCURRENCY: '2' }

test.concurrent('a backfill and the workers wait for each other, and both runs end ok', async () => {
  await using setting = await openLongList('postgres')
  const { sim, sql, run, start } = setting
  start()
  await served(setting, 20)
  // The table is locked, so that the workers still hold the resource when the backfill reaches it.
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
  expect(await readRuns(sql, ['kind', 'outcome'])).toEqual([
    { kind: 'full', outcome: 'ok' },
    { kind: 'backfill', outcome: 'ok' },
  ])
  expect(await readRunOutcomes(sql, ['outcome', 'seen'])).toEqual(
    Array.from({ length: 2 }, () => ({ outcome: 'ok', seen: sim.records.list('clients').length })),
  )
  const { mirrored, remote } = await clientIds(setting)
  expect(mirrored).toEqual(remote)
})

test.concurrent('the workers do not resume a stopped backfill', async () => {
  await using setting = await openLongList('postgres')
  const { sql, run, start } = setting
  const killed = run('backfill clients', ENV)
  await served(setting, 20)
  killed.kill('SIGKILL')
  await killed
  await beginRunsEarlier(sql, '1 minute')
  start()
  await ended(setting)
  expect(await runsOf(setting)).toMatchObject([{ outcome: null }, { outcome: 'ok' }])
  expect(await readRunOutcomes(sql, ['run'])).toEqual([{ run: 2 }])
  const { code, stderr } = await run('backfill', ENV)
  expect(code, stderr).toBe(0)
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }])
})

test.concurrent('of two backfills at once, the second reports the run of the first, and disturbs nothing', async () => {
  await using setting = await openLongList('postgres')
  const { sql, run } = setting
  const first = run('backfill clients vendors', ENV)
  await served(setting, 20)
  // The table is locked, so that the first does not end before the second has begun.
  const second = await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in exclusive mode`
    return await run('backfill', ENV)
  })
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(
    /^backfill is in use by .*, process \d+ since \S+\. Wait until it ends, or stop it first\. \(SYNC_BUSY\)/,
  )
  const { code, stderr } = await first
  expect(code, stderr).toBe(0)
  expect(await readRunOutcomes(sql, ['outcome'])).toEqual([{ outcome: 'ok' }, { outcome: 'ok' }])
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
})
