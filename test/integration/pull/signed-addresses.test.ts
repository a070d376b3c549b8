/** Addresses that are signed anew in each answer: the newest is kept, and nothing counts as changed. */
import { expect, it } from 'vitest'
import { defineResource, text, type Resource } from '../../../src/catalog/resource.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { createComparer } from '../../../src/store/mirror/compare.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { verifyResource } from '../../../src/sync/verify/verify.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import { leased } from '../../support/postgres/leased.ts'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'

const verify = (worker: TestWorker, type: string) =>
  withLease(worker.leases, type, new AbortController().signal, (signal, lease) =>
    verifyResource(worker, {
      resource: worker.catalog.get(type)!,
      lease,
      repair: false,
      signal,
      onDifference: () => {},
      onProgress: () => {},
    }),
  )

/** Addresses in a text, in a list, inside JSON, and in what is not declared. */
function plantAddresses({ records }: Simulator): void {
  for (const [at, { id }] of records.list('projects').entries()) {
    const file = (name: string): string => `https://files.test/${at}/${name}.pdf`
    records.update('projects', id, {
      attributes: {
        'solution-summary': file('summary'),
        'tag-list': ['plain', file('tag')],
        'payment-info': { 'rate-type': 'blended', terms: [{ file: file('terms') }] },
        attachment: file('undeclared'),
      },
    })
  }
  for (const { id } of records.list('project-documents'))
    records.update('project-documents', id, {
      attributes: { 'document-url': `https://files.test/documents/${id}.pdf` },
    })
}

const TYPES = ['projects', 'project-documents', 'project-services']

const rowsOf = ({ sql }: TestWorker, table: string) =>
  sql.unsafe<{ id: string; hash: string; changed: Date; row: string }[]>(`
    select id, sync_hash as hash, sync_changed_at as changed, to_jsonb(t)::text as row from scopestack.${table} t order by id`)

it('is no change of its row, wherever it stands, and the newest is kept', async () => {
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 50 })
  plantAddresses(sim)
  sim.setSwitches({ signedAddresses: true })
  await worker.run(TYPES)
  for (const changesOnly of [false, true, false]) {
    const before = await Promise.all([rowsOf(worker, 'projects'), rowsOf(worker, 'project_documents')])
    sim.resetStats()
    const { outcomes } = await worker.run(TYPES, { changesOnly })
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0, deleted: 0 })
    const after = await Promise.all([rowsOf(worker, 'projects'), rowsOf(worker, 'project_documents')])
    for (const [index, rows] of after.entries()) {
      const stand = (some: typeof rows) => some.map(({ id, hash, changed }) => ({ id, hash, changed }))
      expect(stand(rows)).toEqual(stand(before[index]!))
      if (!changesOnly) for (const [at, { row }] of rows.entries()) expect(row).not.toBe(before[index]![at]!.row)
    }
    // What belongs to a project is not read again for it.
    if (changesOnly) expect(sim.stats().requests['GET /{account}/v1/project-services']).toBeUndefined()
  }
  for (const type of TYPES) expect(await verify(worker, type)).toMatchObject({ different: 0, missing: 0, doubt: null })
})

it('is a change where it leads to another document', async () => {
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 50 })
  plantAddresses(sim)
  sim.setSwitches({ signedAddresses: true })
  await worker.run(TYPES)
  const [id] = remoteIds(sim, 'project-documents')
  sim.records.update('project-documents', id!, {
    attributes: { 'document-url': 'https://files.test/documents/new.pdf' },
  })
  expect(await verify(worker, 'project-documents')).toMatchObject({ different: 1 })
  expect(await pullOne(worker, 'project-documents')).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await verify(worker, 'project-documents')).toMatchObject({ different: 0 })
})

it('a member that is declared volatile is no change either, and is kept up to date', async () => {
  const { worker } = await openAccount()
  const { sql } = worker
  const things: Resource = defineResource('things', {
    comment: 'One row per thing.',
    confidence: 'low',
    attributes: { name: text('A name.'), session: text('Another every time.', { volatile: true }) },
  })
  await sql`create table scopestack.things (id text primary key, name text, session text, sync_extra jsonb,
    sync_hash text not null, sync_changed_at timestamptz not null default now(), sync_deleted_at timestamptz)`
  const load = (name: string, session: string | null) =>
    leased(sql, (tx) => createMirror(things).load(tx, [{ type: 'things', id: '1', attributes: { name, session } }]))
  const row = async () => (await sql`select name, session, sync_changed_at from scopestack.things`)[0]!
  await load('A', 'one')
  const before = await row()
  expect(await load('A', 'two')).toMatchObject({ updated: 0, unchanged: 1, written: [] })
  expect(await row()).toEqual({ ...before, session: 'two' })
  const compare = (session: string | null) =>
    createComparer(things).compare(sql, [{ type: 'things', id: '1', attributes: { name: 'A', session } }])
  expect(await compare('three')).toEqual([{ id: '1', state: 'equal' }])
  // That there is none is a change.
  expect(await compare(null)).toMatchObject([{ state: 'different' }])
  expect(await load('A', null)).toMatchObject({ updated: 1 })
  expect(await load('B', 'four')).toMatchObject({ updated: 1 })
  expect(await row()).toMatchObject({ name: 'B', session: 'four' })
})
