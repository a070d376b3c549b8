/** A page that comes as it was is neither parsed nor loaded, as long as the mirror still holds what it brought. */
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { pull } from '../../../src/sync/run/run.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readPageCache } from '../../support/tables/progress.ts'

const versions = ({ sql }: TestWorker) => sql`select id, ctid::text, xmin::text from scopestack.services order by id`

const served = (sim: Simulator) => sim.stats().pages['services'] ?? []
const unchanged = (sim: Simulator): number => sim.stats().statuses['304'] ?? 0

/** The page of one record that each reading asks for twice, to see that its filters hide nothing. */
const COUNT = 1

/** Pulled once. */
async function open() {
  const { sim, worker } = await openAccount()
  await pullOne(worker, 'services')
  sim.resetStats()
  const ids = remoteIds(sim, 'services')
  return { sim, worker, ids, last: Math.ceil(ids.length / 10), count: ids.length }
}

describe('a list that has not changed', () => {
  it('costs no body but two of one record, and touches no row', async () => {
    const { sim, worker, last, count } = await open()
    const before = await versions(worker)
    expect(await pullOne(worker, 'services')).toMatchObject({
      outcome: 'ok',
      inserted: 0,
      updated: 0,
      deleted: 0,
      unchanged: count,
      seen: count,
      pages: last,
    })
    expect(served(sim)).toEqual([COUNT, COUNT])
    expect(unchanged(sim)).toBe(last)
    expect(await versions(worker)).toEqual(before)
  })

  it('is parsed nevertheless when every page is requested afresh', async () => {
    const { sim, worker, last } = await open()
    expect(await pullOne(worker, 'services', { reloadAll: true })).toMatchObject({ outcome: 'ok', updated: 0 })
    expect(served(sim)).toHaveLength(last + 2)
    expect(unchanged(sim)).toBe(0)
  })

  it('is recognized by its digest where the server sends no ETag', async () => {
    const asked: number[] = []
    const { worker } = await openAccount({}, (body, { type, page }) => {
      if (type === 'services') asked.push(page)
      return body
    })
    await pullOne(worker, 'services')
    const cached = () => readPageCache(worker.sql, ['page', 'etag', 'loadedAt'], { resource: 'services' })
    const held = await cached()
    expect(held.filter(({ etag }) => etag !== null)).toEqual([])
    const before = await versions(worker)
    asked.length = 0
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0 })
    expect(new Set(asked).size).toBe(held.length)
    expect(await versions(worker)).toEqual(before)
    expect(await cached(), 'none was loaded since').toEqual(held)
  })
})

describe('a page that has not changed is loaded again', () => {
  it('when a row of it is missing from the mirror', async () => {
    const { sim, worker, ids } = await open()
    await withoutCapture(worker.sql, (tx) => tx`delete from scopestack.services where id = ${ids[12]!}`)
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', inserted: 1, updated: 0 })
    expect(served(sim)).toEqual([2, COUNT, COUNT])
    expect(await livingIds(worker, 'services')).toEqual(ids)
  })

  it('when a row of it was changed since, or marked deleted', async () => {
    const { sim, worker, ids } = await open()
    const [{ name } = { name: '' }] = await worker.sql<{ name: string }[]>`
      select name from scopestack.services where id = ${ids[12]!}`
    await withoutCapture(worker.sql, async (tx) => {
      await tx`
        update scopestack.services set name = 'Another', sync_hash = 'other', sync_changed_at = now() where id = ${ids[12]!}`
      await tx`update scopestack.services set sync_deleted_at = now() where id = ${ids[25]!}`
    })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 2 })
    expect(served(sim)).toEqual([3, 2, COUNT, COUNT])
    expect(await worker.sql`select name from scopestack.services where id = ${ids[12]!}`).toEqual([{ name }])
    expect(await livingIds(worker, 'services')).toEqual(ids)
  })

  it('when the declaration has lost a column', async () => {
    const { sim, worker, last, count } = await open()
    const services = worker.catalog.get('services')!
    const columns = services.columns.filter(({ name }) => name !== 'sku')
    const { signal } = new AbortController()
    const { outcomes } = await pull(worker, { resources: [{ ...services, columns }], signal, onEvent: () => {} })
    expect(outcomes).toMatchObject([{ outcome: 'ok', updated: count }])
    expect(served(sim)).toHaveLength(last + 2)
    const [kept] = await worker.sql`select count(*)::int as n from scopestack.services where sync_extra ? 'sku'`
    expect(kept).toEqual({ n: count })
  })
})

it('a page with one changed record is loaded, and every other page costs one request without a body', async () => {
  const { sim, worker, ids } = await open()
  sim.records.update('services', ids[12]!, { attributes: { name: 'Renamed' } })
  const before = new Map((await versions(worker)).map(({ id, xmin }) => [id as string, xmin as string]))
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1, unchanged: ids.length - 1 })
  const after = (await versions(worker)).filter(({ id, xmin }) => before.get(id as string) !== xmin)
  expect(after.map(({ id }) => id as string)).toEqual([ids[12]])
})

it('pages behind the end of a list that became shorter are forgotten', async () => {
  const { sim, worker, ids, last } = await open()
  for (const id of ids.slice(-10)) sim.records.remove('services', id)
  for (let times = 0; times < 2; times++) await pullOne(worker, 'services', { allowMassDelete: true })
  const held = await readPageCache(worker.sql, ['page'], { resource: 'services' })
  expect(held.map(({ page }) => page).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: last - 1 }, (_, index) => index + 1),
  )
})

it('a page with a parked record is never skipped', async () => {
  const { worker } = await openAccount({}, (body, { type, page }) =>
    type === 'services' && page === 2 ? { ...body, data: ['no record', ...body.data.slice(1)] } : body,
  )
  for (let times = 0; times < 2; times++) {
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 1 })
  }
  expect(await readPageCache(worker.sql, [], { resource: 'services', page: 2 })).toHaveLength(0)
})
