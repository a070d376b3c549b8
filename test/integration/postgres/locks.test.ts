/** Locks: what a start locks, which session waits for which, and whose locks no session waits for. */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { expect, it } from 'vitest'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { openQueues } from '../../../src/jobs/queues.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openPresence } from '../../../src/store/fleet/presence.ts'
import { listenForChanges } from '../../../src/store/outbox/notify.ts'
import { raiseAlert } from '../../../src/store/runs/alerts.ts'
import { changeTables } from '../../../src/store/schema/ddl.ts'
import { isMigrated, migrate } from '../../../src/store/schema/migrate.ts'
import { createDatabase, createEmptyDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'

async function open(make: typeof createDatabase) {
  const database = await make()
  onTestFinished(() => database[Symbol.asyncDispose]())
  return { url: database.url, admin: rival(database.url) }
}

const rival = (url: string, settings: Record<string, string> = {}) => {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: settings })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}

/** Until the test says so. */
async function held(sql: postgres.Sql, act: (tx: postgres.TransactionSql) => Promise<unknown>) {
  const gate = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<void>()
  const over = sql.begin(async (tx) => {
    await act(tx)
    ready.resolve()
    await gate.promise
  })
  over.catch(ready.reject)
  await ready.promise
  return async () => {
    gate.resolve()
    await over
  }
}

it('a start on a database of this version waits for no other session, and no other session for it', async () => {
  const { url, admin } = await open(createDatabase)
  await migrateQueue(url)
  const tables = await admin<{ name: string }[]>`
    select format('%I.%I', relnamespace::regnamespace, relname) as name from pg_class
    where relkind = 'r' and relnamespace::regnamespace::text in ('scopestack', 'sync', 'bullmq')`
  expect(tables.length).toBeGreaterThan(60)
  // It leaves nothing to others but to read.
  const release = await held(admin, (tx) =>
    tx.unsafe(`lock table ${tables.map(({ name }) => name).join(', ')} in exclusive mode`),
  )
  const waits: SyncError[] = []
  const waiting = { onWait: (error: SyncError) => void waits.push(error) }
  await migrate(url, waiting)
  await migrateQueue(url, waiting)
  expect(waits).toEqual([])
  await release()
})

it('an upgrade that a report blocks reports it, and readers go on meanwhile', async () => {
  const { url, admin } = await open(createDatabase)
  // As a version that knew less of these left them.
  await admin`update sync.captured set columns = '[]' where type in ('clients', 'projects')`
  await admin`comment on table scopestack.clients is 'of an older version'`
  const release = await held(
    rival(url, { application_name: 'yearly report' }),
    (tx) => tx`select from scopestack.clients`,
  )
  const waits: string[] = []
  let over = false
  const upgrade = migrate(url, { onWait: ({ message }) => void waits.push(message) }).then(() => (over = true))
  await until(() => waits.length > 0, 'the upgrade to say what it waits for')
  expect(waits[0]).toMatch(/yearly report \(pid \d+, since .*\), which has locks on .*scopestack\.clients/)
  // One that would queue behind it for as long as the report is open would be waited for for ever.
  const reader = rival(url)
  for (let times = 0; times < 20; times++) await reader`select count(*) from scopestack.clients`
  expect(over).toBe(false)
  expect(waits).toHaveLength(1)
  await release()
  await upgrade
  const [left] = await admin`
    select (select count(*)::int from sync.captured where columns = '[]' and writes <> '{}') as captured,
      obj_description('scopestack.clients'::regclass) as comment`
  expect(left).toMatchObject({ captured: 0, comment: expect.not.stringContaining('older') as string })
})

it('an upgrade releases its tables while it waits for another one', async () => {
  const { url, admin } = await open(createDatabase)
  const release = await held(rival(url), (tx) => tx`select from scopestack.projects`)
  const stop = new AbortController()
  const sql = openDatabase(url, { connections: 1 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  let tries = 0
  const upgrade = changeTables(
    sql,
    async (_, run) => {
      tries++
      await run('alter table scopestack.clients add column of_a_test text')
      await run('alter table scopestack.projects add column of_a_test text')
    },
    { signal: stop.signal },
  )
  upgrade.catch(() => {})
  await until(() => tries > 1, 'a second try')
  await admin`select from scopestack.clients`
  stop.abort()
  await expect(upgrade).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  expect(await admin`select from pg_attribute where attname = 'of_a_test'`).toHaveLength(0)
  await release()
})

it('advisory locks of a role that may only connect stop nothing', async () => {
  const { url, admin } = await open(createEmptyDatabase)
  const role = `outsider_${randomUUID().slice(0, 8)}`
  await admin.unsafe(`create role ${role} login password 'secret'`)
  const address = new URL(url)
  address.username = role
  address.password = 'secret'
  const outsider = rival(address.href)
  // The keys of migrations, of alerts and of BullMQ's migrations.
  await outsider`select pg_advisory_lock(1935896432), pg_advisory_lock(1112493644, hashtext('bullmq')),
    pg_advisory_lock(hashtextextended('scopestack-sync alert full', 0))`
  await migrate(url)
  await migrateQueue(url)
  const sql = openDatabase(url, { connections: 2 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  expect(await isMigrated(sql)).toBe(true)
  expect(await sql`select to_regclass('bullmq.job') is not null as made`).toEqual([{ made: true }])
  const alert = { subject: 'full', kind: 'failure', fingerprint: 'one', body: {} } as const
  // Two that see the same thing at once tell it once.
  const raised = await Promise.all([1, 2].map(() => sql.begin((tx) => raiseAlert(tx, alert))))
  expect(raised.filter((one) => one)).toHaveLength(1)
  // Whatever the queue would lock by a number.
  const keys = ['dedup:push:push', 'jidseq:push', 'jidseq:sync', 'parent:sync:run-1'].map((key) => `bullmq:${key}`)
  await outsider`select pg_advisory_lock(hashtext(key)) from unnest(${keys}::text[]) as key`
  await outsider`select pg_advisory_lock(hashtext('bullmq:finalization'), hashtext(q)) from unnest('{sync,push}'::text[]) as q`
  const presence = openPresence(sql)
  const place = { databaseUrl: url, redisUrl: undefined, installation: 'test', presence }
  const queues = openQueues(place, { takeoverSeconds: 30, retryMs: 1 }, () => {})
  const done: string[] = []
  const workers = [
    queues.startWorker(async ({ name }) => void done.push(name), 2),
    queues.startPushWorker(async ({ name }) => void done.push(name)),
  ]
  for (const worker of workers) worker.run().catch(() => {})
  await Promise.all([queues.addRun(1, ['clients', 'tags']), queues.wakePush(), queues.wakePush()])
  await until(() => done.filter((name) => name === 'push').length > 0 && done.includes('close'), 'the jobs')
  expect(done.filter((name) => name !== 'push')).toEqual(['pull', 'pull', 'close'])
  await Promise.all(workers.map((worker) => worker.close()))
  await queues.close()
  await presence.close()
  await outsider.end()
  await admin.unsafe(`drop role ${role}`)
})

it('the locks of the functions of the queue exclude each other', async () => {
  const { url, admin } = await open(createDatabase)
  await migrateQueue(url)
  const other = rival(url, { lock_timeout: '50' })
  const shared = `select bullmq.lock_finalization_queues('sync', 'a')`
  const own = `select bullmq.pg_advisory_xact_lock(hashtext('bullmq:finalization'), hashtext('sync'))`
  const fresh = 'select bullmq.pg_advisory_xact_lock(7)'
  await admin.unsafe(shared)
  for (const [mine, its, outcome] of [
    [shared, shared, 'had'],
    [shared, own, '55P03'],
    [own, shared, '55P03'],
    [own, own, '55P03'],
    // A lock that is new is waited for where it is created, and created where that is rolled back.
    [own, fresh, 'had'],
    ['select bullmq.pg_advisory_xact_lock(8)', 'select bullmq.pg_advisory_xact_lock(8)', '55P03'],
  ] as const) {
    const release = await held(admin, (tx) => tx.unsafe(mine))
    const found = await other.unsafe(its).then(
      () => 'had',
      ({ code }: { code: string }) => code,
    )
    expect([mine, its, found]).toEqual([mine, its, outcome])
    await release()
  }
})

it('endless notifications of another role cause few calls, and the one of an edit is still noticed', async () => {
  const { url, admin } = await open(createDatabase)
  const sql = openDatabase(url, { connections: 2 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  let heard = 0
  const presence = openPresence(sql)
  await listenForChanges(presence, async () => void heard++)
  await until(() => heard === 1, 'the first call, which stands for what was said before')
  await admin.begin((tx) => tx`select pg_notify('scopestack_sync_outbox', i::text) from generate_series(1, 20000) i`)
  await until(() => heard > 1, 'a call for the flood')
  const before = heard
  await admin`select pg_notify('scopestack_sync_outbox', '')`
  await until(() => heard > before, 'a call for the edit')
  expect(heard).toBeLessThan(100)
  await presence.close()
})
