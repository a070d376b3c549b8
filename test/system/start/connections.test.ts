/** docs/deployment.md, "Connections": with the stated number everything works, with one fewer the start reports it. */
import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { createEmptyDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'
import { clientIds, ended, openUnattended, runsOf } from '../support/unattended.ts'

const STATED = { postgres: 11, redis: 7 } as const
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
  started.kill('SIGTERM')
  const { code, stderr } = await started.run
  expect(code).toBe(0)
  expect(stderr).not.toMatch(/too many connections|53300/)
})
