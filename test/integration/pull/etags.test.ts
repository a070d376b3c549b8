/** A server whose ETags do not change when its records do, or that says 304 to anything, hides changes for ever. */
import { expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { verifyResource, type VerifyResult } from '../../../src/sync/verify/verify.ts'
import { openAccount, pullOne } from '../../support/scopestack/account.ts'
import { expectAsFreshRead } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { learnedEarlier, readCapability } from '../../support/tables/capabilities.ts'

const unchanged = (sim: Simulator): number => sim.stats().statuses['304'] ?? 0

async function verify(worker: TestWorker): Promise<VerifyResult> {
  const lease = await worker.leases.acquire('services')
  const { signal } = new AbortController()
  const resource = worker.catalog.get('services')!
  const quiet = { onDifference: () => {}, onProgress: () => {} }
  const verified = await verifyResource(worker, { resource, lease, repair: false, signal, ...quiet })
  await worker.leases.release(lease)
  return verified
}

/** The days of a week and more have gone by. */
const weekLater = ({ sql }: TestWorker) => learnedEarlier(sql, 'bodies', '8 days')

async function open(etags: 'constant' | 'blind') {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ etags })
  await pullOne(worker, 'services')
  const [, second] = sim.records.list('services')
  sim.records.update('services', second!.id, { attributes: { name: 'Renamed' } })
  sim.resetStats()
  return { sim, worker, id: second!.id }
}

it.each(['constant', 'blind'] as const)(
  'an ETag that is %s is discovered by the weekly read of every page, and not relied on again',
  async (etags) => {
    const { sim, worker, id } = await open(etags)
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 0 })
    expect(unchanged(sim)).toBeGreaterThan(0)

    await weekLater(worker)
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1 })
    await expectAsFreshRead(worker, sim, ['services'])

    sim.records.update('services', id, { attributes: { name: 'Renamed again' } })
    sim.resetStats()
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1 })
    expect(unchanged(sim)).toBe(0)
    await expectAsFreshRead(worker, sim, ['services'])
  },
)

it('verify reports wrong ETags, and the next pull loads what they hid', async () => {
  const { sim, worker } = await open('constant')
  await pullOne(worker, 'services')
  const verified = await verify(worker)
  expect(verified).toMatchObject({ different: 1, missing: 0, extra: 0 })
  expect(verified.doubt).toContain('gives pages that differ one ETag')
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1 })
  await expectAsFreshRead(worker, sim, ['services'])
  expect(await verify(worker)).toMatchObject({ different: 0, doubt: null })
})

it('a page whose rows another read has changed reveals the wrong ETag without waiting for a week', async () => {
  const { worker, id } = await open('constant')
  await worker.sql.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`update scopestack.services set sync_hash = '', sync_changed_at = now() where id = ${id}`
  })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await readCapability(worker.sql, 'services', 'etags')).toBe('lied')
})

it('pages that were skipped before the wrong ETag was discovered are read once more', async () => {
  const { sim, worker, id } = await open('constant')
  const last = sim.records.list('services').at(-1)!.id
  sim.records.update('services', last, { attributes: { name: 'Renamed, too' } })
  await worker.sql.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`update scopestack.services set sync_hash = '', sync_changed_at = now() where id = ${id}`
  })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 2 })
  await expectAsFreshRead(worker, sim, ['services'])
})

it('right ETags are relied on, except in one read a week that transfers every page', async () => {
  const { sim, worker } = await openAccount()
  await pullOne(worker, 'services')
  sim.resetStats()
  await pullOne(worker, 'services')
  const pages = unchanged(sim)
  expect(pages).toBeGreaterThan(2)

  await weekLater(worker)
  sim.resetStats()
  const held = await worker.sql`select id, xmin::text from scopestack.services order by id`
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 0 })
  expect(unchanged(sim)).toBe(0)
  expect(sim.stats().pages['services']!.length).toBeGreaterThanOrEqual(pages)
  expect(await worker.sql`select id, xmin::text from scopestack.services order by id`).toEqual(held)

  sim.resetStats()
  await pullOne(worker, 'services')
  expect(unchanged(sim)).toBe(pages)
})

it('one ETag for pages that differ is discovered by the first read', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ etags: 'one' })
  await pullOne(worker, 'services')
  sim.records.update('services', sim.records.list('services')[1]!.id, { attributes: { name: 'Renamed' } })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', updated: 1 })
  await expectAsFreshRead(worker, sim, ['services'])
})
