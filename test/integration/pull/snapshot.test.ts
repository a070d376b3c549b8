/** A snapshot says `ok` only for a list that was all there, and what it says otherwise. */
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { readKnown } from '../../../src/store/progress/known.ts'
import type { Outcome } from '../../../src/store/runs/runs.ts'
import { pullSnapshot } from '../../../src/sync/snapshot/snapshot.ts'
import { asOf, livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { takeLease } from '../../support/tables/fleet.ts'
import { insertSeenPage, readCheckpoints, readParked, readSeenPages } from '../../support/tables/progress.ts'
import { readRunOutcomes } from '../../support/tables/runs.ts'

const services = (sim: Simulator) => sim.records.list('services')

describe('a list that is not as it should be', () => {
  it('is ok when it is empty, and says so', async () => {
    const { sim, worker } = await openAccount()
    for (const { id } of sim.records.list('surveys')) sim.records.remove('surveys', id)
    expect(await pullOne(worker, 'surveys')).toMatchObject({ outcome: 'ok', seen: 0, expected: 0 })
  })

  it('is incomplete when it does not count its records', async () => {
    const { sim, worker } = await openAccount({}, (body, { type }) =>
      type === 'services' ? { ...body, meta: {} } : body,
    )
    const outcome = await pullOne(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: services(sim).length, expected: null })
    expect(outcome.message).toContain('nothing proves it complete')
    expect((await livingIds(worker, 'services')).length).toBe(services(sim).length)
  })

  it('is incomplete when two pages share a record, though the count stands still', async () => {
    let first: Record<string, unknown> | undefined
    const { worker } = await openAccount({}, (body, { type, page }) => {
      if (type === 'services' && page === 1) first = body.data[0]
      return type === 'services' && page === 2 ? { ...body, data: [first, ...body.data.slice(1)] } : body
    })
    const outcome = await pullOne(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete' })
    expect(outcome.message).toMatch(/says it has \d+ records, but \d+ different ones were seen/)
  })

  it.each([
    ['last', 9, (page: number, pages: number) => page === pages, 1],
    ['middle', 2, (page: number) => page === 4, 9],
  ])('is incomplete when its %s page is cut short while records go', async (_, rest, isCut, kept) => {
    const { sim, worker } = await openAccount({}, (body, { type, page }) =>
      type === 'services' && isCut(page, Number(body.meta['page-count']))
        ? { ...body, data: body.data.slice(0, kept) }
        : body,
    )
    while (services(sim).length % 10 !== rest) sim.records.create('services', { attributes: { name: 'Another' } })
    const id = remoteIds(sim, 'services')[2]!
    sim.addScript({ when: { type: 'services', page: 3 }, do: [{ delete: { type: 'services', id } }] })
    for (let times = 0; times < 2; times++) {
      expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    }
    expect(await asOf(worker, 'services')).toBeNull()
  })

  it('fails when a server sends the same page again and again', async () => {
    const first: { body?: unknown } = {}
    const { worker } = await openAccount({}, (body, { type }) => (type === 'services' ? (first.body ??= body) : body))
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'failed', code: 'SYNC_PAGE_REPEATED' })
    expect(await asOf(worker, 'services')).toBeNull()
  })
})

describe('a resource that is included in another list', () => {
  it('is incomplete when that list is, and gets its time when that is complete', async () => {
    let short = true
    const { worker } = await openAccount({}, (body, { type, page }) =>
      type === 'payment-terms' && page === 1 && short ? { ...body, data: body.data.slice(1) } : body,
    )
    const outcome = await pullOne(worker, 'accounts')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 1, expected: null })
    expect(outcome.message).toMatch(/says it has \d+ records, but \d+ different ones were seen/)
    expect(await asOf(worker, 'accounts')).toBeNull()
    short = false
    expect(await pullOne(worker, 'accounts')).toMatchObject({ outcome: 'ok', seen: 1 })
    expect(await asOf(worker, 'accounts')).not.toBeNull()
  })
})

describe('a snapshot', () => {
  it('is not begun by a run whose lease has passed to another', async () => {
    const { worker } = await openAccount()
    await pullOne(worker, 'clients')
    await insertSeenPage(worker.sql, 'clients', 'other')
    const late = await worker.leases.acquire('clients')
    await takeLease(worker.sql, 'clients')
    const resource = worker.catalog.get('clients')!
    const { signal } = new AbortController()
    const known = await readKnown(worker.sql, 'clients')
    const how = {
      known,
      aheadMs: 0,
      restart: true,
      reloadAll: false,
      allowMassDelete: false,
      acceptWithheld: false,
      resumeFrom: null,
      since: null,
    }
    const begun = pullSnapshot(worker, { resource, lease: late, ...how, signal, onProgress: () => {} })
    await expect(begun).rejects.toMatchObject({ code: 'SYNC_LEASE_LOST' })
    expect(await readSeenPages(worker.sql, ['ids'], { resource: 'clients' })).toEqual([{ ids: ['other'] }])
  })
})

it('a list is not begun a second time by a run whose lease has passed to another', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ listOrder: 'shuffled', refusedSorts: { services: ['id'] } })
  await worker.sql.unsafe(`
    create function sync.take() returns trigger language plpgsql as $$ begin
      update sync.leases set term = term + 1 where resource = 'services' and new.page = 1 and new.pass = 1
        and exists (select from sync.capabilities where resource = 'services' and value->>'ordered' = 'false');
      return null; end $$;
    create trigger take after insert on sync.seen_pages for each row execute function sync.take()`)
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'failed', code: 'SYNC_LEASE_LOST' })
  const [cursor] = await readCheckpoints(worker.sql, ['pass'], { resource: 'services' })
  expect(cursor).toEqual({ pass: 1 })
})

describe('a resource that cannot be read', () => {
  it('is forbidden with the privilege it needs, and the others go on', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ forbidden: ['clients'] })
    const { outcomes, outcome } = await worker.run(['clients', 'services', 'tags'])
    const said = Object.fromEntries(outcomes.map((one) => [one.resource, one.outcome] satisfies [string, Outcome]))
    expect(said).toEqual({ clients: 'forbidden', services: 'ok', tags: 'ok' })
    expect(outcome).toBe('forbidden')
    const [row] = await readRunOutcomes(worker.sql, ['outcome', 'code'], { resource: 'clients' })
    expect(row).toEqual({ outcome: 'forbidden', code: 'SYNC_FORBIDDEN' })
  })

  it('fails when its list does not exist, without ending the run', async () => {
    const { sim, worker } = await openAccount()
    sim.addFault({ kind: '404', match: { type: 'clients' }, count: 'always' })
    const { outcomes } = await worker.run(['clients', 'tags'])
    expect(outcomes.find(({ resource }) => resource === 'clients')).toMatchObject({
      outcome: 'failed',
      code: 'SYNC_LIST_NOT_FOUND',
    })
    expect(outcomes.find(({ resource }) => resource === 'tags')).toMatchObject({ outcome: 'ok' })
  })
})

describe('documents read one by one', () => {
  it('are incomplete while their parents never were complete, and never fresher than these', async () => {
    const { worker } = await openAccount()
    const outcome = await pullOne(worker, 'merge-data')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 0 })
    expect(outcome.message).toContain('Pull projects first')
    expect(await asOf(worker, 'merge-data')).toBeNull()
    await pullOne(worker, 'projects')
    expect(await pullOne(worker, 'merge-data')).toMatchObject({ outcome: 'ok' })
    expect(await asOf(worker, 'merge-data')).toEqual(await asOf(worker, 'projects'))
  })

  it('parks the project whose document answers 500, and has all the others', async () => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, 'projects')
    const ids = sim.records.list('projects').map(({ id }) => id)
    sim.addFault({ kind: '500', match: { path: `/projects/${ids[3]}/merge-data` }, count: 'always' })
    expect(await pullOne(worker, 'merge-data')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    const held = await worker.sql<{ id: string }[]>`select id from scopestack.merge_data`
    expect(held.map(({ id }) => id).toSorted()).toEqual(ids.filter((id) => id !== ids[3]).toSorted())
    const [parked] = await readParked(worker.sql, ['recordId', 'reason'])
    expect(parked).toEqual({ recordId: ids[3], reason: expect.stringContaining('500') as string })
    sim.removeFault()
    expect(await pullOne(worker, 'merge-data')).toMatchObject({ outcome: 'ok', inserted: 1 })
  })
})
