/** One database mirrors one account. */
import { afterEach, expect, it } from 'vitest'
import { startSimulator, type SimulatorOptions } from '../../../src/simulator/server.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { bindAccount } from '../../../src/store/fleet/account.ts'
import { startRelay } from '../../support/network/relay.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { startWorker } from '../../support/scopestack/worker.ts'
import { readBoundAccount } from '../../support/tables/fleet.ts'
import { readCheckpoints } from '../../support/tables/progress.ts'
import { readRuns } from '../../support/tables/runs.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

async function simulator(options: SimulatorOptions = {}) {
  const sim = await startSimulator({ projects: 5, ...options })
  opened.push({ [Symbol.asyncDispose]: () => sim.close() })
  return sim
}

async function database() {
  const made = await createDatabase()
  const sql = openDatabase(made.url)
  opened.push(made, { [Symbol.asyncDispose]: () => sql.end() })
  return { url: made.url, sql }
}

const wrong = expect.objectContaining({ code: 'SYNC_WRONG_ACCOUNT', remedy: 'stop' }) as Error

it('refuses the credentials of another account, and writes nothing', async () => {
  const { url, sql } = await database()
  const first = await startWorker(await simulator(), url)
  await first.run(['clients', 'tags'])
  await first[Symbol.asyncDispose]()
  const contents = async () => ({
    clients: await sql`select * from scopestack.clients order by id`,
    account: await readBoundAccount(sql, ['accountId', 'accountSlug']),
    runs: await readRuns(sql, ['id', 'outcome', 'startedAt', 'finishedAt']),
    checkpoints: await readCheckpoints(sql, ['whole']),
  })
  const before = await contents()
  const other = await startRelay(await simulator({ account: 'other', seed: 2 }), {
    me: (body) => ({ ...body, data: { ...body.data, attributes: { ...body.data.attributes, 'account-id': 2002 } } }),
  })
  opened.push(other)
  await expect(startWorker(other, url)).rejects.toEqual(wrong)
  await expect(startWorker(other, url)).rejects.toThrow(/mirrors account 1001 \(demo\).*account 2002 \(other\)/)
  expect(await contents()).toEqual(before)
})

it('stays bound when the account was given another name', async () => {
  const { sql } = await database()
  await bindAccount(sql, { id: '1001', slug: 'demo' })
  await bindAccount(sql, { id: '1001', slug: 'renamed' })
  expect(await readBoundAccount(sql, ['accountId', 'accountSlug'])).toEqual([
    { accountId: '1001', accountSlug: 'renamed' },
  ])
})

it('is bound by exactly one of several accounts that come at once', async () => {
  const { sql } = await database()
  const bound = await Promise.allSettled(
    Array.from({ length: 8 }, (_, id) => bindAccount(sql, { id: String(id), slug: `account-${id}` })),
  )
  expect(bound.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(bound.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))).toEqual(Array(7).fill(wrong))
})
