/** Members of any name, number and size, and what changes of them later; and tables that others use, change and write. */
import { expect, it } from 'vitest'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { leased } from '../../support/postgres/leased.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { openAccount, pullOne } from '../../support/scopestack/account.ts'
import { verify } from '../../support/scopestack/verified.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { forgetFill, readMemberColumns } from '../../support/tables/columns.ts'
import { readDrift } from '../../support/tables/progress.ts'

/** Members of each tag, by its place in the list. */
type Members = (at: number) => Readonly<Record<string, unknown>>

/** An account whose tags carry these members, which may be exchanged. */
async function openTags(members: Members) {
  const given = { members }
  const alter = (body: { data: Record<string, unknown>[] }, { type }: { type: string }) =>
    type !== 'tags'
      ? body
      : {
          ...body,
          data: body.data.map((one, at) => ({
            ...one,
            // By text: an object's own `__proto__` comes from JSON alone.
            attributes: JSON.parse(
              `{${[JSON.stringify(one['attributes']).slice(1, -1), JSON.stringify(given.members(at)).slice(1, -1)].filter((part) => part !== '').join()}}`,
            ) as unknown,
          })),
        }
  const { worker, databaseUrl } = await openAccount({ projects: 2 }, alter, { newFields: 'add' })
  return { worker, given, databaseUrl }
}

const columnsOf = async ({ sql }: TestWorker): Promise<string[]> =>
  (
    await sql<{ name: string }[]>`
      select attname as name from pg_attribute where attrelid = 'scopestack.tags'::regclass and attnum > 0 and not attisdropped
        and attname not in ('id', 'name', 'account_id') and attname !~ '^sync_' order by attname collate "C"`
  ).map(({ name }) => name)

const own = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
  JSON.parse(
    `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
  ) as Record<string, unknown>

it('a member of any name becomes a column that needs no quotes, and no two of them the same', async () => {
  const names = [
    ['', 'empty'],
    ['a b', 'space'],
    ['SELECT', 'word'],
    ['😀', 'emoji'],
    ['__proto__', 'inherited'],
    ['constructor', 'inherited, too'],
    ['id', 'taken'],
    ['sync_changed_at', 'of ours'],
    ['Name', 'declared in small letters'],
    ['it\'s "quoted" \\ ,', 'quotes'],
    ['größe', 'accents'],
    ['x'.repeat(63), 'long'],
    [`${'x'.repeat(63)}y`, 'longer'],
    ['9lives', 'digit'],
    ['camelCase', 'hump'],
    ['camel-case', 'kebab'],
    ['z'.repeat(250), 'too long for a member'],
    ['nul\u0000', 'not storable'],
  ] as const
  const { worker } = await openTags(() => own(names))
  for (const outcome of [{ outcome: 'ok' }, { outcome: 'ok', updated: 0 }, { outcome: 'ok', updated: 0 }]) {
    expect(await pullOne(worker, 'tags')).toMatchObject({ ...outcome, message: null })
  }
  expect(await columnsOf(worker)).toEqual([
    'a_b',
    'camel_case',
    'camel_case_2',
    'constructor',
    'field',
    'field_2',
    'field_9lives',
    'field_id',
    'field_select',
    'field_sync_changed_at',
    'gro_e',
    'it_s_quoted',
    'name_2',
    'proto',
    `${'x'.repeat(61)}_2`,
    'x'.repeat(63),
  ])
  const [row] = await worker.sql`select * from scopestack.tags limit 1`
  expect(row).toMatchObject({ camel_case: 'kebab', camel_case_2: 'hump', proto: 'inherited', name_2: names[8][1] })
  expect(Object.keys(row!['sync_extra'] as object)).toEqual(
    ['z'.repeat(250), 'nul\uFFFD'].toSorted((a, b) => a.length - b.length),
  )
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, doubt: null, reported: [] })
  const comments = await worker.sql<{ comment: string }[]>`
    select col_description('scopestack.tags'::regclass, attnum) as comment from pg_attribute
    where attrelid = 'scopestack.tags'::regclass and attname = 'name_2'`
  expect(comments).toEqual([
    {
      comment: `ScopeStack's attribute "Name". Added by itself: no release has described it. Column name was there already.`,
    },
  ])
})

it('of two thousand members two hundred become columns, and the others are reported with the reason', async () => {
  const { worker } = await openTags((at) =>
    at > 0 ? {} : Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`member-${n}`, n])),
  )
  for (let run = 0; run < 3; run++) expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  expect(await columnsOf(worker)).toHaveLength(200)
  const waiting = await readMemberColumns(worker.sql, ['reason'], { state: 'waiting' })
  expect(waiting.length).toBeGreaterThan(700)
  expect(new Set(waiting.map(({ reason }) => reason))).toEqual(
    new Set(['200 columns of this table were added by themselves, and no more are']),
  )
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('a relationship of any form, also one with the name of an attribute, is what it was when its record changes', async () => {
  const given = { shift: 0 }
  const alter = (body: { data: Record<string, unknown>[] }, { type }: { type: string }) =>
    type !== 'tags'
      ? body
      : {
          ...body,
          data: body.data.map((one, position) => {
            const at = position + given.shift
            const some = Array.from({ length: at % 3 }, (_, n) => ({ type: 'clients', id: `${9 - n}` }))
            const relationships = {
              // Declared, as an attribute.
              name: { data: { type: 'lobs', id: `${at}` } },
              owners: { data: some },
              boss: { data: at % 2 === 0 ? null : { type: 'users', id: `${at}` } },
            }
            return { ...one, relationships }
          }),
        }
  const { worker } = await openAccount({ projects: 2 }, alter, { newFields: 'add' })
  for (const shift of [0, 0, 1, 2]) {
    given.shift = shift
    expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', message: null })
    expect(await verify(worker, 'tags')).toMatchObject({ different: 0, doubt: null, reported: [] })
  }
  expect(await columnsOf(worker)).toEqual(['boss_id', 'name_id', 'owners_ids'])
  expect(await worker.sql`select from scopestack.tags where sync_extra is not null`).toEqual([])
  expect(
    await worker.sql`select boss_id, name_id, owners_ids from scopestack.tags order by name_id::int limit 2`,
  ).toEqual([
    { boss_id: null, name_id: '2', owners_ids: '{8,9}' },
    { boss_id: '3', name_id: '3', owners_ids: null },
  ])
  // By the name of the table, whatever the linkage calls its type.
  expect(
    await worker.sql`
      select column_name, target_table from scopestack.relations where table_name = 'tags' and column_name in ('name_id', 'owners_ids')
      order by 1`,
  ).toEqual([
    { column_name: 'name_id', target_table: 'lines_of_business' },
    { column_name: 'owners_ids', target_table: 'clients' },
  ])
})

it('a value of a megabyte is a value', async () => {
  const { worker } = await openTags((at) => ({
    essay: `${'é'.repeat(500_000)}${at}`,
    tree: { leaves: 'l'.repeat(1_000_000) },
  }))
  for (let run = 0; run < 2; run++) expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  expect(
    await worker.sql`select distinct length(essay) as essay, length(tree ->> 'leaves') as tree, sync_extra from scopestack.tags where essay ~ '0$'`,
  ).toEqual([{ essay: 500_001, tree: 1_000_000, sync_extra: null }])
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('a value that does not fit the column later stays in sync_extra, is reported, and goes back when it fits', async () => {
  const { worker, given } = await openTags((at) => ({ weight: at, since: '2026-01-02', note: null }))
  for (let run = 0; run < 2; run++) await pullOne(worker, 'tags')
  expect(await columnsOf(worker)).toEqual(['since', 'weight'])
  expect(await readMemberColumns(worker.sql, ['member', 'reason'], { state: 'waiting' })).toEqual([
    { member: 'note', reason: 'no value so far' },
  ])
  given.members = (at) => ({ weight: at === 0 ? 'heavy' : at, since: '2026-02-31', note: at === 1 ? 'seen' : null })
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', message: null })
  const first = () => worker.sql`select weight, since, sync_extra from scopestack.tags order by length(id), id limit 1`
  expect(await first()).toEqual([
    { weight: null, since: null, sync_extra: { weight: 'heavy', since: '2026-02-31', note: null } },
  ])
  expect(await readDrift(worker.sql, ['member', 'kind', 'sample'], { kind: 'misfit' })).toEqual([
    { member: 'since', kind: 'misfit', sample: 'string' },
    { member: 'weight', kind: 'misfit', sample: 'string' },
  ])
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
  given.members = (at) => ({ weight: at, since: null, note: null })
  await pullOne(worker, 'tags')
  // By now a value has been seen of the third.
  expect(await columnsOf(worker)).toEqual(['note', 'since', 'weight'])
  expect(await first()).toEqual([{ weight: '0', since: null, sync_extra: null }])
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('what a record leaves out keeps its column, as it does where the column is declared', async () => {
  const { worker, given } = await openTags((at) => (at < 2 ? { weight: at } : {}))
  for (let run = 0; run < 2; run++) await pullOne(worker, 'tags')
  const weights = async () =>
    (
      await worker.sql<{ weight: string | null }[]>`select weight from scopestack.tags order by length(id), id limit 3`
    ).map(({ weight }) => weight)
  expect(await weights()).toEqual(['0', '1', null])
  given.members = (at) => (at === 1 ? { weight: 7 } : {})
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await weights()).toEqual(['0', '7', null])
  expect(await pullOne(worker, 'tags', { reloadAll: true })).toMatchObject({ outcome: 'ok', updated: 0 })
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('a report that is open keeps no run waiting, and is not kept waiting; a later run adds the column', async () => {
  const { worker } = await openTags((at) => ({ weight: at }))
  await pullOne(worker, 'tags')
  const report = await worker.sql.reserve()
  await report`begin`
  await report`select count(*) from scopestack.tags`
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', message: null })
  expect(await columnsOf(worker)).toEqual([])
  expect(await readMemberColumns(worker.sql, ['member', 'state', 'reason'])).toEqual([
    { member: 'weight', state: 'waiting', reason: expect.stringContaining('lock timeout') as unknown },
  ])
  await report`select count(*) from scopestack.tags`
  await report`commit`
  report.release()
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  expect(await columnsOf(worker)).toEqual(['weight'])
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('a process that knows nothing of the column fills it all the same', async () => {
  const { worker } = await openTags((at) => ({
    weight: at,
    when: '2026-01-02T03:04:05Z',
    tree: { a: [at] },
    label: `l${at}`,
  }))
  for (let run = 0; run < 2; run++) await pullOne(worker, 'tags')
  const older = createMirror(worker.catalog.get('tags')!)
  const [{ id }] = await worker.sql<[{ id: string }]>`select id from scopestack.tags order by length(id), id limit 1`
  const attributes = { name: 'Other', weight: 12.5, when: 'soon', tree: ['b'], label: null }
  const record = { type: 'tags', id, attributes, relationships: {} }
  const write = (one: typeof record) =>
    leased(worker.sql, async (tx) => {
      await disableCapture(tx)
      return await older.load(tx, [one])
    })
  expect(await write(record)).toMatchObject({ updated: 1 })
  const shown = (of: string) =>
    worker.sql`select weight, field_when, tree, label, sync_extra from scopestack.tags where id = ${of}`
  expect(await shown(id)).toEqual([
    { weight: '12.5', field_when: null, tree: ['b'], label: null, sync_extra: { when: 'soon' } },
  ])
  // The same by COPY.
  expect(await write({ ...record, id: '999' })).toMatchObject({ inserted: 1 })
  expect(await shown('999')).toEqual(await shown(id))
})

it('a fill that was cut off is done by the next run', async () => {
  const { worker } = await openTags((at) => ({ weight: at }))
  for (let run = 0; run < 2; run++) await pullOne(worker, 'tags')
  await worker.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`update scopestack.tags set sync_extra = jsonb_build_object('weight', weight), weight = null`
    await forgetFill(tx, 'tags')
  })
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', updated: 0 })
  expect(await worker.sql`select from scopestack.tags where weight is null or sync_extra is not null`).toEqual([])
})

it('a column that was dropped by hand does not come back, and its values are in sync_extra again', async () => {
  const { worker } = await openTags((at) => ({ weight: at }))
  for (let run = 0; run < 2; run++) await pullOne(worker, 'tags')
  await worker.sql`alter table scopestack.tags drop column weight cascade`
  for (let run = 0; run < 2; run++)
    expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok', message: null })
  expect(await columnsOf(worker)).toEqual([])
  expect(await worker.sql`select from scopestack.tags where sync_extra is null`).toEqual([])
  expect(await readMemberColumns(worker.sql, ['state', 'decidedBy', 'reason'])).toEqual([
    { state: 'dropped', decidedBy: 'ALTER TABLE', reason: 'column weight was dropped' },
  ])
  expect(await verify(worker, 'tags')).toMatchObject({ different: 0, reported: [] })
})

it('a column that was dropped by hand keeps no push and no verify from their work until the next run', async () => {
  const { sim, worker } = await openAccount({ projects: 5 }, undefined, { newFields: 'add' })
  for (let run = 0; run < 2; run++) await pullOne(worker, 'projects')
  const [{ id }] = await worker.sql<[{ id: string }]>`select id from scopestack.projects limit 1`
  await worker.sql`alter table scopestack.projects drop column win_probability cascade`
  await worker.sql`update scopestack.projects set project_name = 'Edited' where id = ${id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  const held = sim.records.read('projects', id)!.attributes['win-probability']
  expect(await worker.sql`select project_name, sync_extra from scopestack.projects where id = ${id}`).toEqual([
    { project_name: 'Edited', sync_extra: { 'win-probability': held } },
  ])
  expect(await verify(worker, 'projects')).toMatchObject({ missing: 0, refused: 0 })
})

it('an edit of an added column is refused as that of any column that may not be edited', async () => {
  const { sim, worker } = await openAccount({ projects: 5 }, undefined, { newFields: 'add' })
  for (let run = 0; run < 2; run++) await pullOne(worker, 'projects')
  const [{ id }] = await worker.sql<[{ id: string }]>`select id from scopestack.projects limit 1`
  await expect(worker.sql`update scopestack.projects set win_probability = 1 where id = ${id}`).rejects.toThrow(
    'Column win_probability of scopestack.projects is read-only. Edit one of',
  )
  // An edit of another column is sent, and what comes back fills this one.
  await worker.sql`update scopestack.projects set project_name = 'Edited' where id = ${id}`
  sim.records.update('projects', id, { attributes: { 'win-probability': 33 } })
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(
    await worker.sql`select project_name, win_probability, sync_extra from scopestack.projects where id = ${id}`,
  ).toEqual([{ project_name: 'Edited', win_probability: '33', sync_extra: null }])
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 0 })
})

it('a value that a user has a constraint against keeps the column unfilled, and fails no run', async () => {
  const { worker } = await openTags((at) => ({ weight: at }))
  await pullOne(worker, 'tags')
  await worker.sql`alter table scopestack.tags add constraint known check (sync_extra is not null) not valid`
  for (let run = 0; run < 2; run++)
    expect(await pullOne(worker, 'tags')).toMatchObject({ message: null, outcome: 'ok' })
  expect(await readMemberColumns(worker.sql, ['member', 'isFilled', 'reason'])).toMatchObject([
    { member: 'weight', isFilled: false, reason: expect.stringContaining('violates check constraint') as unknown },
  ])
  await withoutCapture(worker.sql, (tx) => tx`alter table scopestack.tags drop constraint known`)
  await pullOne(worker, 'tags')
  expect(await readMemberColumns(worker.sql, ['isFilled', 'reason'])).toEqual([{ isFilled: true, reason: null }])
})

it('with SYNC_NEW_FIELDS=report members stay in sync_extra', async () => {
  const { worker } = await openAccount({ projects: 5 }, undefined, { newFields: 'report' })
  for (let run = 0; run < 3; run++) await pullOne(worker, 'projects')
  expect(await readMemberColumns(worker.sql, ['member'])).toEqual([])
})
