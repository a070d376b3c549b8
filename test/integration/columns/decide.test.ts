/** What a person decides of a member and its column. */
import { expect, it } from 'vitest'
import {
  addMember,
  dropMember,
  pinMember,
  refuseMember,
  renameMember,
  retypeMember,
  type Change,
} from '../../../src/sync/columns/change-columns.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import { openAccount, pullOne } from '../../support/scopestack/account.ts'
import { verify } from '../../support/scopestack/verified.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readMemberColumns } from '../../support/tables/columns.ts'

const decide = (
  worker: TestWorker,
  change: Change,
  member = 'win-probability',
  onBusy: (message: string) => void = () => {},
) =>
  withLease(worker.leases, 'projects', new AbortController().signal, (signal, lease) =>
    change({ sql: worker.sql, lease, resource: worker.catalog.get('projects')!, by: 'a test', signal, onBusy }, member),
  )

/** Projects with a member that no release describes, read `runs` times. */
async function openProjects(runs: number, newFields: 'add' | 'report' = 'add') {
  const { worker, sim } = await openAccount({ projects: 8 }, undefined, { newFields })
  for (let run = 0; run < runs; run++) await pullOne(worker, 'projects')
  return { worker, sim, sql: worker.sql }
}

const typeOf = async ({ sql }: TestWorker, column: string) =>
  (
    await sql<{ type: string }[]>`
      select format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'scopestack.projects'::regclass and attname = ${column} and not attisdropped`
  )[0]?.type

const agrees = async (worker: TestWorker) =>
  expect(await verify(worker, 'projects')).toMatchObject({ different: 0, missing: 0, doubt: null, reported: [] })

it('add makes a column at once, under a name and with a type that a person gives, and a run keeps both', async () => {
  const { worker, sql } = await openProjects(1, 'report')
  const given = addMember({ name: 'win_percent', kind: 'text' })
  expect(await decide(worker, given)).toBe(
    'projects.win_percent is there, and holds what sync_extra held of "win-probability".',
  )
  expect(await typeOf(worker, 'win_percent')).toBe('text')
  expect(await sql`select from scopestack.projects where sync_extra is not null`).toEqual([])
  await expect(decide(worker, given)).rejects.toThrow('"win-probability" is column win_percent already.')
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 0 })
  expect(await readMemberColumns(sql, ['column', 'kind', 'state', 'decidedBy'])).toEqual([
    { column: 'win_percent', kind: 'text', state: 'added', decidedBy: 'a test' },
  ])
  await agrees(worker)
})

it('rename keeps values and views; what the run writes afterwards is in the renamed column', async () => {
  const { worker, sim, sql } = await openProjects(2)
  await sql`create view public.odds as select id, win_probability from scopestack.projects`
  await sql`create view public.living_odds as select id, win_probability from scopestack_live.projects`
  const before = await sql`select * from public.odds order by id`
  await decide(worker, renameMember('odds'))
  expect(await sql`select * from public.odds order by id`).toEqual(before)
  expect(await sql`select * from public.living_odds order by id`).toEqual(before)
  expect(await sql`select id, odds as win_probability from scopestack_live.projects order by id`).toEqual(before)
  const { id } = sim.records.list('projects')[0]!
  sim.records.update('projects', id, { attributes: { 'win-probability': 99 } })
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await sql`select win_probability from public.odds where id = ${id}`).toEqual([{ win_probability: '99' }])
  await agrees(worker)
  await expect(decide(worker, renameMember('status'))).rejects.toThrow('The table has a column status already.')
  await expect(decide(worker, renameMember('Größe'))).rejects.toThrow('is no name for a column here')
})

it('drop is refused while a view uses the column, names the view, and drops nothing else with it', async () => {
  const { worker, sql } = await openProjects(2)
  await sql`create view public.odds as select id, win_probability from scopestack.projects`
  await sql`create view public.living_odds as select id, win_probability from scopestack_live.projects`
  await expect(decide(worker, dropMember)).rejects.toThrow(
    'is used by view public.living_odds, view public.odds, and stays',
  )
  await expect(decide(worker, retypeMember('integer'))).rejects.toThrow(
    'is used by view public.living_odds, view public.odds',
  )
  await sql`drop view public.odds, public.living_odds`
  await decide(worker, dropMember)
  expect(await typeOf(worker, 'win_probability')).toBe(undefined)
  expect(
    await sql`select attname from pg_attribute where attrelid = 'scopestack_live.projects'::regclass and attname = 'win_probability'`,
  ).toEqual([])
  for (let run = 0; run < 2; run++) expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok' })
  expect(
    await sql`select distinct jsonb_typeof(sync_extra -> 'win-probability') as type from scopestack.projects where sync_extra is not null`,
  ).toEqual([{ type: 'number' }])
  expect(await readMemberColumns(sql, ['state', 'column', 'decidedBy'])).toEqual([
    { state: 'dropped', column: null, decidedBy: 'a test' },
  ])
  await agrees(worker)
  // An own column of that name is a user's again.
  await sql`alter table scopestack.projects add win_probability text`
  await sql`update scopestack.projects set win_probability = 'mine'`
  await decide(worker, addMember({ name: undefined, kind: undefined }))
  expect(await readMemberColumns(sql, ['state', 'column'])).toEqual([{ state: 'added', column: 'win_probability_2' }])
  await agrees(worker)
})

it('type gives a column another type with the values that fit it, and the others are in sync_extra after the next run', async () => {
  const { worker, sim, sql } = await openProjects(0)
  const projects = sim.records.list('projects')
  projects.forEach(({ id }, at) => {
    sim.records.update('projects', id, { attributes: { 'win-probability': at % 2 === 0 ? `${at}` : 'high' } })
  })
  for (let run = 0; run < 2; run++) await pullOne(worker, 'projects')
  expect(await typeOf(worker, 'win_probability')).toBe('text')
  await decide(worker, retypeMember('decimal'))
  expect(await typeOf(worker, 'win_probability')).toBe('numeric')
  const values = () => sql`select win_probability, sync_extra from scopestack.projects order by id limit 2`
  expect(await values()).toEqual([
    { win_probability: '0', sync_extra: null },
    { win_probability: null, sync_extra: null },
  ])
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', message: null })
  expect(await values()).toEqual([
    { win_probability: '0', sync_extra: null },
    { win_probability: null, sync_extra: { 'win-probability': 'high' } },
  ])
  await agrees(worker)
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 0 })
})

it('refuse keeps a member in sync_extra, and add takes that back', async () => {
  const { worker, sql } = await openProjects(1)
  await decide(worker, refuseMember)
  for (let run = 0; run < 2; run++) await pullOne(worker, 'projects')
  expect(await typeOf(worker, 'win_probability')).toBe(undefined)
  expect(await readMemberColumns(sql, ['state', 'reason'])).toEqual([
    { state: 'refused', reason: 'a person wants no column' },
  ])
  await decide(worker, addMember({ name: undefined, kind: undefined }))
  expect(await typeOf(worker, 'win_probability')).toBe('numeric')
  await expect(decide(worker, refuseMember)).rejects.toThrow('"columns drop projects win-probability"')
  await agrees(worker)
})

it('what is no added column is named with those that are', async () => {
  const { worker } = await openProjects(2)
  await expect(decide(worker, pinMember(true), 'nothing')).rejects.toThrow(
    '"nothing" of projects is no column that was added. Those are: win-probability.',
  )
  await expect(decide(worker, addMember({ name: undefined, kind: undefined }), 'nothing')).rejects.toThrow(
    '"nothing" of projects cannot become a column by itself: no row holds it.',
  )
})

it('a command waits for a report that is open, and says so', async () => {
  const { worker, sql } = await openProjects(1)
  const report = await sql.reserve()
  await report`begin`
  await report`select count(*) from scopestack.projects`
  const said: string[] = []
  const waits = Promise.withResolvers<undefined>()
  const done = decide(worker, addMember({ name: undefined, kind: undefined }), 'win-probability', (message) => {
    said.push(message)
    waits.resolve(undefined)
  })
  await waits.promise
  await report`commit`
  report.release()
  await done
  expect(said).toEqual(['Another session uses the table; this waits for it.'])
  expect(await typeOf(worker, 'win_probability')).toBe('numeric')
})
