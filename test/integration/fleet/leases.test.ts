/** The right to write a resource: one at a time, and never a late writer. */
import { randomUUID } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { openLeases, type Leases } from '../../../src/store/fleet/leases.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { beginPass, readPassEvidence } from '../../../src/store/progress/checkpoint.ts'
import { readKnown } from '../../../src/store/progress/known.ts'
import { writeBatch } from '../../../src/sync/snapshot/write-batch.ts'
import { createRecordWriter, type RecordWriter } from '../../../src/sync/write-records.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { retried } from '../../support/postgres/retried.ts'
import {
  expireLeases,
  keepLeases,
  keepLeasesForAMinute,
  killLeaseholders,
  lockLeases,
  reusePids,
} from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

/** A process of its own, as far as the database can see. */
async function worker({ url }: TestDatabase, holder: string): Promise<{ sql: Database; leases: Leases }> {
  const sql = openDatabase(url)
  const leases = await openLeases(sql, holder)
  opened.push({
    async [Symbol.asyncDispose]() {
      await leases.close()
      await sql.end({ timeout: 5 })
    },
  })
  return { sql, leases }
}

async function twoWorkers() {
  const database = await createDatabase()
  opened.push(database)
  return { one: await worker(database, 'first, process 1'), two: await worker(database, 'second, process 2'), database }
}

const busy = expect.objectContaining({ code: 'SYNC_BUSY', remedy: 'wait' }) as Error
const lost = expect.objectContaining({ code: 'SYNC_LEASE_LOST' }) as Error

it('goes to exactly one of several takers at once, and the others learn its holder', async () => {
  const { one, two } = await twoWorkers()
  const taken = await Promise.allSettled(
    Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? one : two).leases.acquire('projects')),
  )
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const refusals = taken.filter((each) => each.status === 'rejected').map(({ reason }) => reason as Error)
  expect(refusals).toEqual(Array(9).fill(busy))
  expect(refusals[0]!.message).toMatch(/(first, process 1|second, process 2) since \d{4}-/)
  await expect(two.leases.acquire('clients')).resolves.toMatchObject({ resource: 'clients' })
})

it('can be taken again once it is released, with a higher term', async () => {
  const { one, two } = await twoWorkers()
  const first = await one.leases.acquire('projects')
  await one.leases.release(first)
  const second = await two.leases.acquire('projects')
  expect(second.term).toBeGreaterThan(first.term)
  // Released late, it is not the other's to lose.
  await one.leases.release(first)
  await expect(one.leases.acquire('projects')).rejects.toEqual(busy)
})

it('is free at once when its holder is dead', async () => {
  const { one, two } = await twoWorkers()
  await one.leases.acquire('projects')
  await keepLeases(two.sql)
  await expect(two.leases.acquire('projects')).rejects.toEqual(busy)
  await one.leases.close()
  await until(() => two.leases.acquire('projects'), 'the lease of a process that is gone')
})

it('is free when another session has the pid of its holder', async () => {
  const { one, two } = await twoWorkers()
  await one.leases.acquire('projects')
  await keepLeases(two.sql)
  await reusePids(two.sql)
  await expect(two.leases.acquire('projects')).resolves.toMatchObject({ term: 2 })
})

it('is free at once when the connection of its holder was killed, and that holder can take others', async () => {
  const { one, two } = await twoWorkers()
  await one.leases.acquire('projects')
  await keepLeases(two.sql)
  await killLeaseholders(two.sql)
  await until(() => two.leases.acquire('projects'), 'the lease of a connection that is gone')
  // Its process may not have noticed yet: what calls this tries again, as `withLease` does.
  await expect(retried(() => one.leases.acquire('clients'))).resolves.toMatchObject({ term: 1 })
  await expect(two.leases.acquire('clients')).rejects.toEqual(busy)
})

it('stays with a holder that renews it after its connection was replaced', async () => {
  const { one, two } = await twoWorkers()
  const lease = await one.leases.acquire('projects')
  await killLeaseholders(two.sql)
  await until(() => one.leases.renew(lease), 'a renewal over a new connection')
  await expect(two.leases.acquire('projects')).rejects.toEqual(busy)
})

it('is taken again by the process that holds it unawares: a response or a release was lost', async () => {
  const { one, two } = await twoWorkers()
  await one.leases.release(await one.leases.acquire('projects'))
  await keepLeasesForAMinute(one.sql)
  await expect(two.leases.acquire('projects')).rejects.toEqual(busy)
  const taken = await Promise.allSettled([1, 2, 3].map(() => one.leases.acquire('projects')))
  expect(taken.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected'])
})

it('is lost when it has expired and another process took it: a renewal throws', async () => {
  const { one, two } = await twoWorkers()
  const lease = await one.leases.acquire('projects')
  await expireLeases(one.sql)
  expect(await one.leases.renew(lease)).toBe(true)
  await expect(two.leases.acquire('projects')).rejects.toEqual(busy)
  await expireLeases(one.sql)
  await two.leases.acquire('projects')
  expect(await one.leases.renew(lease)).toBe(false)
})

it('stops a late writer: nothing of its batch is written, neither rows nor checkpoint', async () => {
  const { one, two } = await twoWorkers()
  const resource = catalog.get('clients')!
  const batch = (id: string) => ({
    position: null,
    chains: [],
    pass: 1,
    steady: true,
    full: true,
    pages: [
      {
        number: 1,
        records: [{ type: 'clients', id }],
        unusable: [],
        broken: false,
        ids: [id],
        carriers: null,
        recordCount: 1,
        pageCount: 1,
        full: true,
        known: false,
        validator: { etag: null, digest: 'd' },
        isEtagWrong: false,
      },
    ],
  })
  const writer = async ({ leases }: { leases: Leases }) =>
    createRecordWriter({ resource, lease: await leases.acquire('clients'), mirror: createMirror(resource) })
  const write = (by: RecordWriter, id: string) =>
    writeBatch({ writer: by, resource, digest: 'q', pass: 1 }, batch(id), () => Promise.resolve())
  const pass = { startedAt: new Date(), request: null, pass: 1, chains: null, firstCount: null, pageSize: null }
  await leased(one.sql, (tx) => beginPass(tx, 'clients', pass, true))
  const snapshot = async () => ({
    ...(await readKnown(one.sql, 'clients')).snapshot,
    ...(await readPassEvidence(one.sql, 'clients', 1)),
  })
  const late = await writer(one)
  await expireLeases(one.sql)
  const now = await writer(two)
  await expect(write(late, 'late')).rejects.toEqual(lost)
  expect(await one.sql`select id from scopestack.clients`).toEqual([])
  for (const table of ['seen_pages', 'known_pages', 'changed_parents']) {
    expect(await one.sql`select from sync.${one.sql(table)}`, table).toHaveLength(0)
  }
  expect(await snapshot()).toMatchObject({ chains: null, steady: true, full: true, fresh: 0 })
  await write(now, 'now')
  expect(await one.sql`select id from scopestack.clients`).toEqual([{ id: 'now' }])
  expect(await snapshot()).toMatchObject({ chains: [], fresh: 1 })
})

it('makes a taker wait until a write under way has ended', async () => {
  const { one, two } = await twoWorkers()
  const lease = await one.leases.acquire('clients')
  await expireLeases(two.sql)
  let taken: Promise<unknown> | undefined
  await lease.transaction(async (tx) => {
    taken = two.leases.acquire('clients')
    await until(
      async () => (await one.sql`select from pg_stat_activity where wait_event_type = 'Lock'`).length > 0,
      'the taker to wait',
    )
    await tx`insert into scopestack.clients (id, sync_hash) values ('in time', '')`
  })
  await taken
  expect(await two.sql`select id from scopestack.clients`).toEqual([{ id: 'in time' }])
})

it('is not free for another role, which may not see when the session of its holder began', async () => {
  const database = await createDatabase()
  opened.push(database)
  const admin = openDatabase(database.url, { connections: 1 })
  const roles = ['one', 'two'].map((name) => `lease_${name}_${randomUUID().slice(0, 8)}`)
  opened.push({
    async [Symbol.asyncDispose]() {
      for (const role of roles) await admin.unsafe(`drop owned by ${role}; drop role ${role}`)
      await admin.end({ timeout: 5 })
    },
  })
  const workers: { leases: Leases }[] = []
  for (const role of roles) {
    await admin.unsafe(`create role ${role} login password 'of a test'; grant usage on schema sync to ${role};
      grant select, insert, update on sync.leases to ${role}`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'of a test'
    workers.push(await worker({ ...database, url: url.href }, role))
  }
  const [one, two] = workers
  const lease = await one!.leases.acquire('projects')
  await expect(two!.leases.acquire('projects')).rejects.toEqual(busy)
  expect(await one!.leases.renew(lease)).toBe(true)
  await one!.leases.close()
  await until(() => two!.leases.acquire('projects'), 'the lease of a process that is gone')
})

it('stays released, whichever of a renewal and the release comes first', async () => {
  const { one, two } = await twoWorkers()
  const lease = await one.leases.acquire('projects')
  await one.leases.release(lease)
  expect(await one.leases.renew(lease)).toBe(false)
  const again = await two.leases.acquire('projects')
  // The row is held, so that the renewal waits behind the release.
  let release: Promise<void> | undefined
  let renewal: Promise<boolean> | undefined
  const waiting = async () =>
    (
      await one.sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    ).length
  await one.sql.begin(async (tx) => {
    await lockLeases(tx)
    release = two.leases.release(again)
    await until(async () => (await waiting()) === 1, 'the release to wait')
    renewal = two.leases.renew(again)
    await until(async () => (await waiting()) === 2, 'the renewal to wait')
  })
  await release
  expect(await renewal).toBe(false)
  await expect(one.leases.acquire('projects')).resolves.toMatchObject({ resource: 'projects' })
})

it('limits, in the transaction that writes, how long the server waits for its writer', async () => {
  const { one } = await twoWorkers()
  const lease = await one.leases.acquire('clients')
  const limit = await lease.transaction(
    (tx) => tx`select current_setting('idle_in_transaction_session_timeout') as limit`,
  )
  expect(limit).toEqual([{ limit: '1min' }])
})
