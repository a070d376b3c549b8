/** The session of a process, by which it hears what others begin: nothing is looked at every few seconds any more. */
import { expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openPresence, type Presence } from '../../../src/store/fleet/presence.ts'
import { ALERTS_CHANNEL, raiseAlert } from '../../../src/store/runs/alerts.ts'
import { openRunNow } from '../../../src/store/runs/operator.ts'
import { decideTick, RUNS_CHANNEL } from '../../../src/store/runs/scheduled-runs.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'

async function open() {
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const sql = openDatabase(database.url, { connections: 2 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  const presence = openPresence(sql)
  onTestFinished(() => presence.close())
  return { sql, presence }
}

/** What is heard; `undefined` where something may have been missed. */
async function hearing(presence: Presence, channel: string): Promise<(string | undefined)[]> {
  const heard: (string | undefined)[] = []
  await presence.listen(channel, (payload) => heard.push(payload))
  await until(() => heard.length > 0, 'the session to listen')
  return heard
}

test('a session that was ended is replaced without anything being asked of it, says so, and hears on', async () => {
  const { sql, presence } = await open()
  const heard = await hearing(presence, 'of_a_test')
  const listening = async (): Promise<number[]> => {
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where query ilike 'listen%' and datname = current_database()`
    return rows.map(({ pid }) => pid)
  }
  for (let time = 1; time <= 2; time++) {
    const length = heard.length
    const [pid, ...others] = await listening()
    expect(others).toEqual([])
    await sql`select pg_terminate_backend(${pid!})`
    await until(() => heard.length > length, 'the session to be replaced')
    expect(heard.at(-1)).toBeUndefined()
    expect(await listening()).not.toContain(pid)
    await sql`select pg_notify('of_a_test', ${`time ${time}`})`
    await until(() => heard.at(-1) === `time ${time}`, 'the notification')
  }
})

test('each run that begins is notified once it is there, and none that does not', async () => {
  const { sql, presence } = await open()
  const heard = await hearing(presence, RUNS_CHANNEL)
  const plan = { kind: 'full', planned: ['tags'], holder: 'test', version: '1' }
  const tick = { schedule: 'full', at: new Date('2026-01-01T02:00:00Z') }
  expect(await decideTick(sql, tick, plan)).toMatchObject({ note: null })
  await until(() => heard.length === 2, 'the run of the tick')
  expect(await decideTick(sql, { ...tick, at: new Date('2026-01-02T02:00:00Z') }, plan)).toMatchObject({ runId: null })
  expect(await openRunNow(sql, plan)).toBeNull()
  expect(await openRunNow(sql, { ...plan, kind: 'incremental' })).toEqual(expect.any(Number))
  await until(() => heard.length >= 3, 'the run that a person asked for')
  await sql`select pg_notify(${RUNS_CHANNEL}, 'the last')`
  await until(() => heard.at(-1) === 'the last', 'the last')
  expect(heard).toEqual([undefined, '', '', 'the last'])
})

test('each alert that is to be sent is notified, and none that repeats the last one or was reported', async () => {
  const { sql, presence } = await open()
  const heard = await hearing(presence, ALERTS_CHANNEL)
  const alert = { subject: 'x', kind: 'failure', fingerprint: '1', body: {} } as const
  const raise = (fingerprint: string, reported = false) =>
    sql.begin((tx) => raiseAlert(tx, { ...alert, fingerprint }, reported))
  expect([await raise('1'), await raise('1'), await raise('2', true)]).toEqual([true, false, true])
  await sql`select pg_notify(${ALERTS_CHANNEL}, 'the last')`
  await until(() => heard.at(-1) === 'the last', 'the last')
  expect(heard).toEqual([undefined, '', 'the last'])
})
