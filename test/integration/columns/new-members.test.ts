/** Members that no file declares become columns by themselves, are filled without reading anything again, and verify agrees. */
import { expect, it } from 'vitest'
import { arrayLiteral } from '../../../src/store/connection/literals.ts'
import { openAccount } from '../../support/scopestack/account.ts'
import { emptyResource, hideMembers, migrateTo } from '../../support/scopestack/older-release.ts'
import { verifyAs } from '../../support/scopestack/verified.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readMemberColumns } from '../../support/tables/columns.ts'
import { readDrift } from '../../support/tables/progress.ts'

/** With the types that the values show; "mrr-terms" is declared as a whole number, and may have a broken one behind it. */
const HIDDEN = {
  'mrr-terms': ['mrr_terms', 'numeric'],
  cola: ['cola', 'numeric'],
  'service-start-date': ['service_start_date', 'date'],
  'approved-at': ['approved_at', 'timestamp with time zone'],
  'include-ps-revenue-in-mrr': ['include_ps_revenue_in_mrr', 'boolean'],
  'client-name': ['client_name', 'text'],
  'payment-info': ['payment_info', 'jsonb'],
  'field-labels': ['field_labels', 'jsonb'],
  'contract-revenue': ['contract_revenue', 'numeric'],
  'business-unit': ['business_unit_id', 'text'],
} as const
const MEMBERS = Object.keys(HIDDEN)
const COLUMNS = Object.values(HIDDEN).map(([name]) => name)

const typesOf = async ({ sql }: TestWorker, columns: readonly string[]) =>
  Object.fromEntries(
    (
      await sql<{ name: string; type: string }[]>`
        select a.attname as name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute a
        where a.attrelid = 'scopestack.projects'::regclass and a.attname = any(${arrayLiteral(columns)}::text[])
          and not a.attisdropped`
    ).map(({ name, type }) => [name, type]),
  )

/** Rows whose values in these columns are not those that were kept. */
const differing = async ({ sql }: TestWorker): Promise<number> =>
  (
    await sql.unsafe<{ n: number }[]>(`
      select count(*)::int as n from scopestack.projects p full join public.expected e on e.id = p.id
      where (${COLUMNS.map((name) => `p.${name}`).join()}) is distinct from (${COLUMNS.map((name) => `e.${name}`).join()})`)
  )[0]!.n

it('ten members that no release describes are columns after the second run, with the right types, filled from what is there', async () => {
  const { sim, worker } = await openAccount({ projects: 40 }, undefined, { newFields: 'add' })
  const { sql } = worker
  const declared = worker.catalog.get('projects')!
  // What the release that declares them holds.
  await worker.run(['projects'])
  await sql.unsafe(`create table public.expected as select id, ${COLUMNS.join()} from scopestack.projects`)
  await emptyResource(worker, 'projects')
  const older = await hideMembers(worker, 'projects', MEMBERS)

  expect((await worker.runResource(older)).outcomes).toMatchObject([{ outcome: 'ok', inserted: 40 }])
  expect(await typesOf(worker, COLUMNS)).toEqual({})
  const stamps = () => sql`select id, sync_changed_at, sync_hash from scopestack.projects order by id`
  const before = await stamps()
  expect((await worker.runResource(older)).outcomes).toMatchObject([{ outcome: 'ok', message: null, unchanged: 40 }])
  expect(await stamps()).toEqual(before)
  expect(await typesOf(worker, COLUMNS)).toEqual(Object.fromEntries(Object.values(HIDDEN)))
  expect(await differing(worker)).toBe(0)
  expect(await readMemberColumns(sql, ['member', 'state', 'isFilled'], { resource: 'projects' })).toEqual(
    [...MEMBERS, 'win-probability'].toSorted().map((member) => ({ member, state: 'added', isFilled: true })),
  )
  expect(await sql`select id from scopestack.projects where sync_extra is not null`).toEqual([])
  expect(await readDrift(sql, ['member'], { kind: 'undeclared' })).toEqual([])
  expect(await verifyAs(worker, older)).toMatchObject({ read: 40, different: 0, missing: 0, reported: [] })

  // A run after it writes nothing, and one after a change what changed.
  expect((await worker.runResource(older, { reloadAll: true })).outcomes).toMatchObject([{ unchanged: 40, updated: 0 }])
  const [record] = sim.records.list('projects')
  sim.records.update('projects', record!.id, { attributes: { 'client-name': 'Renamed', cola: null } })
  expect((await worker.runResource(older)).outcomes).toMatchObject([{ outcome: 'ok', updated: 1, unchanged: 39 }])
  expect(await sql`select client_name, cola, sync_extra from scopestack.projects where id = ${record!.id}`).toEqual([
    { client_name: 'Renamed', cola: null, sync_extra: null },
  ])
  expect(await verifyAs(worker, older)).toMatchObject({ read: 40, different: 0, reported: [] })

  // The release that declares them: views of users stay, and show what they showed.
  await sql.unsafe(`
    create schema reporting;
    create view reporting.terms as select id, mrr_terms, client_name from scopestack.projects;
    create view reporting.flags as select id, include_ps_revenue_in_mrr from scopestack.projects`)
  const terms = () => sql`select id, mrr_terms::text as terms, client_name from reporting.terms order by id`
  const shown = await terms()
  await migrateTo(worker, declared, MEMBERS)
  expect(await typesOf(worker, [...COLUMNS, 'mrr_terms_added'])).toEqual({
    ...Object.fromEntries(Object.values(HIDDEN)),
    mrr_terms: 'bigint',
    mrr_terms_added: 'numeric',
  })
  expect(await terms()).toEqual(shown)
  expect((await worker.run(['projects'])).outcomes).toMatchObject([{ outcome: 'ok', message: null, seen: 40 }])
  expect(await terms()).toEqual(shown)
  expect(await sql`select id from scopestack.projects where mrr_terms is distinct from mrr_terms_added`).toEqual([])
  expect(await verifyAs(worker, declared)).toMatchObject({ read: 40, different: 0, reported: [] })

  // Beside the declared column the other one is kept up to date for as long as the view is there.
  sim.records.update('projects', record!.id, { attributes: { 'mrr-terms': 77 } })
  expect((await worker.run(['projects'])).outcomes).toMatchObject([{ outcome: 'ok', updated: 1 }])
  expect(await sql`select mrr_terms::int as terms from reporting.terms where id = ${record!.id}`).toEqual([
    { terms: 77 },
  ])
  await sql`drop view reporting.terms`
  expect((await worker.run(['projects'])).outcomes).toMatchObject([{ outcome: 'ok', updated: 0 }])
  expect(await typesOf(worker, ['mrr_terms', 'mrr_terms_added'])).toEqual({ mrr_terms: 'bigint' })
  expect(await readMemberColumns(sql, ['member'], { state: 'kept' })).toEqual([])
  expect(await verifyAs(worker, declared)).toMatchObject({ read: 40, different: 0, reported: [] })
})
