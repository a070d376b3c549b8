/** Records come and go while a list is read: none that lived throughout is missed, and what is proved to be whole is `ok`. */
import { describe, expect, it } from 'vitest'
import type { SimulatorOptions } from '../../../src/simulator/server.ts'
import { asOf, livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { readCapability } from '../../support/tables/capabilities.ts'

/** Services: on five pages at least, read from the last one by one chain. */
async function openList(options: SimulatorOptions = {}) {
  const { sim, worker } = await openAccount(options)
  const services = remoteIds(sim, 'services')
  const pages = Math.ceil(services.length / 10)
  expect(pages).toBeGreaterThan(4)
  const remove = (ids: readonly string[]) => ids.map((id) => ({ delete: { type: 'services', id } }))
  /** Every record that was there before and is there now has to be in the mirror. */
  const expectSurvivors = async () => {
    const now = new Set(remoteIds(sim, 'services'))
    const held = new Set(await livingIds(worker, 'services'))
    expect(services.filter((id) => now.has(id) && !held.has(id))).toEqual([])
  }
  return { sim, worker, services, pages, remove, expectSurvivors }
}

describe('a list in order of id, while it is read', () => {
  it.each(['first', 'last'] as const)('loses one from its %s page: it is complete', async (where) => {
    const { sim, worker, services, pages, remove, expectSurvivors } = await openList()
    const gone = where === 'first' ? services[0]! : services.at(-1)!
    sim.addScript({ when: { type: 'services', page: pages - 1 }, do: remove([gone]) })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', code: null, message: null })
    expect(await asOf(worker, 'services')).not.toBeNull()
    await expectSurvivors()
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
  })

  it('loses more than a page of it: it is complete', async () => {
    const { sim, worker, services, pages, remove, expectSurvivors } = await openList()
    sim.addScript({ when: { type: 'services', page: pages - 2 }, do: remove(services.slice(3, 18)), at: 'after' })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    await expectSurvivors()
  })

  it('gets new ones and loses others at every page: it is complete, and the next read has all of them', async () => {
    const { sim, worker, services, pages, remove, expectSurvivors } = await openList()
    for (let page = 1; page <= pages; page++) {
      const create = { create: { type: 'services', attributes: { name: `Came at ${page}` } } }
      const steps = [create, create, ...remove([services[page]!, services[page * 8]!])]
      sim.addScript({ when: { type: 'services', page }, do: page % 2 === 0 ? steps : steps.slice(0, 3) })
    }
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    await expectSurvivors()
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
  })

  it('loses nearly everything: no row of it is taken for deleted before the operator allows it', async () => {
    const { sim, worker, services, pages, remove } = await openList()
    await pullOne(worker, 'services')
    const before = await asOf(worker, 'services')
    sim.addScript({ when: { type: 'services', page: pages }, do: remove(services.slice(5)), at: 'after' })
    for (let times = 0; times < 2; times++) {
      const outcome = await pullOne(worker, 'services')
      expect(outcome).toMatchObject({ outcome: 'suspect', code: 'SYNC_SUSPECT', deleted: 0 })
      expect(outcome.message).toContain('--allow-mass-delete services')
      expect(await livingIds(worker, 'services')).toEqual(services)
      expect(await asOf(worker, 'services')).toEqual(before)
    }
  })
})

describe('a list in groups, each by id, so long that several chains read it', () => {
  /** Every second one is archived, and stands behind all that are not. */
  async function openGroups() {
    const { sim, worker } = await openAccount()
    for (let number = 0; number < 400; number++) {
      sim.records.create('clients', { attributes: { name: `Client ${number}`, active: number % 2 === 0 } })
    }
    sim.setSwitches({ listOrder: 'grouped' })
    const before = remoteIds(sim, 'clients')
    const missing = async () => {
      const held = new Set(await livingIds(worker, 'clients'))
      return before.filter((id) => !held.has(id))
    }
    return { sim, worker, missing }
  }
  const oneMore = { create: { type: 'clients', attributes: { name: 'One more', active: false } } }

  it.each([
    ['stands still', []],
    ['gets another', [oneMore]],
  ])('is requested in order of id, and complete, when it %s', async (_, steps) => {
    const { sim, worker, missing } = await openGroups()
    sim.addScript({ when: { type: 'clients', page: 35 }, do: steps })
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok' })
    expect(await missing()).toEqual([])
    expect(await readCapability(worker.sql, 'clients', 'question')).toMatchObject({
      ordered: true,
      request: { query: { sort: 'id' } },
    })
  })

  it.each([
    ['stands still', [], true],
    ['gets another once', [oneMore], true],
    ['gets another with every page', [oneMore], false],
  ])('that cannot be sorted is never called complete with records missing, when it %s', async (_, steps, once) => {
    const { sim, worker, missing } = await openGroups()
    sim.setSwitches({ refusedSorts: { clients: ['id'] } })
    sim.addScript({ when: { type: 'clients', ...(once ? { page: 35 } : {}) }, do: steps, once })
    const { outcome, pages } = await pullOne(worker, 'clients')
    expect(outcome).toBe(once ? 'ok' : 'incomplete')
    if (once) expect(await missing()).toEqual([])
    expect(pages).toBeGreaterThan(80)
  })
})

describe('a list in no order, while it is read', () => {
  it.each(['newest-first', 'shuffled'] as const)(
    'is requested in order where the server can sort (%s)',
    async (order) => {
      const { sim, worker, expectSurvivors, services, pages, remove } = await openList()
      sim.setSwitches({ listOrder: order })
      sim.addScript({ when: { type: 'services', page: pages - 1 }, do: remove([services[0]!]) })
      expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
      await expectSurvivors()
      expect(await readCapability(worker.sql, 'services', 'question')).toMatchObject({
        ordered: true,
        request: { query: { sort: 'id' } },
      })
    },
  )

  describe.each(['newest-first', 'shuffled'] as const)('and cannot be sorted (%s)', (listOrder) => {
    async function openUnsorted() {
      const list = await openList()
      list.sim.setSwitches({ listOrder, refusedSorts: { services: ['id'] } })
      return list
    }

    it('is read again, until as many known records are seen as it had', async () => {
      const { sim, worker } = await openUnsorted()
      expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
      expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
      // All are known from the first, so once is enough, and nothing has changed.
      sim.resetStats()
      expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0 })
      const pages = Math.ceil(remoteIds(sim, 'services').length / 10)
      // And what its filters may hide is counted.
      expect(sim.stats().requests['GET /{account}/v1/services']).toBe(pages + 2)
    })

    it('has every record that lived throughout when it is called complete', async () => {
      const { sim, worker, services, remove, expectSurvivors } = await openUnsorted()
      sim.addScript({ when: { type: 'services', page: 3 }, do: remove(services.slice(-3)) })
      sim.addScript({ when: { type: 'services', page: 2 }, do: remove(services.slice(20, 22)) })
      expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
      await expectSurvivors()
    })

    it('is incomplete while it never stops changing', async () => {
      const { sim, worker } = await openUnsorted()
      const create = { create: { type: 'services', attributes: { name: 'Another' } } }
      sim.addScript({ when: { type: 'services' }, do: [create], once: false })
      const outcome = await pullOne(worker, 'services')
      expect(outcome).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE', deleted: 0 })
      expect(outcome.message).toContain('in no order to rely on')
      expect(await asOf(worker, 'services')).toBeNull()
    })
  })
})

it.each([
  ['id', 1, 'ok'],
  ['newest-first', 1, 'ok'],
  ['newest-first', -2, 'ok'],
  ['shuffled', 1, 'ok'],
] as const)(
  'a list of one page, read in parts, that loses one and gets one between two of them: none is missed (%s, %i)',
  async (listOrder, gone, expected) => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 20 })
    const clients = remoteIds(sim, 'clients')
    sim.setSwitches({ heavyPages: 5, listOrder, refusedSorts: { clients: ['id'] } })
    const steps = [{ create: { type: 'clients' } }, { delete: { type: 'clients', id: clients.at(gone)! } }]
    sim.addScript({ when: { type: 'clients', page: 2 }, do: steps, at: 'after' })
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: expected })
    expect(remoteIds(sim, 'clients')).toHaveLength(clients.length)
    const held = await livingIds(worker, 'clients')
    expect(remoteIds(sim, 'clients').filter((id) => clients.includes(id) && !held.includes(id))).toEqual([])
  },
)

it('a first page that is read in parts counts as the only one by the list as it was when its reading began', async () => {
  // A prime: its parts are single records.
  const pageSize = 13
  const { sim, worker } = await openAccount({}, undefined, { pageSize })
  const before = remoteIds(sim, 'clients')
  for (let more = before.length; more < pageSize + 2; more++) sim.records.create('clients', {})
  for (const id of before.slice(pageSize + 2)) sim.records.remove('clients', id)
  const clients = remoteIds(sim, 'clients')
  expect(clients).toHaveLength(pageSize + 2)
  sim.setSwitches({ heavyPages: 1 })
  const steps = [5, 7].map((at) => ({ delete: { type: 'clients', id: clients[at]! } }))
  sim.addScript({ when: { type: 'clients', page: 2 }, do: steps, at: 'after' })
  expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok' })
  const held = await livingIds(worker, 'clients')
  expect(remoteIds(sim, 'clients').filter((id) => !held.includes(id))).toEqual([])
})
