/** What stands beside the columns of a table: its history, its living view, relations, and a role that owns nothing. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { openAccount, pullOne } from '../../support/scopestack/account.ts'
import { emptyResource, hideMembers } from '../../support/scopestack/older-release.ts'
import { startWorker } from '../../support/scopestack/worker.ts'
import { readMemberColumns } from '../../support/tables/columns.ts'

it('the living view, the history and the relations show a column that was added, and its fill is no version', async () => {
  const { sim, worker } = await openAccount({ projects: 6 }, undefined, { newFields: 'add' })
  const { sql } = worker
  await sql`select sync.record_history('projects')`
  await worker.run(['projects'])
  await emptyResource(worker, 'projects')
  const older = await hideMembers(worker, 'projects', ['business-unit'])
  await worker.runResource(older)
  const versions = async () =>
    (
      await sql<
        { n: number }[]
      >`select count(*)::int as n from scopestack_history.past_versions where table_name = 'projects'`
    )[0]!.n
  const before = await versions()
  await worker.runResource(older)
  expect(await versions()).toBe(before)
  expect(await sql`select id, business_unit_id, win_probability from scopestack_live.projects order by id`).toEqual(
    await sql`select id, business_unit_id, win_probability from scopestack.projects order by id`,
  )
  expect(
    await sql`
      select target_table, cardinality from scopestack.relations where table_name = 'projects' and column_name = 'business_unit_id'`,
  ).toEqual([{ target_table: 'business_units', cardinality: 'to-one' }])
  const { id } = sim.records.list('projects')[0]!
  sim.records.update('projects', id, { attributes: { 'win-probability': 88 } })
  await worker.runResource(older)
  expect(await versions()).toBe(before + 1)
  expect(
    await sql`select win_probability from scopestack_history.projects where id = ${id} order by valid_from desc limit 1`,
  ).toEqual([{ win_probability: '88' }])
})

it('a role that owns no table adds no column, says so, and its runs are ok; what the owner adds it fills', async () => {
  const { sim, worker: owner, databaseUrl } = await openAccount({ projects: 5 }, undefined, { newFields: 'add' })
  const role = `works_${randomUUID().slice(0, 8)}`
  const admin = openDatabase(databaseUrl, { connections: 1 })
  onTestFinished(async () => {
    await admin.unsafe(`drop owned by ${role}; drop role ${role}`)
    await admin.end()
  })
  await admin.unsafe(`
    create role ${role} login password 'secret';
    grant usage on schema scopestack, sync to ${role};
    grant select, insert, update, delete on all tables in schema scopestack, sync to ${role};
    grant usage on all sequences in schema scopestack, sync to ${role}`)
  const url = new URL(databaseUrl)
  url.username = role
  url.password = 'secret'
  await pullOne(owner, 'projects')
  const worker = await startWorker(sim, url.href, { newFields: 'add', pageSize: 10 })
  onTestFinished(() => worker[Symbol.asyncDispose]())
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', message: null })
  expect(await readMemberColumns(admin, ['member', 'state', 'reason'])).toEqual([
    {
      member: 'win-probability',
      state: 'waiting',
      reason: 'PostgreSQL did not add it: must be owner of table projects',
    },
  ])
  await pullOne(owner, 'projects')
  const { id } = sim.records.list('projects')[0]!
  sim.records.update('projects', id, { attributes: { 'win-probability': 12 } })
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', message: null, updated: 1 })
  expect(await admin`select win_probability, sync_extra from scopestack.projects where id = ${id}`).toEqual([
    { win_probability: '12', sync_extra: null },
  ])
})
