/** Postgres behind PgBouncer: session pooling works; any other mode is rejected before anything is written. */
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { pgbouncer, startPooler } from '../../support/postgres/pgbouncer.ts'
import { describeWith } from '../../support/process/installed.ts'
import { until } from '../../support/until.ts'
import { open } from '../support/setting.ts'
import { clientIds, ended, KINDS, openUnattended, runsOf } from '../support/unattended.ts'

describeWith(pgbouncer, 'there is no PgBouncer (Debian: pgbouncer)')('behind PgBouncer', () => {
  test.concurrent.each([
    ['transaction', ['changes discard 1', 'start']],
    ['statement', ['pull']],
  ])('pooling by %s is refused, with the remedy, and nothing is written', async (pool_mode, commands) => {
    await using pooler = await startPooler({ pool_mode, server_round_robin: pool_mode === 'statement' ? 1 : 0 })
    await using setting = await open({}, createEmptyDatabase())
    const { sql, run, databaseUrl } = setting
    const DATABASE_URL = pooler.through(databaseUrl)
    for (const command of commands) {
      const { code, stdout, stderr } = await run(command, { DATABASE_URL, HTTP_PORT: '0' })
      expect(code, command + stdout + stderr).toBe(78)
      expect(stderr, command).toMatch(
        /is a pooler that gives a session away .* Nothing was written\. Set DATABASE_DIRECT_URL/,
      )
      expect(stderr, command).toContain('(SYNC_POOLED)')
    }
    expect(setting.sim.stats().tokenRequests).toBe(0)
    expect(await sql`select from pg_namespace where nspname in ('scopestack', 'sync', 'bullmq')`).toHaveLength(0)
    // The next client of a pooled session finds no settings of this program in it.
    const next = postgres(DATABASE_URL, { max: 1, prepare: false, fetch_types: false })
    const settings = await next.unsafe(`select name from pg_settings where source = 'session'`)
    await next.end()
    expect(
      settings.map(({ name }) => String(name)).filter((name) => !/^(DateStyle|TimeZone|application_name)$/.test(name)),
    ).toEqual([])

    const direct = await run('pull', { DATABASE_URL, DATABASE_DIRECT_URL: databaseUrl, SYNC_RESOURCES: 'clients' })
    expect(direct.code, direct.stderr).toBe(0)
  })

  test.concurrent.each(KINDS)(
    'with session pooling a run ends, an edit is sent, and SIGTERM ends the process (%s)',
    async (kind) => {
      await using pooler = await startPooler({ pool_mode: 'session' })
      await using setting = await openUnattended(kind)
      const { sim, sql, databaseUrl } = setting
      const query = '?options=-c%20search_path%3Dpublic&application_name=pooled'
      const started = setting.start({ DATABASE_URL: pooler.through(databaseUrl) + query })
      const [run] = await ended(setting)
      expect(run!.outcome).toBe('ok')
      const { mirrored, remote } = await clientIds(setting)
      expect(mirrored).toEqual(remote)
      await sql`update scopestack.clients set name = 'Edited here' where id = ${remote[0]!}`
      await until(
        () => sim.records.list('clients').some(({ attributes }) => attributes['name'] === 'Edited here'),
        'the edit to arrive',
      )
      expect(
        await sql`select from pg_stat_activity where application_name = 'pooled' and datname = current_database()`,
      ).not.toEqual([])
      started.kill('SIGTERM')
      expect((await started.run).code).toBe(0)
    },
  )

  test.concurrent('a pool that is too small is rejected with a sentence, without waiting', async () => {
    await using pooler = await startPooler({ pool_mode: 'session', default_pool_size: 3 })
    await using setting = await openUnattended('postgres')
    const url = pooler.through(setting.databaseUrl)
    const { code, stderr } = await setting.run('pull', { DATABASE_URL: url })
    expect(code).toBe(1)
    expect(stderr).toMatch(/The pooler at .* opened 3 connections of the 7 that this process needs .* pool_size/)
    expect(stderr).toContain('(SYNC_CONNECTIONS)')
    expect(await runsOf(setting)).toEqual([])
  })

  test.concurrent('a pooler that allows too few clients is reported', async () => {
    await using pooler = await startPooler({ pool_mode: 'session', max_client_conn: 4 })
    await using setting = await open()
    const { code, stderr } = await setting.run('pull', { DATABASE_URL: pooler.through(setting.databaseUrl) })
    expect(code).toBe(1)
    expect(stderr).toMatch(/opened 4 connections of the 7 .*no more connections allowed/)
  })

  test.concurrent('a login that the pooler refuses is reported by log and /readyz, retried with pauses, and ended by SIGTERM', async () => {
    await using pooler = await startPooler({ pool_mode: 'session' })
    await using setting = await openUnattended('postgres')
    // Not a setting of the pooler, so the startup message decides.
    const refused = `${pooler.through(setting.databaseUrl)}?options=endpoint%3Dep-1`
    const started = setting.start({ DATABASE_URL: refused })
    const said = /unsupported startup parameter: options/
    await until(() => started.log().some(({ msg }) => said.test(String(msg))), 'the log to say so')
    const at = started.log().find(({ url }) => url !== undefined)!['url'] as string
    const answer = await fetch(`${at}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.text()).toMatch(said)
    started.kill('SIGTERM')
    const { code, stderr } = await started.run
    expect(code).toBe(0)
    expect(stderr.split('\n').filter((line) => said.test(line))).toHaveLength(1)
  })
})
