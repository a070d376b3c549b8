/** Connections whose other end is gone without a word, and servers that changed their role under open connections. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { expect, it, vi } from 'vitest'
import { isConnectionLoss, openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { waitForProbes } from '../../../src/store/connection/server-probe.ts'
import { checkEvery, unsentBytes } from '../../../src/store/connection/watch.ts'
import { CERTIFICATE, PRIVATE_KEY } from '../../support/network/certificate.ts'
import { startWireRelay, type WireRelay } from '../../support/network/wire-relay.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { retried } from '../../support/postgres/retried.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { insertLease, readLeases, setTerm } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'

/** A quarter of the product's second. Each test waits for up to 30 checks, one of them for three probes. */
const CHECK_MS = 250
checkEvery(CHECK_MS)
waitForProbes(2)

vi.setConfig({ testTimeout: 240_000 })

async function open(): Promise<{ sql: Database; admin: Database; relay: WireRelay }> {
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const relay = await startWireRelay(database.url)
  onTestFinished(() => relay[Symbol.asyncDispose]())
  return { relay, sql: openFor(relay.url), admin: openFor(database.url) }
}

function openFor(url: string): Database {
  const sql = openDatabase(url, { connections: 3 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}

const lossOf = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    (error: unknown) => isConnectionLoss(error),
  )

it.concurrent('a statement whose connection a firewall forgot ends as a lost connection, and the next one succeeds', async () => {
  const { sql, relay } = await open()
  await sql`select 1`
  relay.freeze('old')
  expect(await lossOf(sql`select 2`)).toBe(true)
  expect(await sql`select 3 as n`).toEqual([{ n: 3 }])
})

it.concurrent('a statement whose server is unreachable ends as a lost connection, and work continues when the network is back', async () => {
  const { sql, relay } = await open()
  await sql`select 1`
  relay.freeze()
  expect(await lossOf(sql`select 2`)).toBe(true)
  relay.thaw()
  expect(await retried(() => sql`select 3 as n`)).toEqual([{ n: 3 }])
})

it.concurrent('idle dead connections are found before a statement needs them', async () => {
  const { sql, relay } = await open()
  await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`])
  relay.freeze('old')
  // Those three, and a probe's if it is under way.
  expect(relay.count().frozen).toBeGreaterThanOrEqual(3)
  await until(() => relay.count().frozen === 0, 'frozen connections to be given up')
  // The driver may not have heard of it yet.
  expect(await retried(() => sql`select 1 as n`)).toEqual([{ n: 1 }])
})

it.concurrent('the transaction of a lost connection does not keep its locks', async () => {
  const { sql, admin, relay } = await open()
  await insertLease(admin, 'clients', 1, 'now')
  const lost = lossOf(
    sql.begin(async (tx) => {
      await setTerm(tx, 2)
      relay.freeze('old')
      await tx`select 1`
    }),
  )
  expect(await lost).toBe(true)
  await setTerm(sql, 3)
  expect(await readLeases(admin, ['term'])).toEqual([{ term: 3 }])
})

it.concurrent('slow work is waited for: a statement, and a COPY with a slow source', async () => {
  const { sql } = await open()
  const began = performance.now()
  const slow = sql`select pg_sleep(${(26 * CHECK_MS) / 1000}) is null as n`
  await sql.begin(async (tx) => {
    const stream = await tx`copy sync.leases (resource, term, holder, expires_at) from stdin`.writable()
    stream.write('a\t1\tme\tnow\n')
    await slow
    stream.end('b\t1\tme\tnow\n')
    await finished(stream)
  })
  expect(performance.now() - began).toBeGreaterThan(25 * CHECK_MS)
  expect(await readLeases(sql, [])).toHaveLength(2)
})

it.concurrent('data that takes long to reach the server is waited for', async () => {
  const { sql, relay } = await open()
  await sql`select 1`
  relay.narrow(4_000_000)
  const began = performance.now()
  expect(await sql`select length(${'x'.repeat(20_000_000)}) as n`).toEqual([{ n: 20_000_000 }])
  expect(performance.now() - began).toBeGreaterThan(15 * CHECK_MS)
})

it.concurrent('the number of bytes left to send falls with each one that leaves, with TLS and without', async () => {
  for (const tls of [false, true]) {
    const server = tls ? createTlsServer({ key: PRIVATE_KEY, cert: CERTIFICATE }) : createServer()
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const raw = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const client = tls ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw
    const [taking] = (await once(server, tls ? 'secureConnection' : 'connection')) as [Socket]
    let taken = 0
    client.write(Buffer.alloc(50_000_000))
    await until(() => unsentBytes(client) > 50_000_000, 'more than goes at once')
    const before = unsentBytes(client)
    taking.on('data', ({ length }) => (taken += length) > 20_000_000 && taking.pause())
    await until(() => unsentBytes(client) < before, 'some of it to leave')
    expect(client.writableLength).toBe(50_000_000)
    for (const one of [client, taking]) one.destroy()
  }
})
