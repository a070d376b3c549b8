/** A snapshot says `ok` only for a list that was all there, and what it says otherwise. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/server.ts'
import { park } from '../../src/store/findings.ts'
import type { Outcome, ResourceOutcome } from '../../src/store/runs.ts'
import { pullSnapshot } from '../../src/sync/snapshot.ts'
import { createDatabase } from '../support/database.ts'
import { type Alter, startRelay } from '../support/relay.ts'
import { startWorker, type TestWorker } from '../support/worker.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

/** One page at a time, 10 records each, so that what happens between two pages is exact. */
async function start(
  options: SimulatorOptions = {},
  alter?: Alter['list'],
): Promise<{ sim: Simulator; worker: TestWorker }> {
  const sim = await startSimulator({ projects: 12, ...options })
  opened.push({ [Symbol.asyncDispose]: () => sim.close() })
  const database = await createDatabase()
  opened.push(database)
  const remote = alter === undefined ? sim : await startRelay(sim, { list: alter })
  if (Symbol.asyncDispose in remote) opened.push(remote)
  const worker = await startWorker(remote, database.url, { pageSize: 10, concurrency: 1 })
  opened.push(worker)
  return { sim, worker }
}

async function only(worker: TestWorker, type: string): Promise<ResourceOutcome> {
  const { outcomes } = await worker.run([type])
  expect(outcomes).toHaveLength(1)
  return outcomes[0]!
}

const count = async ({ sql }: TestWorker, table: string): Promise<number> =>
  (await sql<{ n: number }[]>`select count(*)::int as n from scopestack.${sql(table)}`)[0]!.n

const asOf = async ({ sql }: TestWorker, type: string): Promise<Date | null> =>
  (await sql<{ at: Date | null }[]>`select as_of as at from sync.cursors where resource = ${type}`)[0]!.at

/** `JSON.stringify` cannot write what `JSON.parse` reads; the relay's is made to. */
async function withDeepNesting<T>(act: () => Promise<T>): Promise<T> {
  const deep = `{"name":${'['.repeat(9000)}${']'.repeat(9000)}}`
  const original = JSON.stringify
  const write = (...given: Parameters<typeof original>) =>
    original(...given)?.replace('"attributes":"DEEP"', `"attributes":${deep}`)
  vi.spyOn(JSON, 'stringify').mockImplementation(write as typeof original)
  try {
    return await act()
  } finally {
    vi.restoreAllMocks()
  }
}

const services = (sim: Simulator) => sim.records.list('services')

describe('records come and go while a list is read', () => {
  it('is incomplete when one vanished from a page already read, and ok the next time', async () => {
    const { sim, worker } = await start()
    const [first] = services(sim)
    sim.addScript({ when: { type: 'services', page: 2 }, do: [{ delete: { type: 'services', id: first!.id } }] })
    const outcome = await only(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE' })
    expect(outcome.message).toMatch(/went from \d+ to \d+ records while it was read/)
    expect(await asOf(worker, 'services')).toBeNull()
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'ok', message: null })
    expect(await asOf(worker, 'services')).not.toBeNull()
    const held = new Set((await worker.sql`select id from scopestack.services`).map((row) => row['id'] as string))
    expect(services(sim).filter(({ id }) => !held.has(id))).toEqual([])
  })

  it('is incomplete when one appeared, and keeps the time the last whole list was of', async () => {
    const { sim, worker } = await start()
    await only(worker, 'services')
    const before = await asOf(worker, 'services')
    sim.addScript({ when: { type: 'services', page: 3 }, do: [{ create: { type: 'services', id: '1' } }] })
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete' })
    expect(await asOf(worker, 'services')).toEqual(before)
  })

  it('keeps every row of an incomplete list', async () => {
    const { sim, worker } = await start()
    await only(worker, 'services')
    const before = await count(worker, 'services')
    sim.addScript({
      when: { type: 'services', page: 1 },
      do: services(sim)
        .slice(5)
        .map(({ id }) => ({ delete: { type: 'services', id } })),
      at: 'after',
    })
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete' })
    expect(await count(worker, 'services')).toBe(before)
  })
})

describe('a list that is not as it should be', () => {
  it('is ok when it is empty, and says so', async () => {
    const { sim, worker } = await start()
    for (const { id } of sim.records.list('surveys')) sim.records.remove('surveys', id)
    expect(await only(worker, 'surveys')).toMatchObject({ outcome: 'ok', seen: 0, expected: 0 })
  })

  it('is incomplete when it does not count its records', async () => {
    const { sim, worker } = await start({}, (body, { type }) => (type === 'services' ? { ...body, meta: {} } : body))
    const outcome = await only(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: services(sim).length, expected: null })
    expect(outcome.message).toContain('nothing proves it whole')
    expect(await count(worker, 'services')).toBe(services(sim).length)
  })

  it('is incomplete when two pages share a record, though the count stands still', async () => {
    let first: Record<string, unknown> | undefined
    const { worker } = await start({}, (body, { type, page }) => {
      if (type === 'services' && page === 1) first = body.data[0]
      return type === 'services' && page === 2 ? { ...body, data: [first, ...body.data.slice(1)] } : body
    })
    const outcome = await only(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete' })
    expect(outcome.message).toMatch(/says it has \d+ records, but \d+ different ones were met/)
  })

  it('fails when a server sends the same page again and again', async () => {
    const first: { body?: unknown } = {}
    const { worker } = await start({}, (body, { type }) => (type === 'services' ? (first.body ??= body) : body))
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'failed', code: 'SYNC_PAGE_REPEATED' })
    expect(await asOf(worker, 'services')).toBeNull()
  })

  it('loads the rest when members are of another type, nameless, or not storable, and sets those aside', async () => {
    const { sim, worker } = await start({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [a, b, c, d, ...rest] = body.data
      return {
        ...body,
        data: [
          { ...a, type: 'work\0s' },
          { ...b, id: 7 },
          'no object',
          { ...c, id: 'nul\0l' },
          { ...d, id: '\ud800' },
          ...rest,
        ],
      }
    })
    const outcome = await only(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete', parked: 5 })
    expect(await count(worker, 'services')).toBe(services(sim).length - 4)
    const parked = await worker.sql<{ reason: string; body: string }[]>`select reason, body from sync.parked`
    expect(parked.map(({ reason }) => reason).toSorted()).toEqual(
      [
        ...Array<string>(2).fill('Its id holds U+0000 or half a character, which Postgres does not store.'),
        ...[1, 2].map(() => 'It has no id and type of its own.'),
        'Its type is "work\\u0000s", not "services".',
      ].toSorted(),
    )
    expect(parked.map(({ body }) => body)).toContain('"no object"')
  })

  it('settles what was set aside once a whole list is free of it, and not before', async () => {
    let broken = true
    const { sim, worker } = await start({}, (body, { type, page }) =>
      type === 'services' && page === 2 && broken
        ? { ...body, data: [{ ...body.data[0], type: 'x' }, ...body.data.slice(1)] }
        : body,
    )
    const open = async () => (await worker.sql`select from sync.parked where settled_at is null`).length
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    broken = false
    // It may be the very one that this list has lost.
    sim.addScript({
      when: { type: 'services', page: 3 },
      do: [{ delete: { type: 'services', id: services(sim)[0]!.id } }],
    })
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 0 })
    expect(await open()).toBe(1)
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'ok' })
    expect(await open()).toBe(0)
  })

  it('parks a record that Postgres refuses, with its reason, and loads the others', async () => {
    const id = Array.from({ length: 3000 }, (_, at) => String.fromCodePoint(0x4e00 + ((at * 7919) % 20_000))).join('')
    const { sim, worker } = await start({}, (body, { type, page }) =>
      type === 'services' && page === 1 ? { ...body, data: [{ ...body.data[0], id }, ...body.data.slice(1)] } : body,
    )
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    expect(await count(worker, 'services')).toBe(services(sim).length - 1)
    const [parked] = await worker.sql`select record_id, reason from sync.parked`
    expect(parked).toEqual({ record_id: id, reason: expect.stringContaining('index row') as string })
  })
})

describe('a record that cannot be a row', () => {
  it('is set aside alone when it is nested deeper than the stack is', async () => {
    const { sim, worker } = await start({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [first, ...rest] = body.data
      return { ...body, data: [{ ...first, attributes: 'DEEP' }, ...rest] }
    })
    const outcome = await withDeepNesting(() => only(worker, 'services'))
    expect(outcome).toMatchObject({ outcome: 'incomplete', parked: 1, seen: services(sim).length })
    expect(await count(worker, 'services')).toBe(services(sim).length - 1)
    const [parked] = await worker.sql<{ reason: string; body: string }[]>`select reason, body from sync.parked`
    expect(parked!.reason).toContain('cannot be written as a row')
    expect(parked!.body).toContain('…')
  })

  it('is set aside when its attributes or relationships are no object, with what it held', async () => {
    const { sim, worker } = await start({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [a, b, c, ...rest] = body.data
      return {
        ...body,
        data: [{ ...a, attributes: ['x'] }, { ...b, relationships: 'y' }, { ...c, attributes: null }, ...rest],
      }
    })
    expect(await only(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 2 })
    expect(await count(worker, 'services')).toBe(services(sim).length - 2)
    const parked = await worker.sql<{ reason: string; body: string }[]>`select reason, body from sync.parked order by 1`
    expect(parked.map(({ reason }) => reason)).toEqual([
      'Its attributes are not an object.',
      'Its relationships are not an object.',
    ])
    expect(parked[0]!.body).toContain('"attributes":["x"]')
  })

  it('is set aside with a reason that Postgres can hold', async () => {
    const { worker } = await start()
    await park(worker.sql, 'services', [{ recordId: '1', reason: 'NUL \0 and half \ud800', body: null }])
    expect(await worker.sql`select reason from sync.parked`).toEqual([{ reason: 'NUL \ufffd and half \ufffd' }])
  })
})

describe('what comes with another list', () => {
  it('is incomplete when that list is, and takes its time when it is whole', async () => {
    let short = true
    const { worker } = await start({}, (body, { type, page }) =>
      type === 'payment-terms' && page === 1 && short ? { ...body, data: body.data.slice(1) } : body,
    )
    const outcome = await only(worker, 'accounts')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 1, expected: null })
    expect(outcome.message).toMatch(/says it has \d+ records, but \d+ different ones were met/)
    expect(await asOf(worker, 'accounts')).toBeNull()
    short = false
    expect(await only(worker, 'accounts')).toMatchObject({ outcome: 'ok', seen: 1 })
    expect(await asOf(worker, 'accounts')).not.toBeNull()
  })
})

describe('a snapshot', () => {
  it('is not begun by a run whose lease has passed to another', async () => {
    const { worker } = await start()
    await only(worker, 'clients')
    await worker.sql`insert into sync.seen_pages (resource, page, ids) values ('clients', 1, '{other}')`
    const late = { resource: 'clients', term: 0 }
    const resource = worker.catalog.get('clients')!
    const { signal } = new AbortController()
    const begun = pullSnapshot(worker, { resource, lease: late, restart: true, signal, onProgress: () => {} })
    await expect(begun).rejects.toMatchObject({ code: 'SYNC_LEASE_LOST' })
    expect(await worker.sql`select ids from sync.seen_pages where resource = 'clients'`).toEqual([{ ids: '{other}' }])
  })
})

describe('a resource that cannot be read', () => {
  it('is forbidden with the privilege it needs, and the others go on', async () => {
    const { sim, worker } = await start()
    sim.setSwitches({ forbidden: ['clients'] })
    const { outcomes, outcome } = await worker.run(['clients', 'services', 'tags'])
    const said = Object.fromEntries(outcomes.map((one) => [one.resource, one.outcome] satisfies [string, Outcome]))
    expect(said).toEqual({ clients: 'forbidden', services: 'ok', tags: 'ok' })
    expect(outcome).toBe('forbidden')
    const [row] = await worker.sql`select outcome, code from sync.run_outcomes where resource = 'clients'`
    expect(row).toEqual({ outcome: 'forbidden', code: 'SYNC_FORBIDDEN' })
  })

  it('fails when its list does not exist, without ending the run', async () => {
    const { sim, worker } = await start()
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
  it('are incomplete while their parents never were complete, and never newer than these', async () => {
    const { worker } = await start()
    const outcome = await only(worker, 'merge-data')
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 0 })
    expect(outcome.message).toContain('Pull projects first')
    expect(await asOf(worker, 'merge-data')).toBeNull()
    await only(worker, 'projects')
    expect(await only(worker, 'merge-data')).toMatchObject({ outcome: 'ok' })
    expect(await asOf(worker, 'merge-data')).toEqual(await asOf(worker, 'projects'))
  })

  it('parks the project whose document answers 500, and has all the others', async () => {
    const { sim, worker } = await start()
    await only(worker, 'projects')
    const ids = sim.records.list('projects').map(({ id }) => id)
    sim.addFault({ kind: '500', match: { path: `/projects/${ids[3]}/merge-data` }, count: 'always' })
    expect(await only(worker, 'merge-data')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    const held = await worker.sql<{ id: string }[]>`select id from scopestack.merge_data`
    expect(held.map(({ id }) => id).toSorted()).toEqual(ids.filter((id) => id !== ids[3]).toSorted())
    const [parked] = await worker.sql`select record_id, reason from sync.parked`
    expect(parked).toEqual({ record_id: ids[3], reason: expect.stringContaining('500') as string })
    sim.removeFault()
    expect(await only(worker, 'merge-data')).toMatchObject({ outcome: 'ok', inserted: 1 })
  })
})
