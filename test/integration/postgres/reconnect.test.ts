/** The database goes away: for a statement, for a while, in the middle of everything. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator } from '../../../src/simulator/server.ts'
import { isConnectionLoss, openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { retried } from '../../support/postgres/retried.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { startWorker } from '../../support/scopestack/worker.ts'
import { readCheckpoints } from '../../support/tables/progress.ts'
import { until } from '../../support/until.ts'

async function open() {
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  return { database, admin: openFor(database.url, 1) }
}

function openFor(url: string, connections = 10): Database {
  const sql = openDatabase(url, { connections })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}

const killAll = (admin: Database) => admin`
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`

/** A gate in front of Postgres: a restart, without restarting the server of all the other tests. */
async function gateTo(url: string) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(Number(target.port || 5432), target.hostname)
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (inner.destroy(), outer.destroy(), sockets.delete(socket)))
    }
    inner.pipe(outer).pipe(inner)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(port)
  const shut = async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  onTestFinished(() => (server.listening ? shut() : undefined))
  return { url: through.href, shut, reopen: () => once(server.listen(port, '127.0.0.1'), 'listening') }
}

const lossOf = (error: unknown): boolean => isConnectionLoss(error)

it('ends a transaction with an error, not the process, wherever it was when its connection went', async () => {
  const { database, admin } = await open()
  const sql = openFor(database.url)
  const moments: Record<string, () => Promise<unknown>> = {
    'between two statements': () =>
      sql.begin(async (tx) => {
        const [me] = await tx`select pg_backend_pid() as pid`
        await killAll(admin)
        await until(
          async () => (await admin`select from pg_stat_activity where pid = ${me!['pid'] as number}`).length === 0,
          'its end',
        )
        await tx`select 1`
      }),
    'during a statement': () =>
      sql.begin(async (tx) => {
        const asleep = tx`select pg_sleep(600)`.execute()
        await until(
          async () =>
            (await admin`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)
              .length > 0,
          'its sleep',
        )
        await Promise.all([asleep, killAll(admin)])
      }),
    'during a COPY': () =>
      sql.begin(async (tx) => {
        const stream = await tx`copy sync.cursors (resource) from stdin`.writable()
        const ended = finished(stream)
        stream.write('a\n')
        await Promise.all([ended, killAll(admin)])
      }),
    'while another statement waits behind it': () =>
      sql.begin(async (tx) => {
        const both = Promise.all([tx`select pg_sleep(600)`, tx`select 2`])
        await until(
          async () =>
            (await admin`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)
              .length > 0,
          'its sleep',
        )
        await Promise.all([both, killAll(admin)])
      }),
  }
  for (const [moment, act] of Object.entries(moments)) {
    const error: unknown = await act().then(
      () => 'no error',
      (failure: unknown) => failure,
    )
    expect(lossOf(error), `${moment}: ${String(error)}`).toBe(true)
    // Each kill cost the pool connections; it opens others.
    const answers = await Promise.all(Array.from({ length: 20 }, () => retried(() => sql`select 1 as one`)))
    expect(answers.every(([row]) => row!['one'] === 1)).toBe(true)
  }
  expect(await readCheckpoints(admin, [])).toHaveLength(0)
})

it('finds the database again after any number of refused connections', async () => {
  const { database } = await open()
  const gate = await gateTo(database.url)
  const sql = openFor(gate.url)
  await sql`select 1`
  await gate.shut()
  for (let refusals = 0; refusals < 25; refusals++) {
    const error: unknown = await sql`select 1`.then(
      () => 'answered',
      (failure: unknown) => failure,
    )
    expect(lossOf(error), String(error)).toBe(true)
  }
  await gate.reopen()
  await until(async () => (await sql`select 1 as one`)[0]!['one'] === 1, 'an answer')
})

it.each([1, 2, 3])('pulls everything although its connections are killed repeatedly (%i)', async (every) => {
  const { database, admin } = await open()
  const sim = await startSimulator({ projects: 20 })
  onTestFinished(() => sim.close())
  const worker = await startWorker(sim, database.url, { pageSize: 50 })
  onTestFinished(() => worker[Symbol.asyncDispose]())
  const kills: Promise<unknown>[] = []
  let events = 0
  const { outcome, outcomes } = await worker.run(undefined, {
    onEvent: () => {
      if (++events % (every * 9) === 0) kills.push(killAll(admin))
    },
  })
  await Promise.all(kills)
  expect(kills.length).toBeGreaterThan(3)
  expect(outcomes.filter((one) => one.outcome !== 'ok')).toEqual([])
  expect(outcome).toBe('ok')
  for (const { type, table, read } of catalog.values()) {
    if (read.from !== 'list') continue
    const rows = await admin<{ id: string }[]>`
      select id from scopestack.${admin(table)} where sync_deleted_at is null order by id`
    expect(
      rows.map(({ id }) => id),
      type,
    ).toEqual(
      sim.records
        .list(type)
        .map(({ id }) => id)
        .toSorted(),
    )
  }
})

it('continues by itself when the database was gone for a while', async () => {
  const { database, admin } = await open()
  const gate = await gateTo(database.url)
  const sim = await startSimulator({ projects: 20 })
  onTestFinished(() => sim.close())
  const worker = await startWorker(sim, gate.url, { pageSize: 20 })
  onTestFinished(() => worker[Symbol.asyncDispose]())
  let outage: Promise<void> | undefined
  const { outcomes } = await worker.run(['projects', 'project-services', 'services', 'clients'], {
    onEvent: (event) => {
      // In the middle of a list: some of it is written, and not all.
      if (event.type === 'progress' && event.records > 0 && event.records < (event.total ?? 0))
        outage ??= gate.shut().then(async () => void (await gate.reopen()))
    },
  })
  await outage
  expect(outage).toBeDefined()
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok', 'ok'])
  const [held] = await admin`select count(*)::int as n from scopestack.project_services`
  expect(held).toEqual({ n: sim.records.list('project-services').length })
})
