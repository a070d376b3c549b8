/** A database that comes from a dump: by real pg_dump and pg_restore, whole, in parts, and with edits that were sent since. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPusher } from '../../../src/assemble/worker.ts'
import { catalog } from '../../../src/catalog/registry.ts'
import { planText } from '../../../src/commands/output/plan-output.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { describeLostEdits } from '../../../src/store/schema/capture-state.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { plan } from '../../../src/sync/push/plan.ts'
import type { TestDatabase } from '../../support/postgres/database.ts'
import { MAJORS, type Major } from '../../support/postgres/postgres-binaries.ts'
import { startPostgres } from '../../support/postgres/postgres-server.ts'
import { describeWith } from '../../support/process/installed.ts'
import { EQUAL, verify } from '../../support/scopestack/verified.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

const run = promisify(execFile)

/** The newest there is, of Debian's packages or on the path: it dumps from older servers as well, and no older one from newer. */
async function findTools(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const folders = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
  return [...folders, ...(process.env['PATH'] ?? '').split(':')].find((folder) =>
    existsSync(join(folder, 'pg_restore')),
  )
}

/** pg_dump takes its own version and older ones, so a server of its version is started, whatever the other tests run on. */
async function findMajor(folder: string): Promise<Major | undefined> {
  const { stdout } = await run(join(folder, 'pg_dump'), ['--version'])
  const version = Number(/ (\d+)/.exec(stdout)?.[1])
  return MAJORS.findLast((major) => Number(major) <= version)
}

const tools = await findTools()
const major = tools === undefined ? undefined : await findMajor(tools)
const server = major === undefined ? undefined : await startPostgres(major, { fsync: 'off' })

async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `restored_${randomUUID().slice(0, 8)}`
  const admin = openDatabase(server!.adminUrl, { connections: 1 })
  await admin.unsafe(`create database ${name} template template0`)
  await admin.end()
  // It goes with its server.
  return { url: server!.adminUrl.replace(/postgres$/, name), [Symbol.asyncDispose]: () => Promise.resolve() }
}

let source: TestDatabase
let sql: Database
let sim: Simulator
let worker: TestWorker
let folder: string

beforeAll(async () => {
  if (server === undefined) return
  source = await createEmptyDatabase()
  await migrate(source.url)
  sql = openDatabase(source.url)
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-dump-'))
  sim = await startSimulator({ projects: 3 })
  await migrate(source.url, { history: new Set(['projects']) })
  worker = await startWorker(sim, source.url)
  await worker.run()
  await sql`update scopestack.clients set domain = 'waits.test' where id = ${first()}`
  await sql`insert into scopestack.vendors (name, city) values ('Sent since', 'Here')`
  await sql`insert into scopestack.vendors (name, city) values ('Not sent', 'Here')`
  for (const [name, ...options] of DUMPS) await dump(`${name!}.dump`, ...options)
})

afterAll(async () => {
  if (server === undefined) return
  await worker[Symbol.asyncDispose]()
  await sim.close()
  await sql.end()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const DUMPS = [
  ['whole'],
  ['scopestack', '--schema=scopestack'],
  ['sync', '--schema=sync'],
  ['history', '--schema=scopestack_history'],
]
const first = (): string => sim.records.list('clients')[0]!.id
const dump = (name: string, ...options: string[]) =>
  run(join(tools!, 'pg_dump'), ['--format=custom', `--file=${join(folder, name)}`, ...options, source.url])
const restore = (into: TestDatabase, name: string, ...options: string[]) =>
  run(join(tools!, 'pg_restore'), [`--dbname=${into.url}`, ...options, join(folder, name)])

const held = async (url: string) => {
  const other = openDatabase(url, { connections: 1 })
  try {
    const rows = async (table: string, by = 'id') =>
      (await other.unsafe(`select t::text as row from ${table} t order by ${by}`)).map(({ row }) => row as string)
    return {
      clients: await rows('scopestack.clients'),
      users: await rows('scopestack.users'),
      fields: await rows('scopestack.user_defined_values', 'owner_type, owner_id, position'),
      changes: await rows('sync.outbox'),
      lost: await describeLostEdits(other, [...catalog.values()]),
    }
  } finally {
    await other.end()
  }
}

describeWith(server, 'there is no pg_dump (Debian: postgresql-client)')('a dump', () => {
  it.each<[string, (into: TestDatabase) => Promise<unknown>]>([
    ['is restored whole', (into) => restore(into, 'whole.dump', '--exit-on-error')],
    ['without owners and rights', (into) => restore(into, 'whole.dump', '--exit-on-error', '--no-owner', '--no-acl')],
    [
      'its structure first and its data then',
      async (into) => {
        await restore(into, 'whole.dump', '--exit-on-error', '--schema-only')
        await restore(into, 'whole.dump', '--exit-on-error', '--data-only')
      },
    ],
    [
      'its data with triggers switched off',
      async (into) => {
        await restore(into, 'whole.dump', '--exit-on-error', '--schema-only')
        await restore(into, 'whole.dump', '--exit-on-error', '--data-only', '--disable-triggers')
      },
    ],
    [
      'of two schemas, one after the other',
      async (into) => {
        await restore(into, 'sync.dump', '--exit-on-error')
        await restore(into, 'scopestack.dump', '--exit-on-error')
      },
    ],
    [
      'of three schemas, one after the other',
      async (into) => {
        await restore(into, 'sync.dump', '--exit-on-error')
        await restore(into, 'scopestack.dump', '--exit-on-error')
        await restore(into, 'history.dump', '--exit-on-error')
      },
    ],
  ])('%s', async (_, act) => {
    await using into = await createEmptyDatabase()
    await act(into)
    expect(await held(into.url)).toEqual({ ...(await held(source.url)), lost: null })
    expect(await migrate(into.url)).toMatchObject({ faults: [] })
  })

  it('of two schemas, without the history, has one that begins anew', async () => {
    await using into = await createEmptyDatabase()
    await restore(into, 'sync.dump', '--exit-on-error')
    await restore(into, 'scopestack.dump', '--exit-on-error')
    await migrate(into.url, { history: new Set(['projects']) })
    const other = openDatabase(into.url, { connections: 1 })
    const versions = () =>
      other`select cause, valid_to is null as stands from scopestack_history.projects where id = ${project} order by valid_from`
    const [{ id: project }] = (await other`select id from scopestack.projects order by id limit 1`) as unknown as [
      { id: string },
    ]
    expect(await versions()).toEqual([{ cause: 'first', stands: true }])
    await other`update scopestack.projects set project_name = 'Named anew' where id = ${project}`
    expect(await versions()).toEqual([
      { cause: 'first', stands: false },
      { cause: 'edit', stands: true },
    ])
    expect(await other`select sum(projects)::int as projects from scopestack.report_pipeline_history`).toEqual([
      { projects: 3 },
    ])
    await other.end()
  })

  it.each([
    ['scopestack', 'SYNC_SCHEMA_FOREIGN', /a copy of our own tables is restored together with schema sync/],
    ['sync', 'SYNC_TABLE_UNFIT', /Schema scopestack is not there.*Restore it from the backup/],
  ])('of schema %s alone is reported as incomplete', async (schema, code, says) => {
    await using into = await createEmptyDatabase()
    await restore(into, `${schema}.dump`).catch(() => undefined)
    await expect(migrate(into.url)).rejects.toMatchObject({ code, message: expect.stringMatching(says) })
  })

  it('is read and compared like the first one, and its plan shows what was sent since', async () => {
    await worker.push()
    sim.records.remove(
      'vendors',
      sim.records.list('vendors').find(({ attributes }) => attributes['name'] === 'Not sent')!.id,
    )
    await using into = await createEmptyDatabase()
    await restore(into, 'whole.dump', '--exit-on-error')
    await using restored = await startWorker(sim, into.url)
    await restored.run(['clients', 'vendors'])
    expect(await verify(restored, 'clients')).toMatchObject(EQUAL)
    const pusher = openPusher(restored, { conflict: undefined, concurrency: 2 } as never)
    const { planned } = await plan(pusher, new AbortController().signal)
    const there = sim.records.list('vendors').find(({ attributes }) => attributes['name'] === 'Sent since')!.id
    expect(planned.map(({ change, action, existing }) => [change.op, action, existing])).toEqual([
      ['update', 'nothing', undefined],
      ['create', 'exists', [{ id: there, same: true }]],
      ['create', 'send', undefined],
    ])
    const text = planText(planned, { catalog, wide: true }).join('\n')
    expect(text).toMatch(/^PATCH \S+ {2}is true in ScopeStack already: nothing is sent$/m)
    expect(text).toContain(`exists already as ${there}, with all these values`)
  })
})
