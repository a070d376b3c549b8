/** Two transactions that wait for each other: Postgres ends one of them. Ours is repeated after the other. */
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { discardChange, retryChange } from '../../../src/store/outbox/change-actions.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { readChanges, readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'

async function open() {
  const account = await openAccount()
  await pullOne(account.worker, 'vendors')
  return { ...account, sql: account.worker.sql, ids: remoteIds(account.sim, 'vendors') }
}

const cities = async ({ sql }: Awaited<ReturnType<typeof open>>, ids: readonly string[]) =>
  (await sql`select city from scopestack.vendors where id in ${sql(ids)} order by city`).map(
    ({ city }) => city as string,
  )

it('a pull and edits of the same rows in another order both arrive', async () => {
  const account = await open()
  const { sim, worker, sql, ids, databaseUrl } = account
  const [one, two] = ids as [string, string]
  for (const id of [one, two]) sim.records.update('vendors', id, { attributes: { country: 'Theirs' } })
  // The first to wait finds the deadlock: the pull.
  const editor = openDatabase(databaseUrl, { connections: 1 })
  onTestFinished(() => editor.end({ timeout: 1 }))
  let pulled: ReturnType<typeof pullOne> | undefined
  await editor.begin(async (tx) => {
    await tx`set local deadlock_timeout = '1min'`
    await tx`update scopestack.vendors set city = 'Mine 2' where id = ${two}`
    pulled = pullOne(worker, 'vendors')
    const blocked = () =>
      sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    await until(async () => (await blocked()).length > 0, 'the pull to wait for the edit')
    await tx`update scopestack.vendors set city = 'Mine 1' where id = ${one}`
  })
  expect(await pulled).toMatchObject({ outcome: 'ok' })
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
  expect(await cities(account, [one, two])).toEqual(['Mine 1', 'Mine 2'])
  for (const id of [one, two]) expect(sim.records.read('vendors', id)!.attributes).toMatchObject({ country: 'Theirs' })
})

/** The next statement of a kind on a table is the victim of a deadlock, once. */
async function loseOnce(
  { sql }: Awaited<ReturnType<typeof open>>,
  event: string,
  table: string,
): Promise<() => Promise<boolean>> {
  await sql.unsafe(`
    create sequence public.losses;
    create function public.lose() returns trigger language plpgsql as $$ begin
      if nextval('public.losses') = 1 then raise exception 'deadlock detected' using errcode = '40P01'; end if;
      return null;
    end $$;
    create trigger a_loss before ${event} on ${table} for each statement execute function public.lose();`)
  return async () => (await sql<{ lost: boolean }[]>`select is_called as lost from public.losses`)[0]!.lost
}

it.each([
  ['a change is settled', 'update', 'scopestack.vendors', ['sent', 'sent']],
  ['a push begins', 'update', 'sync.outbox', ['sent', 'sent']],
])('a transaction that lost a deadlock is repeated when %s', async (_, event, table, states) => {
  const account = await open()
  const { worker, sql, ids } = account
  await sql`update scopestack.vendors set city = 'Mine' where id in ${sql(ids.slice(0, 2))}`
  const lost = await loseOnce(account, event, table)
  await worker.push()
  expect(await lost()).toBe(true)
  expect(await readStates(sql)).toEqual(states)
  expect(await cities(account, ids.slice(0, 2))).toEqual(['Mine', 'Mine'])
})

it('a transaction that lost a deadlock is repeated when a change is parked, retried and discarded', async () => {
  const account = await open()
  const { sim, worker, sql, ids } = account
  await sql`update scopestack.vendors set city = 'Mine' where id = ${ids[0]!}`
  const [change] = await readChanges(sql, ['id'])
  const fault = sim.addFault({ kind: '403', match: { method: 'PATCH' }, count: 'always' })
  await worker.push()
  sim.removeFault(fault.id)
  const lost = await loseOnce(account, 'update', 'sync.outbox')
  await retryChange(sql, change!.id)
  expect(await lost()).toBe(true)
  await sql`alter sequence public.losses restart`
  await discardChange(sql, catalog, change!.id)
  expect(await readStates(sql)).toEqual(['discarded'])
  expect(await lost()).toBe(true)
})

it('a transaction that lost a deadlock is repeated when missing records are marked deleted', async () => {
  const account = await open()
  const { sim, worker, sql, ids } = account
  sim.records.remove('vendors', ids[0]!)
  const lost = await loseOnce(account, 'update', 'scopestack.vendors')
  expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'ok', deleted: 1 })
  expect(await lost()).toBe(true)
  expect(await sql`select from scopestack.vendors where id = ${ids[0]!} and sync_deleted_at is not null`).toHaveLength(
    1,
  )
})
