/** However a record is read, the same row comes of it: in its own list, along with another, below one, alone, as an answer. */
import { expect, it } from 'vitest'
import type { ReadMethod, Resource } from '../../../src/catalog/resource.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { fetchPage } from '../../../src/remote/pages/pages.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { createRowEncoder } from '../../../src/store/mirror/row.ts'
import { recordChangedParents } from '../../../src/store/progress/changed-projects.ts'
import { requestFor } from '../../../src/sync/list/list-request.ts'
import { toReadPage } from '../../../src/sync/list/read-page.ts'
import { leased } from '../../support/postgres/leased.ts'
import { openAccount, remoteIds } from '../../support/scopestack/account.ts'
import { INCREMENTAL, PARTS } from '../../support/scopestack/increments.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'

/** Every second end is null: in a nested include the library leaves that out. */
function clearEnds({ records }: Simulator, catalog: ReadonlyMap<string, Resource>): void {
  for (const { type, columns } of catalog.values()) {
    const ends = columns.filter(({ from, member }) => from === 'to-one' && !KEPT.has(member))
    for (const [at, { id, relationships }] of recordsOf(records, type).entries()) {
      const cleared = ends.filter(({ member }, index) => (at + index) % 2 === 0 && member in relationships)
      if (cleared.length === 0) continue
      records.update(type, id, { relationships: Object.fromEntries(cleared.map(({ member }) => [member, null])) })
    }
  }
}

/** What a record hangs on. */
const KEPT = new Set(['project', 'project-service', 'service', 'client', 'account'])

const recordsOf = (records: Simulator['records'], type: string) => {
  try {
    return records.list(type)
  } catch {
    // The simulator has no such thing.
    return []
  }
}

/** The ways in which the records of a resource come with, or below, those of another. */
function otherWays(resource: Resource, catalog: ReadonlyMap<string, Resource>): ReadMethod[] {
  const { type, columns } = resource
  const carriers = [...catalog.values()].filter(({ read }) => read.from === 'list')
  const included = carriers.flatMap((carrier): ReadMethod[] => [
    ...carrier.columns
      .filter(({ from, target }) => from !== 'attribute' && target === type)
      .map(({ member }): ReadMethod => ({ from: 'included', list: carrier.type, include: member })),
    ...(carrier.includedToMany.includes(type)
      ? [{ from: 'included', list: carrier.type, include: type } as const]
      : []),
  ])
  const isPart = columns.some(({ member, from }) => member === 'project' && from === 'to-one')
  return isPart ? [...included, { from: 'below', parent: 'projects', path: type }] : included
}

const writtenOf = async ({ sql }: TestWorker, { table }: Resource) =>
  Object.fromEntries(
    (
      await sql.unsafe<{ id: string; row: string }[]>(
        `select id, xmin::text || sync_hash as row from scopestack.${table}`,
      )
    ).map(({ id, row }) => [id, row]),
  )

it('every read method gives the same row of every resource, and no row is written again when methods alternate', async () => {
  const { sim, worker } = await openAccount({ projects: 2 }, undefined, { pageSize: 100, concurrency: 4 })
  const { catalog, client, slug } = worker
  clearEnds(sim, catalog)
  await worker.run()
  const read = [...catalog.values()].filter(
    (resource) => resource.read.from === 'list' && recordsOf(sim.records, resource.type).length > 0,
  )
  const { signal } = new AbortController()
  let compared = 0
  for (const resource of read) {
    const before = await writtenOf(worker, resource)
    for (const way of otherWays(resource, catalog)) {
      const { outcomes } = await worker.runResource({ ...resource, read: way, readMethods: [way] })
      expect(outcomes[0], JSON.stringify([resource.type, way])).toMatchObject({ inserted: 0, updated: 0 })
      expect(await writtenOf(worker, resource), JSON.stringify([resource.type, way])).toEqual(before)
      compared += outcomes[0]!.seen
      if (way.from !== 'included') continue
      const request = requestFor({ slug, catalog, pageSize: 100 }, resource, way)!
      const page = await fetchPage(client, request, 1, signal)
      const wanted = { type: resource.type, aliases: resource.aliases, carried: true }
      const toRow = createRowEncoder(resource)
      for (const record of toReadPage(page, wanted).records) {
        const is = before[record.id]!.endsWith(toRow(record).hash)
        expect(is, `${resource.type} ${record.id} in ${way.list}`).toBe(true)
      }
    }
  }
  expect(compared).toBeGreaterThan(500)

  for (const resource of read) {
    const toRow = createRowEncoder(resource)
    const before = await writtenOf(worker, resource)
    const include = resource.include.length === 0 ? '' : `?include=${resource.include.join(',')}`
    const digest = (body: string, url: string): string => toRow(parseDocument(body, url).records[0]!).hash
    for (const id of remoteIds(sim, resource.type).slice(0, 3)) {
      const path = `/${slug}/v1/${(resource.read as { path: string }).path}/${id}${include}`
      const alone = await client.get(path, digest, signal)
      expect(before[id]!.endsWith(alone), `${resource.type} ${id} alone`).toBe(true)
    }
  }
  // The last, since a write changes what others say of it.
  for (const resource of read.filter(({ writes }) => writes.includes('update'))) {
    const toRow = createRowEncoder(resource)
    const include = resource.include.length === 0 ? '' : `?include=${resource.include.join(',')}`
    const digest = (body: string, url: string): string => toRow(parseDocument(body, url).records[0]!).hash
    for (const id of remoteIds(sim, resource.type).slice(0, 3)) {
      const path = `/${slug}/v1/${(resource.read as { path: string }).path}/${id}${include}`
      const body = JSON.stringify({ data: { type: resource.type, id, attributes: {} } })
      const request = { method: 'PATCH', path, body, beforeSend: async () => {} } as const
      const answered = await client.write(request, ({ body: text }, url) => digest(text, url), signal)
      expect(answered, `${resource.type} ${id} as an answer`).toBe(await client.get(path, digest, signal))
    }
  }
})

it.each(['declared', 'nested'] as const)(
  'the children of a changed project give the same rows, read in the %s way',
  async (way) => {
    const { sim, worker } = await openAccount({ projects: 5 }, undefined, { pageSize: 100, concurrency: 4 })
    const { sql, catalog } = worker
    if (way === 'nested')
      sim.setSwitches({ refusedFilters: Object.fromEntries(PARTS.map((type) => [type, ['project']])) })
    await worker.run(INCREMENTAL)
    // Keys that are cleared, and others that are set, since the whole reading.
    clearEnds(sim, catalog)
    const projects = remoteIds(sim, 'projects')
    const readParts = async () => {
      await leased(sql, (tx) => recordChangedParents(tx, 'projects', projects))
      await worker.run(['projects', ...PARTS], { changesOnly: true })
    }
    await readParts()
    for (const type of PARTS) {
      const { table, columns } = catalog.get(type)!
      const keys = columns.filter(({ from, member }) => from === 'to-one' && member !== 'account')
      for (const { id, relationships } of sim.records.list(type)) {
        const [row] = await sql.unsafe(`select * from scopestack.${table} where id = $1`, [id])
        for (const { name, member } of keys) {
          if (member in relationships) expect(row![name], `${type} ${id} ${name}`).toEqual(relationships[member])
        }
      }
    }
    const before = await Promise.all(PARTS.map((type) => writtenOf(worker, catalog.get(type)!)))
    await worker.run(PARTS)
    await readParts()
    expect(await Promise.all(PARTS.map((type) => writtenOf(worker, catalog.get(type)!)))).toEqual(before)
  },
)
