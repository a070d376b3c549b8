/** Running workers send local edits to ScopeStack as they are made. */
import { describe, expect, test } from 'vitest'
import { countOpen, readChanges } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'
import { ended, KINDS, openUnattended, type Started } from '../support/unattended.ts'

const started = ({ log, run }: Started) => {
  let isOver = false
  void run.then(() => (isOver = true))
  return until(() => {
    if (isOver) throw new Error('it ended')
    return log().some(({ msg }) => msg === 'started')
  }, 'the process to be up')
}

describe.concurrent.each(KINDS)('with the queue in %s', (kind) => {
  test.concurrent('an edit is sent without a command, and each new row once, with any number of processes', async () => {
    await using setting = await openUnattended(kind)
    const { sim, sql } = setting
    const env = { SYNC_RESOURCES: 'clients,vendors' }
    const both = [setting.start(env), setting.start(env)]
    await Promise.all(both.map(started))
    await ended(setting)

    const [client] = sim.records.list('clients')
    await sql`update scopestack.clients set domain = 'at-once.test' where id = ${client!.id}`
    await until(
      () => sim.records.read('clients', client!.id)!.attributes['domain'] === 'at-once.test',
      'the edit to arrive',
    )

    await sql`insert into scopestack.vendors (name) select 'Vendor ' || n from generate_series(1, 40) n`
    await until(async () => (await countOpen(sql)) === 0, 'all new rows to arrive')
    const names = sim.records.list('vendors').map(({ attributes }) => String(attributes['name']))
    expect(names.filter((name) => /^Vendor \d+$/.test(name)).toSorted()).toEqual(
      Array.from({ length: 40 }, (_, at) => `Vendor ${at + 1}`).toSorted(),
    )
    const [local] = await sql`select count(*)::int as n from scopestack.vendors where id like 'local-%'`
    expect(local).toEqual({ n: 0 })
  })

  test.concurrent('another worker continues the push of a killed one, and a wiped queue loses no change', async () => {
    await using setting = await openUnattended(kind)
    const { sim, sql, queue } = setting
    const first = setting.start({ SYNC_RESOURCES: 'vendors' })
    await started(first)
    await ended(setting)
    sim.addFault({ kind: 'stall', match: { method: 'POST', type: 'vendors' } })
    await sql`insert into scopestack.vendors (name) values ('Only one')`
    const made = () => sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Only one').length
    await until(() => made() === 1, 'the new row to arrive')
    first.kill('SIGKILL')
    await first.run
    await queue.wipe()
    const second = setting.start()
    await until(async () => (await readChanges(sql, [], { state: 'sent' })).length === 1, 'the change to be settled')
    expect(made()).toBe(1)
    second.kill('SIGTERM')
    expect((await second.run).code).toBe(0)
  })
})

test.concurrent('SYNC_PUSH=off keeps edits for the push command', async () => {
  await using setting = await openUnattended('postgres')
  const { sim, sql } = setting
  const process = setting.start({ SYNC_PUSH: 'off' })
  await started(process)
  await ended(setting)
  expect(process.log().map(({ msg }) => msg)).toContain('local edits wait for "push", since SYNC_PUSH is off')
  const [client] = sim.records.list('clients')
  await sql`update scopestack.clients set domain = 'later.test' where id = ${client!.id}`
  // A run that begins and ends afterwards, which would have sent it.
  expect((await setting.run('pull clients')).code).toBe(0)
  expect(sim.records.read('clients', client!.id)!.attributes['domain']).not.toBe('later.test')
  expect((await setting.run('push')).code).toBe(0)
  expect(sim.records.read('clients', client!.id)!.attributes['domain']).toBe('later.test')
})
