/** A member that every record carried and none carries now is not null: it is missing, which is reported until the operator accepts it. */
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { recordChangedParents } from '../../../src/store/progress/changed-projects.ts'
import { verifyResource, type VerifyResult } from '../../../src/sync/verify/verify.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { leased } from '../../support/postgres/leased.ts'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { learnedAgo } from '../../support/tables/capabilities.ts'
import { readDrift } from '../../support/tables/progress.ts'

const valuesOf = async ({ sql }: TestWorker, table: string) =>
  (await sql.unsafe(`select * from scopestack.${table} where sync_deleted_at is null order by id`)).map(
    ({ sync_hash: _hash, sync_changed_at: _at, ...row }) => row,
  )

const withheld = async ({ sql }: TestWorker, type: string): Promise<string[]> =>
  (await readDrift(sql, ['member'], { resource: type, kind: 'withheld' })).map(({ member }) => member)

const verify = (worker: TestWorker, type: string): Promise<VerifyResult> =>
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

type Json = Record<string, unknown>
type Alter = (body: ListBody) => ListBody

const eachRecord =
  (change: (record: Json) => Json) =>
  (body: ListBody): ListBody => ({ ...body, data: body.data.map(change) })

const without = (object: unknown, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(object as Json).filter(([name]) => !names.includes(name)))

/** What stops: by a switch of the simulator, or in the answers of its lists. */
const STOPS: readonly [
  what: string,
  members: readonly string[],
  columns: readonly string[],
  stop: { switches: Parameters<Simulator['setSwitches']>[0] } | { alter: Alter },
  back: Parameters<Simulator['setSwitches']>[0],
][] = [
  [
    'five attributes that a role may not see',
    ['guidance', 'name', 'position', 'service-description', 'sku'],
    ['guidance', 'name', 'position', 'service_description', 'sku'],
    {
      switches: {
        withheldAttributes: { services: ['guidance', 'name', 'position', 'service-description', 'sku'] },
      },
    },
    { withheldAttributes: {} },
  ],
  [
    'relationships',
    ['service-category', 'subservices'],
    ['service_category_id', 'subservices_ids'],
    { switches: { withheldRelationships: { services: ['service-category', 'subservices'] } } },
    { withheldRelationships: {} },
  ],
  [
    'an include that was taken before',
    ['service-category'],
    ['service_category_id'],
    { switches: { refusedIncludes: { services: ['service-category'] } } },
    { refusedIncludes: {} },
  ],
  [
    'linkage, though the relationship is there',
    ['service-category'],
    ['service_category_id'],
    {
      alter: eachRecord((record) => ({
        ...record,
        relationships: { ...(record['relationships'] as Json), 'service-category': { links: {} } },
      })),
    },
    {},
  ],
  [
    'an attribute of every second record',
    ['name'],
    ['name'],
    {
      alter: eachRecord((record) =>
        Number(record['id']) % 2 === 0 ? { ...record, attributes: without(record['attributes'], 'name') } : record,
      ),
    },
    {},
  ],
  ['all attributes', [], ['name'], { alter: eachRecord((record) => without(record, 'attributes')) }, {}],
  [
    'all relationships',
    [],
    ['service_category_id', 'subservices_ids'],
    { alter: eachRecord((record) => without(record, 'relationships')) },
    {},
  ],
]

describe.each(STOPS)('%s', (_, members, columns, stop, back) => {
  async function openStopped() {
    let stopped = false
    const alter = (body: ListBody, { type }: { type: string }): ListBody =>
      stopped && type === 'services' && 'alter' in stop ? stop.alter(body) : body
    const { sim, worker } = await openAccount({}, 'alter' in stop ? alter : undefined)
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    const toggle = (now: boolean): void => {
      stopped = now
      if ('switches' in stop) sim.setSwitches(now ? stop.switches : back)
    }
    // Whatever was refused is tried again.
    const later = () => learnedAgo(worker.sql, '2 days')
    return { sim, worker, toggle, later }
  }

  it('keep their values, and no run is ok, night after night, until they are back', async () => {
    const { sim, worker, toggle, later } = await openStopped()
    const before = await valuesOf(worker, 'services')
    toggle(true)
    await later()
    for (let night = 1; night <= 3; night++) {
      const outcome = await pullOne(worker, 'services', { changesOnly: night === 2 })
      expect(outcome, `night ${night}`).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE', updated: 0 })
      for (const column of columns) expect(outcome.message).toContain(column)
      expect(outcome.message).toContain('pull --full --accept-withheld services')
      expect(await valuesOf(worker, 'services')).toEqual(before)
      expect(await withheld(worker, 'services')).toEqual(members.length > 0 ? members : expect.any(Array))
    }
    expect((await withheld(worker, 'services')).length).toBeGreaterThan(0)
    const verified = await verify(worker, 'services')
    expect(verified).toMatchObject({ different: 0, missing: 0 })
    for (const column of columns) expect(verified.doubt).toContain(column)

    // What else has changed is written all the same.
    const [id] = remoteIds(sim, 'services')
    sim.records.update('services', id!, { attributes: { 'suggested-hours': '77.5' } })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete' })

    toggle(false)
    await later()
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', message: null })
    expect(await withheld(worker, 'services')).toEqual([])
    expect(await verify(worker, 'services')).toMatchObject({ different: 0, doubt: null })
  })

  it('are no longer expected when a person accepts it, and their values stay', async () => {
    const { worker, toggle, later } = await openStopped()
    const before = await valuesOf(worker, 'services')
    toggle(true)
    await later()
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete' })
    const accept = { restart: true, acceptWithheld: true }
    expect(await pullOne(worker, 'services', accept)).toMatchObject({ outcome: 'ok', message: null })
    for (const how of [{}, { changesOnly: true }]) {
      expect(await pullOne(worker, 'services', how)).toMatchObject({ outcome: 'ok', message: null })
    }
    expect(await valuesOf(worker, 'services')).toEqual(
      before.map(({ sync_extra: _extra, ...row }) => expect.objectContaining(row) as unknown),
    )
    expect(await withheld(worker, 'services')).toEqual([])
    expect(await verify(worker, 'services')).toMatchObject({ different: 0, doubt: null })
  })
})

it('a value that is really null is null', async () => {
  const { sim, worker } = await openAccount()
  await pullOne(worker, 'services')
  for (const id of remoteIds(sim, 'services')) {
    sim.records.update('services', id, {
      attributes: { sku: null, guidance: null },
      relationships: { 'service-category': null },
    })
  }
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const [left] = await worker.sql`
    select count(sku)::int + count(guidance)::int + count(service_category_id)::int as n from scopestack.services`
  expect(left).toEqual({ n: 0 })
})

it('an incremental read reports it, too, and a new row has NULL where nothing was sent', async () => {
  const { sim, worker } = await openAccount()
  for (const type of ['projects', 'project-services']) await pullOne(worker, type)
  const [project] = remoteIds(sim, 'projects')
  const [part] = sim.records
    .list('project-services')
    .filter(({ relationships }) => relationships['project'] === project)
  const held = async (id: string) =>
    (await worker.sql`select name, quantity::text from scopestack.project_services where id = ${id}`)[0]
  const before = await held(part!.id)
  sim.setSwitches({ withheldAttributes: { 'project-services': ['name'], projects: ['status'] } })
  sim.records.update('project-services', part!.id, { attributes: { quantity: 41 } })
  const added = sim.records.create('project-services', { relationships: { project: project! } }).id
  const run = await worker.run(['projects', 'project-services'], { changesOnly: true })
  expect(run.outcomes.map(({ outcome }) => outcome)).toEqual(['incomplete', 'incomplete'])
  expect(await held(part!.id)).toEqual({ name: before!['name'] as string, quantity: '41' })
  expect(await held(added)).toMatchObject({ name: null })
  // Nothing has changed since, and what stands there is still of then.
  const next = await worker.run(['projects', 'project-services'], { changesOnly: true })
  expect(next.outcomes.map(({ outcome }) => outcome)).toEqual(['incomplete', 'incomplete'])
  sim.setSwitches({ withheldAttributes: {} })
  const back = await worker.run(['projects', 'project-services'])
  expect(back.outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
  expect(await held(added)).toMatchObject({ name: sim.records.read('project-services', added)!.attributes['name'] })
})

it('a member that is not declared is missed where the row has it, and a record that never had it lacks nothing', async () => {
  let hidden: string[] = []
  const { sim, worker } = await openAccount({}, (body, { type }) =>
    type === 'tags'
      ? eachRecord((record) => ({ ...record, attributes: without(record['attributes'], ...hidden) }))(body)
      : body,
  )
  for (const id of remoteIds(sim, 'tags')) sim.records.update('tags', id, { attributes: { colour: `red ${id}` } })
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  sim.records.create('tags', {})
  for (let times = 0; times < 2; times++) expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  for (const id of remoteIds(sim, 'tags')) sim.records.update('tags', id, { attributes: { colour: `blue ${id}` } })
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
  const before = await valuesOf(worker, 'tags')
  hidden = ['colour']
  for (let times = 0; times < 2; times++) {
    const outcome = await pullOne(worker, 'tags')
    expect(outcome).toMatchObject({ outcome: 'incomplete' })
    expect(outcome.message).toContain('sync_extra.colour')
    expect(await valuesOf(worker, 'tags')).toEqual(before)
  }
  expect((await verify(worker, 'tags')).doubt).toContain('sync_extra.colour')
  expect(await pullOne(worker, 'tags', { restart: true, acceptWithheld: true })).toMatchObject({ outcome: 'ok' })
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'ok' })
})

it('an unchanged page of one project is no proof that others are unchanged', async () => {
  const { sim, worker } = await openAccount()
  await pullOne(worker, 'services')
  await leased(worker.sql, (tx) => recordChangedParents(tx, 'services', []))
  sim.setSwitches({ withheldAttributes: { services: ['name'] } })
  await pullOne(worker, 'services')
  sim.resetStats()
  // Pages that lack something are asked for whole again, however often.
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete' })
  expect(sim.stats().statuses['304']).toBeUndefined()
})

it('the members that every record of a list without order carries are counted once, though it is read twice', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ listOrder: 'shuffled', refusedSorts: { services: ['id'] } })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  sim.setSwitches({ withheldAttributes: { services: ['name'] } })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete' })
  expect(await withheld(worker, 'services')).toEqual(['name'])
})
