/**
 * docs/deployment.md, "Connections": with the stated number everything works, with one fewer the start reports it. And what is left of all
 * that while nothing happens.
 */
import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { createEmptyDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { readStates } from '../../support/tables/outbox.ts'
import { readNewestHeartbeat } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { clientIds, ended, openUnattended, runsOf } from '../support/unattended.ts'

const STATED = { postgres: 9, redis: 7 } as const
/** At rest, the visit that comes every ten seconds among them. */
const AT_REST = { postgres: 6, redis: 4 } as const
/**
 * How often a table may be read in so many seconds. At rest it is once or twice in half a minute, and 18 times those of the jobs, by two
 * workers; where each thing is looked for every few seconds, 15 times and more, and 85. (The transactions of the database say
 * less: of 186 in a minute most were of autovacuum.)
 */
const READS = {
  sync: (seconds: number) => 2 + seconds / 6,
  bullmq: (seconds: number) => 20 + seconds,
} as const
const OF_A_COMMAND = 7

/** An empty database, and the role that owns it, with a limit of connections. */
async function ownedBy(limit: number): Promise<TestDatabase & { allow(more: number): Promise<void> }> {
  const database = await createEmptyDatabase()
  const admin = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  const url = new URL(database.url)
  const name = url.pathname.slice(1)
  const role = `${name}_few`
  await admin.unsafe(
    `create role ${role} login password 'few' connection limit ${limit}; alter database ${name} owner to ${role}`,
  )
  Object.assign(url, { username: role, password: 'few' })
  return {
    url: url.href,
    allow: async (more) => void (await admin.unsafe(`alter role ${role} connection limit ${more}`)),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await admin.unsafe(`drop role ${role}`)
      await admin.end()
    },
  }
}

test.concurrent.each(['postgres', 'redis'] as const)('so many, and not one fewer (queue: %s)', async (kind) => {
  const database = await ownedBy(STATED[kind])
  await using setting = await openUnattended(kind, {}, Promise.resolve(database))
  const { sim, run, databaseUrl } = setting
  const admin = new URL(inject('adminUrl'))
  admin.pathname = new URL(databaseUrl).pathname
  // The program needs all connections of the role.
  await setting.sql.end()
  await using sql = Object.assign(postgres(admin.href, { max: 1 }), {
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  })
  const watched = { ...setting, sql }

  await database.allow(OF_A_COMMAND - 1)
  const few = await run('pull', { SYNC_RESOURCES: 'clients' })
  expect(few.code, few.stderr).toBe(78)
  expect(few.stderr).toMatch(
    /has 6 connections left, and this process needs 7: the CONNECTION LIMIT of the role allows 6/,
  )
  expect(few.stderr).toContain('(SYNC_CONNECTIONS)')
  const forMachines = await run('pull --json clients')
  expect(JSON.parse(forMachines.stdout)).toMatchObject({ type: 'error', code: 'SYNC_CONNECTIONS' })
  await database.allow(OF_A_COMMAND)
  const pull = await run('pull clients')
  expect(pull.code, pull.stderr).toBe(0)

  await database.allow(STATED[kind] - 1)
  const refused = await setting.start().run
  expect(refused.code, refused.stderr).toBe(78)
  expect(refused.stderr).toContain(`this process needs ${STATED[kind]}`)

  await database.allow(STATED[kind])
  const started = setting.start({ SYNC_RESOURCES: 'clients,tags,vendors,teams,products,services' })
  const before = (await runsOf(watched)).length
  const runs = await ended(watched, before + 1)
  expect(runs.at(-1)!.outcome).toBe('ok')
  const { mirrored, remote } = await clientIds(watched)
  expect(mirrored).toEqual(remote)
  await sql`update scopestack.clients set name = 'Edited ' || id`
  const edited = () =>
    sim.records.list('clients').filter(({ attributes }) => String(attributes['name']).startsWith('Edited '))
  await until(() => edited().length === remote.length, 'the edits to arrive')
  await until(async () => (await readStates(sql)).every((state) => state === 'sent'), 'the edits to be settled')
  await expectRest(sql, kind)
  started.kill('SIGTERM')
  const { code, stderr } = await started.run
  expect(code).toBe(0)
  expect(stderr).not.toMatch(/too many connections|53300/)
})

/** Counted from one heartbeat to the second behind it. */
async function expectRest(sql: postgres.Sql, kind: keyof typeof STATED): Promise<void> {
  // From another database, which holds none of the role's connections.
  const database = new URL(inject('adminUrl'))
  await using admin = Object.assign(postgres(database.href, { max: 1, onnotice: () => {} }), {
    [Symbol.asyncDispose]: () => admin.end({ timeout: 1 }),
  })
  const [{ name }] = (await sql<{ name: string }[]>`select current_database() as name`) as unknown as [{ name: string }]
  const connections = async (): Promise<number> =>
    (await admin`select from pg_stat_activity where datname = ${name} and usename = ${`${name}_few`}`).length
  await until(async () => (await connections()) <= AT_REST[kind], 'the connections of the peak to be closed')
  let most = 0
  const beats = async (count: number): Promise<void> => {
    const seen = new Set<string>()
    await until(async () => {
      most = Math.max(most, await connections())
      return seen.add(await readNewestHeartbeat(sql)).size > count
    }, `${count} heartbeats`)
  }
  await beats(1)
  const before = await readScans(sql)
  await beats(2)
  const after = await readScans(sql)
  const seconds = (after.at - before.at) / 1000
  const read = [...after.tables].map(([table, scans]) => ({ table, scans: scans - (before.tables.get(table) ?? 0) }))
  // It is read here, too, and what is read is counted.
  expect(read.find(({ table }) => table === 'sync.processes')!.scans).toBeGreaterThan(0)
  const tooOften = read.filter(({ table, scans }) => {
    const schema = table.split('.')[0]!
    return table !== 'sync.processes' && scans > (READS[schema as keyof typeof READS]?.(seconds) ?? 0)
  })
  expect(tooOften, `in ${seconds} s`).toEqual([])
  expect(most).toBeLessThanOrEqual(AT_REST[kind])
}

/** How often each table was read, with or without an index. */
async function readScans(sql: postgres.Sql): Promise<{ at: number; tables: Map<string, number> }> {
  const rows = await sql<{ name: string; scans: number; at: number }[]>`
    select schemaname || '.' || relname as name, (seq_scan + coalesce(idx_scan, 0))::int as scans,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as at
    from pg_stat_user_tables`
  return { at: rows[0]!.at, tables: new Map(rows.map((row) => [row.name, row.scans])) }
}
