/** `doctor` on installations that are broken in one way each: the right line, its remedy, and the rest is checked all the same. */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { describe, expect, inject, test } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { pgbouncer, startPooler } from '../../support/postgres/pgbouncer.ts'
import { startPostgresPair } from '../../support/postgres/postgres-pair.ts'
import { describeWith } from '../../support/process/installed.ts'
import { QUEUE_KINDS } from '../../support/redis/queue-kinds.ts'
import { bindAccount, deleteTokens, readBoundAccount, readTokens } from '../../support/tables/fleet.ts'
import { parkAll } from '../../support/tables/outbox.ts'
import { insertParked } from '../../support/tables/progress.ts'
import { insertFailedRun, insertProcess, insertTick, installedAgo } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { examine, install } from './examine.ts'

const OF_DATABASE = ['database.version', 'database.encoding', 'drift', 'parked', 'edits', 'success', 'schema']
const OF_REMOTE = ['token', 'account', 'privileges']

describe('settings and ScopeStack', () => {
  test('wrong settings: each mistake is a line, and what does not need them is checked', async () => {
    const setting = await install()
    const report = await examine(setting, {
      SCOPESTACK_CLIENT_SECRET: undefined,
      SYNC_TIMEZONE: 'Mars/Phobos',
      SYNC_SHEDULE: 'off',
    })
    expect(report.bad).toEqual(['configuration'])
    expect(report.of('configuration').map(({ message }) => message.split(' ')[0])).toEqual([
      'SYNC_SHEDULE',
      'SCOPESTACK_CLIENT_SECRET',
      'SYNC_TIMEZONE',
    ])
    expect(report.with('skip')).toEqual(['clock.scopestack', ...OF_REMOTE, 'schedule'])
    expect(report.of('token')[0]!.message).toBe('SCOPESTACK_CLIENT_SECRET is missing or wrong.')

    const patterns = await examine(setting, { SYNC_SCHEDULE: '0 25 * * *', DATABASE_URL: 'mysql://x' })
    expect(patterns.of('configuration').map(({ code }) => code)).toEqual(['SYNC_CONFIG', 'SYNC_CONFIG'])
    expect(patterns.of('schedule')[0]).toMatchObject({ level: 'skip', message: 'The pattern of a schedule is wrong.' })
    expect(patterns.of('database')[0]).toMatchObject({ level: 'skip', message: 'DATABASE_URL is missing or wrong.' })
    expect(patterns.of('privileges')[0]!.level).toBe('ok')

    const production = await examine(setting, { NODE_ENV: 'production', DATABASE_URL: undefined })
    expect(production.of('database')[0]).toMatchObject({ level: 'skip' })
    const off = await examine(setting, { SYNC_SCHEDULE: 'off', SYNC_INCREMENTAL_SCHEDULE: 'off' })
    expect(off.bad).toEqual(['schedule'])
    expect(off.of('schedule')[0]!.remedy).toContain('Set SYNC_SCHEDULE')
  })

  test('wrong credentials, another account, a forbidden resource, and a ScopeStack that is away', async () => {
    const setting = await install(['clients', 'tags', 'surveys'])
    const { sim, sql } = setting
    const secret = await examine(setting, { SCOPESTACK_CLIENT_SECRET: 'mistyped-secret' })
    expect(secret.bad).toEqual(['token'])
    expect(secret.of('token')[0]).toMatchObject({ level: 'fail', code: 'SYNC_CREDENTIALS_REFUSED' })
    expect(secret.of('token')[0]!.message).toContain('Check SCOPESTACK_CLIENT_ID and SCOPESTACK_CLIENT_SECRET')
    expect(secret.with('skip')).toEqual(['account', 'privileges'])
    // The refusal has a date.
    expect(secret.of('clock.scopestack')[0]!.level).toBe('ok')

    sim.setSwitches({ forbidden: ['surveys'] })
    const forbidden = await examine(setting, { SYNC_RESOURCES: 'clients,tags,surveys' })
    expect(forbidden.bad).toEqual(['privileges'])
    expect(
      forbidden.of('privileges').map(({ level, facts }) => [level, facts['readable'] ?? facts['resources']]),
    ).toEqual([
      ['ok', 2],
      ['warn', ['surveys']],
    ])
    expect(forbidden.of('privileges')[1]).toMatchObject({ code: 'SYNC_FORBIDDEN' })
    expect(forbidden.of('privileges')[1]!.remedy).toContain('"view" privilege')

    const fault = sim.addFault({ kind: '403', match: { path: '/v1/me' }, count: 'always' })
    const unknown = await examine(setting)
    expect(unknown.bad).toEqual(['account'])
    expect(unknown.of('account')[0]).toMatchObject({ level: 'fail', code: 'SYNC_FORBIDDEN' })
    // It cannot be left out, as a resource can.
    expect(unknown.of('account')[0]!.remedy).not.toContain('SYNC_RESOURCES')
    sim.removeFault(fault.id)

    await bindAccount(sql, '7', 'other')
    const account = await examine(setting)
    expect(account.bad).toEqual(['account'])
    expect(account.of('account')[0]).toMatchObject({ level: 'fail', code: 'SYNC_WRONG_ACCOUNT' })
    expect(account.of('account')[0]!.message).toContain(
      'mirrors account other (7), and the credentials are of demo (1001)',
    )
    // It binds nothing.
    expect(await readBoundAccount(sql, ['accountId'])).toEqual([{ accountId: '7' }])
    await bindAccount(sql, '1001', 'demo')

    await deleteTokens(sql)
    const away = await examine(setting, {
      SCOPESTACK_API_URL: 'http://127.0.0.1:1',
      SCOPESTACK_AUTH_URL: 'http://127.0.0.1:1',
    })
    expect(away.bad).toEqual(['token'])
    expect(away.of('token')[0]).toMatchObject({ code: 'SYNC_TOKEN_FAILED' })
    expect(away.with('skip')).toEqual(['clock.scopestack', 'account', 'privileges'])
    for (const check of OF_DATABASE) expect(away.of(check)[0]!.level, check).toBe('ok')
    // A live "start" may ask for a token at once.
    expect(
      (await readTokens(sql, ['coolDown'])).filter(({ coolDown }) => coolDown !== null && coolDown > 0),
    ).toHaveLength(0)
  })
})

describe('the database', () => {
  test('away: one line fails, and settings and ScopeStack are checked', async () => {
    const setting = await install([])
    const report = await examine(setting, { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d' })
    expect(report.bad).toEqual(['database'])
    expect(report.of('database')[0]).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNREACHABLE' })
    for (const check of OF_DATABASE) expect(report.of(check)[0]!.level, check).toBe('skip')
    for (const check of ['configuration', ...OF_REMOTE, 'schedule'])
      expect(report.of(check)[0]!.level, check).toBe('ok')
    expect(report.of('token')[0]!.facts).toMatchObject({ shared: false })
  })

  test('empty, of a wrong encoding, of another program, or with too few rights', async () => {
    const setting = await install([], createEmptyDatabase())
    const { sql, databaseUrl } = setting
    const empty = await examine(setting)
    expect(empty.bad).toEqual(['schema'])
    expect(empty.of('schema')[0]!.remedy).toContain('Run "migrate"')
    expect(await sql`select from pg_namespace where nspname in ('sync', 'scopestack', 'bullmq')`).toHaveLength(0)

    await sql.unsafe('create schema sync; create table sync.theirs ()')
    const foreign = await examine(setting)
    expect(foreign.of('schema')[0]).toMatchObject({ level: 'fail' })
    expect(foreign.of('schema')[0]!.message).toContain('(SYNC_SCHEMA_FOREIGN)')
    await sql.unsafe('drop schema sync cascade')

    const name = `latin_${randomUUID().slice(0, 8)}`
    const role = `few_${randomUUID().slice(0, 8)}`
    const admin = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
    try {
      await admin.unsafe(`create database ${name} template template0 encoding 'LATIN1' locale 'C'`)
      const latin = await examine(setting, {
        DATABASE_URL: Object.assign(new URL(databaseUrl), { pathname: name }).href,
      })
      expect(latin.bad).toEqual(['database.encoding', 'schema'])
      expect(latin.of('database.encoding')[0]).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNFIT' })
      expect(latin.of('database.encoding')[0]!.remedy).toContain("encoding 'UTF8'")

      await admin.unsafe(`create role ${role} login password 'few'`)
      const url = Object.assign(new URL(databaseUrl), { username: role, password: 'few' }).href
      const creates = await examine(setting, { DATABASE_URL: url })
      expect(creates.of('database.rights')[0]).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_REFUSED' })
      expect(creates.of('database.rights')[0]!.remedy).toContain('grant create on database')

      await migrate(databaseUrl)
      await migrateQueue(databaseUrl)
      const reads = await examine(setting, { DATABASE_URL: url })
      expect(reads.of('database.rights')[0]).toMatchObject({ level: 'fail' })
      expect(reads.of('database.rights')[0]!.remedy).toContain(`grant usage on schema`)
      expect(reads.of('privileges')[0]!.level).toBe('ok')
      await sql.unsafe(`
        grant usage on schema scopestack, sync, bullmq to ${role};
        grant select, insert, update, delete on all tables in schema scopestack, sync, bullmq to ${role};
        grant usage on all sequences in schema scopestack, sync, bullmq to ${role};
        revoke update on scopestack.tags from ${role}`)
      const table = await examine(setting, { DATABASE_URL: url })
      expect(table.of('database.rights')[0]).toMatchObject({ level: 'fail', code: 'SYNC_TABLE_UNFIT' })
      expect(table.of('database.rights')[0]!.message).toContain('grant update on scopestack.tags to')

      await admin.unsafe(`alter role ${role} connection limit 2`)
      const few = await examine(setting, { DATABASE_URL: url })
      expect(few.of('database.connections')[0]).toMatchObject({ level: 'fail', code: 'SYNC_CONNECTIONS' })
      await admin.unsafe(`alter role ${role} connection limit 0`)
      const full = await examine(setting, { DATABASE_URL: url })
      expect(full.of('database')[0]).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNREACHABLE' })
      expect(full.of('database')[0]!.message).toContain('has no connection left')
    } finally {
      await sql.unsafe(`drop owned by ${role}`).catch(() => {})
      await admin.unsafe(`drop role if exists ${role}`)
      await admin.unsafe(`drop database if exists ${name} with (force)`)
      await admin.end()
    }
  })

  test('a standby, a primary that has one, a primary whose commits wait for another one, and a read-only one', async () => {
    await using pair = await startPostgresPair()
    const setting = await install([])
    const has = () =>
      pair.standby.sql`select 1`.then(
        () => true,
        () => false,
      )
    await until(has, 'the standby to have the database')
    const standby = await examine(setting, { DATABASE_URL: pair.standby.url })
    expect(standby.of('database.replication')[0]).toMatchObject({ level: 'fail', code: 'SYNC_DATABASE_UNFIT' })
    expect(standby.of('database.replication')[0]!.remedy).toContain('Name the primary in DATABASE_URL')
    expect(standby.of('privileges')[0]!.level).toBe('ok')
    const primary = await examine(setting, { DATABASE_URL: pair.primary.url })
    expect(primary.of('database.replication')[0]).toMatchObject({ level: 'ok', facts: { standbys: 1 } })
    const { sql } = pair.primary
    await sql.unsafe(`alter system set synchronous_standby_names = 'elsewhere'`)
    await sql`select pg_reload_conf()`
    const isSet = async () =>
      (await sql`select where current_setting('synchronous_standby_names') = 'elsewhere'`).length > 0
    await until(isSet, 'the setting to be read')
    const waits = await examine(setting, { DATABASE_URL: pair.primary.url })
    expect(waits.of('database.replication')[0]).toMatchObject({ level: 'fail', facts: { synchronousStandbys: 0 } })
    expect(waits.of('database.replication')[0]!.remedy).toContain('alter system reset synchronous_standby_names')
    await sql.unsafe('alter system reset synchronous_standby_names')
    await pair.primary.makeReadOnly()
    const readOnly = await examine(setting, { DATABASE_URL: pair.primary.url })
    expect(readOnly.of('database.replication')[0]!.message).toContain('default_transaction_read_only is on')
    const plain = await install([])
    const byAddress = await examine(plain, {
      DATABASE_URL: `${plain.databaseUrl}?options=-c%20default_transaction_read_only%3Don`,
    })
    expect(byAddress.of('database.replication')[0]).toMatchObject({
      level: 'fail',
      remedy: expect.stringContaining('Take it out of DATABASE_URL') as string,
    })
  })

  test('a schema that is older, or newer, than the program', async () => {
    const setting = await install()
    const { sql } = setting
    await sql`insert into sync.__drizzle_migrations (hash, created_at) values ('x', 4102444800000)`
    const newer = await examine(setting)
    expect(newer.bad).toEqual(['schema'])
    expect(newer.of('schema')[0]!.message).toContain('A newer version has migrated this database (2100-01-01)')
    await sql`delete from sync.__drizzle_migrations where id >= (select max(id) - 1 from sync.__drizzle_migrations)`
    const older = await examine(setting)
    expect(older.bad).toEqual(['schema'])
    expect(older.of('schema')[0]!.remedy).toContain('Run "migrate"')
    expect(older.of('drift')[0]).toMatchObject({ level: 'skip', message: 'The schema is of an older version.' })
    expect(older.of('account')[0]).toMatchObject({ level: 'ok', facts: { bound: true } })
  })

  test('what the books say: silence, failures, parked records and edits, lost edits, other versions', async () => {
    const setting = await install()
    const { sql } = setting
    await insertParked(sql, { reason: 'why' })
    await sql`update scopestack.clients set name = 'Edited' where id = (select min(id) from scopestack.clients)`
    await parkAll(sql, { code: 'SYNC_PUSH_CONFLICT' })
    await installedAgo(sql, '9 days')
    await insertTick(sql, '-9 days')
    await insertFailedRun(sql, 'It ended (SYNC_REMOTE_FAILED)')
    await insertProcess(sql, '0.0.9')
    await sql.unsafe('alter table scopestack.tags disable trigger user')
    const report = await examine(setting)
    expect(report.bad).toEqual(['edits', 'parked', 'processes', 'success'])
    expect(report.of('parked')[0]).toMatchObject({ level: 'warn', code: 'SYNC_RECORDS_PARKED', facts: { records: 1 } })
    expect(report.of('edits').map(({ level, code }) => [level, code])).toEqual([
      ['warn', 'SYNC_CHANGES_PARKED'],
      ['fail', 'SYNC_EDITS_LOST'],
    ])
    expect(report.of('processes')[0]).toMatchObject({ level: 'warn', facts: { versions: ['0.0.9'] } })
    const success = report.of('success').map(({ level, message }) => [level, message])
    expect(success).toContainEqual(['fail', expect.stringContaining('No full run has ended well for two intervals')])
    expect(success).toContainEqual(['warn', expect.stringContaining('It ended (SYNC_REMOTE_FAILED)')])
    expect(success).toContainEqual(['warn', expect.stringContaining('is overdue')])
  })
})

describe('what is in between', () => {
  describeWith(pgbouncer, 'there is no PgBouncer (Debian: pgbouncer)')('PgBouncer', () => {
    test('a pooler in transaction mode fails one line, with the remedy, and one in session mode none', async () => {
      const setting = await install()
      await using pooler = await startPooler({ pool_mode: 'transaction' })
      const report = await examine(setting, { DATABASE_URL: pooler.through(setting.databaseUrl) })
      expect(report.bad).toEqual(['database.pooler'])
      expect(report.of('database.pooler')[0]).toMatchObject({ level: 'fail', code: 'SYNC_POOLED' })
      expect(report.of('database.pooler')[0]!.remedy).toContain('DATABASE_DIRECT_URL')
      for (const check of OF_DATABASE) expect(report.of(check)[0]!.level, check).toBe('skip')
      await using good = await startPooler({ pool_mode: 'session' })
      const session = await examine(setting, { DATABASE_URL: good.through(setting.databaseUrl) })
      expect(session.bad).toEqual([])
      expect(session.of('database.pooler')[0]!.facts).toEqual({ kind: 'session pooler' })
    })
  })

  test('with a Redis all is well, and token and rate limit are shared there', async () => {
    const setting = await install()
    await using queue = await QUEUE_KINDS.redis(setting.sql)
    await deleteTokens(setting.sql)
    const report = await examine(setting, { ...queue.env, SYNC_RATE: '50' })
    expect(report.bad).toEqual([])
    expect(report.of('queue')[0]!.facts).toEqual({ kind: 'redis' })
    expect(report.of('token')[0]!.facts).toMatchObject({ shared: true })
    expect((await readTokens(setting.sql, ['sealed'])).filter(({ sealed }) => sealed !== null)).toHaveLength(0)
  })

  test('Redis is gone', async () => {
    const setting = await install()
    const report = await examine(setting, { REDIS_URL: 'redis://:redis-password@127.0.0.1:1' })
    expect(report.bad).toEqual(['queue'])
    expect(report.of('queue')[0]).toMatchObject({ level: 'fail', code: 'SYNC_REDIS_UNREACHABLE' })
    expect(report.of('token')[0]!.facts).toMatchObject({ shared: false })
    for (const check of OF_DATABASE) expect(report.of(check)[0]!.level, check).toBe('ok')
  })
})
