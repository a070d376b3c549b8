/** Every row held against its record by its values: what is found, what is repaired, and what is never taken for deleted. */
import { describe, expect, it } from 'vitest'
import type { Transaction } from '../../../src/store/connection/database.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { EQUAL, verify, type Found } from '../../support/scopestack/verified.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readCheckpoints, readSeenPages } from '../../support/tables/progress.ts'

async function openServices(...given: Parameters<typeof openAccount>) {
  const { sim, worker } = await openAccount(...given)
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const ids = remoteIds(sim, 'services')
  const { sql } = worker
  const damage = (act: (tx: Transaction) => Promise<unknown>): Promise<void> => withoutCapture(sql, act)
  const add = (id: string) =>
    damage((tx) => tx`insert into scopestack.services (id, name, sync_hash) values (${id}, 'x', '')`)
  return { sim, worker, damage, ids, add, verify: (how = {}) => verify(worker, 'services', how) }
}

const rowsShown = async ({ sql }: TestWorker, type: string): Promise<number> =>
  (await sql<{ rows: number }[]>`select rows::int from scopestack.sync_status where resource = ${type}`)[0]!.rows

describe('what differs', () => {
  const cases: [string, (open: Awaited<ReturnType<typeof openServices>>) => Promise<unknown>, Partial<Found>][] = [
    [
      'a row that was deleted',
      ({ damage, ids }) => damage((tx) => tx`delete from scopestack.services where id = ${ids[3]!}`),
      { missing: 1 },
    ],
    [
      'a row that is marked deleted, whose record lives',
      ({ damage, ids }) =>
        damage((tx) => tx`update scopestack.services set sync_deleted_at = now() where id = ${ids[4]!}`),
      { missing: 1 },
    ],
    ['a row whose record is not there', ({ add }) => add('999999'), { extra: 1 }],
    [
      'a text changed by hand',
      ({ damage, ids }) => damage((tx) => tx`update scopestack.services set name = 'by hand' where id = ${ids[0]!}`),
      { different: 1 },
    ],
    [
      'a key set to NULL, and a member that no column holds',
      ({ damage, ids }) =>
        damage(
          (tx) => tx`
        update scopestack.services set service_category_id = null, sync_extra = '{"more":1}' where id = ${ids.at(-1)!}`,
        ),
      { different: 1 },
    ],
  ]

  it.each(cases)('%s: is found, repaired, and equal from then on', async (_, change, expected) => {
    const open = await openServices()
    const { worker, ids } = open
    expect(await open.verify()).toEqual({ ...EQUAL, resource: 'services', read: ids.length })
    const before = await worker.sql`select * from scopestack.services order by id`
    await change(open)
    for (let times = 0; times < 2; times++) expect(await open.verify()).toMatchObject({ ...expected, repaired: 0 })
    expect(await open.verify({ repair: true })).toMatchObject({ ...expected, repaired: 1, doubt: null })
    expect(await open.verify()).toEqual({ ...EQUAL, resource: 'services', read: ids.length })
    const after = await worker.sql`select * from scopestack.services where sync_deleted_at is null order by id`
    const values = (rows: typeof before) => rows.map(({ sync_changed_at: _at, ...row }) => row)
    expect(values(after)).toEqual(values(before))
    expect(await rowsShown(worker, 'services')).toBe(ids.length)
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0, deleted: 0 })
  })

  it('is named, with the column and both values', async () => {
    const { sim, damage, ids, verify: again } = await openServices()
    await damage((tx) => tx`update scopestack.services set name = 'by hand' where id = ${ids[0]!}`)
    const { attributes } = sim.records.read('services', ids[0]!)!
    expect((await again()).reported).toEqual([
      {
        id: ids[0],
        what: 'different',
        columns: [{ name: 'name', remote: attributes['name'], mirror: 'by hand' }],
        reason: null,
      },
    ])
  })

  it('is reported once, however many times the list has to be read', async () => {
    const { sim, damage, ids, verify: again } = await openServices({}, undefined, { pageSize: 3 })
    const some = `{${ids.slice(0, 12).join()}}`
    await damage((tx) => tx`update scopestack.services set name = 'by hand' where id = any(${some}::text[])`)
    sim.setSwitches({ listOrder: 'shuffled', refusedSorts: { services: ['id'] } })
    const found = await again()
    expect(found).toMatchObject({ different: 12, missing: 0, extra: 0, doubt: null, read: ids.length })
    expect(new Set(found.reported.map(({ id }) => id))).toEqual(new Set(ids.slice(0, 12)))
    expect(found.reported).toHaveLength(12)
  })

  it('is also a member of the list that is no record, with the reason', async () => {
    let strange = false
    const alter = (body: ListBody, { page }: { page: number }): ListBody => {
      const [first, ...rest] = body.data
      return strange && page === 2 ? { ...body, data: [{ ...first, type: 'works' }, ...rest] } : body
    }
    const { ids, verify: again } = await openServices({}, alter)
    strange = true
    const found = await again({ repair: true })
    expect(found).toMatchObject({ refused: 1, missing: 0, extra: 0, different: 0, repaired: 0 })
    expect(found.reported).toEqual([
      {
        id: ids[10],
        what: 'refused',
        columns: [],
        reason: 'Its type is "works", not "services". (SYNC_RECORD_UNUSABLE)',
      },
    ])
  })
})

describe('a row that the list does not have', () => {
  /** Services that the list does not tell of, though they are there. */
  async function openHidden() {
    const hidden = new Set<string>()
    const hide = (body: ListBody): ListBody => ({
      data: body.data.filter(({ id }) => !hidden.has(String(id))),
      meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) - hidden.size },
    })
    return { hidden, ...(await openServices({}, hide, { pageSize: 100 })) }
  }

  it('is not extra when the address of its record has it, and is compared like any other', async () => {
    const { sim, worker, ids, hidden, verify: again } = await openHidden()
    hidden.add(ids[5]!)
    expect(await again()).toEqual({ ...EQUAL, resource: 'services', read: ids.length - 1 })
    sim.records.update('services', ids[5]!, { attributes: { name: 'Hidden, not gone' } })
    expect(await again()).toMatchObject({ different: 1, extra: 0 })
    expect(await again({ repair: true })).toMatchObject({ different: 1, repaired: 1, doubt: null })
    expect(await again()).toMatchObject({ different: 0, extra: 0 })
    expect(await livingIds(worker, 'services')).toEqual(ids)
  })

  it.each(['404', '403'] as const)(
    'is kept where lookups of single records get %s, and the list has no filter by id; that is reported',
    async (kind) => {
      const { sim, worker, ids, add, verify: again } = await openServices()
      await add('999999')
      sim.addFault({ kind, match: { path: '/services/\\d+$/' }, count: 'always' })
      sim.setSwitches({ refusedFilters: { services: ['id'] } })
      const found = await again({ repair: true })
      expect(found).toMatchObject({ extra: 0, repaired: 0, reported: [] })
      expect(found.doubt).toContain('proves them deleted')
      expect(await livingIds(worker, 'services')).toEqual([...ids, '999999'])
      // The list says so as well as the record itself.
      sim.setSwitches({ refusedFilters: {} })
      expect(await again({ repair: true })).toMatchObject({ extra: 1, repaired: 1, doubt: null })
      expect(await livingIds(worker, 'services')).toEqual(ids)
    },
  )

  it('is not marked deleted when there are too many of them, and that is reported', async () => {
    const { sim, worker, ids, verify: again } = await openServices()
    const gone = ids.slice(0, Math.ceil(ids.length * 0.3))
    for (const id of gone) sim.records.remove('services', id)
    const found = await again({ repair: true })
    expect(found).toMatchObject({ extra: gone.length, repaired: 0 })
    expect(found.doubt).toMatch(
      /more than may be at once \(20 %\)\. Nothing was deleted\..*pull --full --allow-mass-delete services/,
    )
    expect(await livingIds(worker, 'services')).toEqual(ids)
    expect(await again()).toMatchObject({ extra: gone.length, doubt: null })
  })

  it('is not marked deleted when they are too many only with those that were not looked up', async () => {
    const { sim, damage, verify: again } = await openServices()
    await damage(
      (tx) => tx`
        insert into scopestack.services (id, name, sync_hash) select n, 'x', '' from generate_series(900001, 901500) n`,
    )
    for (const id of remoteIds(sim, 'services')) sim.records.remove('services', id)
    const found = await again({ repair: true })
    expect(found).toMatchObject({ extra: 1000, repaired: 0 })
    expect(found.doubt).toMatch(/rows are not in the list and not checked.*All of its \d+ rows/)
  })
})

describe('a list that changes while it is read', () => {
  it('in order of id: records that come and go are no false alarm', async () => {
    const { sim, ids, verify: again } = await openServices()
    const pages = Math.ceil(ids.length / 10)
    for (let page = 2; page <= pages; page++) {
      sim.addScript({ when: { type: 'services', page }, do: [{ delete: { type: 'services', id: ids[page]! } }] })
    }
    const found = await again()
    expect(found).toMatchObject({ missing: 0, different: 0, doubt: null })
    const gone = new Set(ids.slice(2, pages + 1))
    expect(found.reported.filter(({ id, what }) => what !== 'extra' || !gone.has(id!))).toEqual([])
  })

  it('in no order, and without an end: no row is called extra, and that is reported', async () => {
    const { sim, worker, ids, add, verify: again } = await openServices()
    await add('999999')
    sim.setSwitches({ listOrder: 'shuffled', refusedSorts: { services: ['id'] } })
    const create = { create: { type: 'services', attributes: { name: 'Another' } } }
    sim.addScript({ when: { type: 'services' }, do: [create], once: false })
    const found = await again({ repair: true })
    expect(found).toMatchObject({ extra: 0, different: 0 })
    expect(found.doubt).toContain('verify it again later')
    expect(await livingIds(worker, 'services')).toEqual(expect.arrayContaining([...ids, '999999']))
  })
})

describe('every read method', () => {
  it.each([
    ['mes', 'mes', 'name'],
    // All that comes of it stands there.
    ['accounts', 'accounts', 'sync_extra'],
    ['lines-of-business', 'lines_of_business', 'name'],
    ['merge-data', 'merge_data', 'content'],
    ['project-materials', 'project_materials', 'project_id'],
  ])('%s: a changed column and a missing row are found and repaired', async (type, table, column) => {
    const { sim, worker } = await openAccount()
    const { sql } = worker
    for (const project of remoteIds(sim, 'projects').slice(0, 3)) {
      sim.records.create('project-materials', { relationships: { project } })
    }
    sim.setSwitches({ missingLists: ['project-materials'] })
    for (const each of ['projects', type]) expect(await pullOne(worker, each)).toMatchObject({ outcome: 'ok' })
    const ids = await livingIds(worker, table)
    expect(await verify(worker, type)).toEqual({ ...EQUAL, resource: type, read: ids.length })
    await withoutCapture(
      sql,
      (tx) => tx`update scopestack.${tx(table)} set ${tx(column)} = '"by hand"' where id = ${ids[0]!}`,
    )
    const changed = { columns: [{ name: column, mirror: '"by hand"' }] }
    expect(await verify(worker, type)).toMatchObject({ different: 1, reported: [changed] })
    expect(await verify(worker, type, { repair: true })).toMatchObject({ different: 1, repaired: 1 })
    await withoutCapture(sql, (tx) => tx`delete from scopestack.${tx(table)} where id = ${ids[0]!}`)
    expect(await verify(worker, type, { repair: true })).toMatchObject({ missing: 1, repaired: 1 })
    expect(await verify(worker, type)).toEqual({ ...EQUAL, resource: type, read: ids.length })
  })
})

it('leaves the checkpoint of an interrupted pull, which resumes', async () => {
  const { sim, worker } = await openAccount()
  const fault = sim.addFault({ kind: '403', match: { type: 'services', page: 3 }, count: 'always' })
  expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'forbidden' })
  sim.removeFault(fault.id)
  const books = async () => [await readCheckpoints(worker.sql, ['whole']), await readSeenPages(worker.sql, ['whole'])]
  const before = await books()
  const found = await verify(worker, 'services')
  expect(found).toMatchObject({ missing: 30, extra: 0, different: 0, doubt: null })
  expect(found.reported).toHaveLength(30)
  expect(await books()).toEqual(before)
  sim.resetStats()
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  // The pages that were left, and what its filters may hide, counted three times.
  expect(sim.stats().pages['services']).toEqual([3, 2, 1, 1, 1, 1])
  expect(await verify(worker, 'services')).toMatchObject({ missing: 0, extra: 0, different: 0 })
})
