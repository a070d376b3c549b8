/** What merely comes along with the keys of a list is requested by its ids, where that is proved to change nothing else. */
import { expect, it } from 'vitest'
import type { Switches } from '../../../src/simulator/switches.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { verify } from '../../support/scopestack/verified.ts'
import { learnedEarlier } from '../../support/tables/capabilities.ts'

const TYPE = 'project-contacts'
/** More than a list that is requested as it is. */
const RECORDS = 520
const SIZE = 100

/** @param spoil what is sent for a page, which is requested with ids only or whole; undefined: as it came. */
async function open(
  switches: Partial<Switches> = {},
  spoil: (page: number, body: ListBody, isByIds: boolean) => unknown = () => undefined,
) {
  /** Of each page that was transferred: its number, with `ids` where it was requested with ids only. */
  const asked: string[] = []
  const { sim, worker } = await openAccount(
    { projects: 2 },
    (body, { type, page, query }) => {
      if (type !== TYPE || !query.has('include')) return body
      const isByIds = query.has('fields[projects]')
      asked.push(isByIds ? `${page} ids` : `${page}`)
      return spoil(page, body, isByIds) ?? body
    },
    { pageSize: SIZE },
  )
  const projects = remoteIds(sim, 'projects')
  while (remoteIds(sim, TYPE).length < RECORDS) {
    const number = remoteIds(sim, TYPE).length
    sim.records.create(TYPE, {
      attributes: { name: `Contact ${number}` },
      // The last page holds one without a project.
      relationships: { project: number === RECORDS - 3 ? null : projects[number % 2]! },
    })
  }
  sim.setSwitches(switches)
  const mirrored = async () =>
    (
      await worker.sql<{ id: string; name: string; project: string | null }[]>`
        select id, name, project_id as project from scopestack.project_contacts
        where sync_deleted_at is null order by id::bigint`
    ).map((row) => ({ ...row }))
  const remote = () =>
    sim.records
      .list(TYPE)
      .map(({ id, attributes, relationships }) => ({ id, name: attributes['name'], project: relationships['project'] }))
      .toSorted((a, b) => Number(a.id) - Number(b.id))
  /** The pages that were requested since the last call. */
  const pages = () => {
    const [byIds, whole] = [asked.filter((one) => one.endsWith(' ids')), asked.filter((one) => !one.endsWith(' ids'))]
    asked.length = 0
    return { byIds: new Set(byIds).size, whole: new Set(whole).size }
  }
  return { sim, worker, pages, mirrored, remote }
}

const PAGES = Math.ceil(RECORDS / SIZE)

it('only ids of what comes along are transferred once that was proved, and the rows are the same', async () => {
  const { sim, worker, pages, mirrored, remote } = await open()
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', seen: RECORDS })
  expect(await mirrored()).toEqual(remote())
  expect(pages()).toEqual({ byIds: PAGES, whole: 1 })
  const [one] = sim.records.list(TYPE)
  sim.records.update(TYPE, one!.id, { attributes: { name: 'Renamed' } })
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: 1, unchanged: RECORDS - 1 })
  expect(await mirrored()).toEqual(remote())
  expect(pages(), 'within a day nothing is proved again').toEqual({ byIds: PAGES, whole: 0 })
})

it.each<Partial<Switches>>([
  { sparseFields: 'ignored' },
  { sparseFields: 'refused' },
  { sparseFields: 'refused', includeErrors: 'empty' },
  { sparseFields: 'forbidden' },
  { sparseFields: 'inherited' },
  { sparseFields: 'unlinked' },
  { sparseFields: 'reordered' },
])('a server that does it otherwise (%j) is read as before, and tried again a day later', async (switches) => {
  const { sim, worker, pages, mirrored, remote } = await open(switches)
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', seen: RECORDS })
  expect(await mirrored()).toEqual(remote())
  expect(pages().whole).toBe(PAGES)
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  expect(pages()).toEqual({ byIds: 0, whole: PAGES })

  sim.setSwitches({ sparseFields: 'applied' })
  await learnedEarlier(worker.sql, 'ids-only', '25 hours')
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  expect(pages().byIds).toBe(PAGES)
  expect(await mirrored()).toEqual(remote())
})

it.each<Switches['sparseFields']>(['refused', 'forbidden', 'inherited', 'unlinked'])(
  'a server that begins to do it otherwise (%s) within the day costs no value, no key and no row',
  async (sparseFields) => {
    const { sim, worker, pages, mirrored, remote } = await open()
    await pullOne(worker, TYPE)
    sim.setSwitches({ sparseFields })
    const [one] = sim.records.list(TYPE)
    sim.records.update(TYPE, one!.id, { attributes: { name: 'Renamed' } })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: 1 })
    expect(await mirrored()).toEqual(remote())
    pages()
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
    expect(pages().byIds, 'it is tried once more, and no longer used').toBeLessThan(2)
  },
)

const linksOf = ({ data }: ListBody) =>
  data.map((record) => (record['relationships'] as { project: { data?: unknown } }).project)

it.each([
  ['leaves out', (link: { data?: unknown }) => delete link.data],
  ['sends null for', (link: { data?: unknown }) => (link.data = null)],
])('a server that %s the keys from some page on costs no key of a first read', async (_, spoilt) => {
  const { worker, mirrored, remote } = await open({}, (page, body, isByIds) => {
    if (page === 3 && isByIds) for (const link of linksOf(body)) spoilt(link)
  })
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', seen: RECORDS })
  expect(await mirrored()).toEqual(remote())
})

it('a page that fails with ids only is read whole, and so are those behind it in this run', async () => {
  const { worker, pages, mirrored, remote } = await open({}, (page, _, isByIds) =>
    page === 3 && isByIds ? 'no document' : undefined,
  )
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', seen: RECORDS, parked: 0 })
  expect(await mirrored()).toEqual(remote())
  expect(pages().whole).toBeGreaterThan(1)
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  pages()
  await learnedEarlier(worker.sql, 'ids-only', '25 hours')
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  expect(pages(), 'it is not tried again at each read').toEqual({ byIds: 0, whole: PAGES })
})

it('records that come without an id with ids only are read whole', async () => {
  const { worker, mirrored, remote } = await open({}, (page, { data }, isByIds) => {
    if (page === 3 && isByIds) for (const record of data) delete record['id']
  })
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', seen: RECORDS, parked: 0 })
  expect(await mirrored()).toEqual(remote())
})

it('a server that leaves out empty keys costs no page twice', async () => {
  const { worker, pages, mirrored, remote } = await open({}, (_, body) => {
    for (const link of linksOf(body)) if (link.data === null) delete link.data
  })
  await pullOne(worker, TYPE)
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  pages()
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', unchanged: RECORDS })
  expect(pages()).toEqual({ byIds: 0, whole: PAGES })
  expect(await mirrored()).toEqual(remote())
})

it('verify reads everything whole: what ids only make otherwise is found, and repaired by the next read', async () => {
  let spoilt = false
  const { worker, pages, mirrored, remote } = await open({}, (page, body, isByIds) => {
    if (spoilt && page === 3 && isByIds) for (const link of linksOf(body).slice(1)) link.data = null
  })
  await pullOne(worker, TYPE)
  spoilt = true
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: SIZE - 1 })
  pages()
  expect(await verify(worker, TYPE)).toMatchObject({ read: RECORDS, different: SIZE - 1 })
  expect(pages()).toEqual({ byIds: 0, whole: PAGES })
  expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: SIZE - 1 })
  expect(await mirrored()).toEqual(remote())
})
