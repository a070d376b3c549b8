/** A request that was sent, and a response that came, are never forgotten: no edit is lost by that, and none is parked. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { remoteFailed, remoteUnreachable } from '../../../src/errors/requests.ts'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Transaction } from '../../../src/store/connection/database.ts'
import { discardChange, retryChange } from '../../../src/store/outbox/change-actions.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { addAttributes, emptyOutbox, makeDue, parkAll, readChanges, readStates } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  await worker.run(['vendors', 'clients', 'products'])
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const remote = (type: string, id: string) => sim.records.read(type, id)!.attributes
const client = (index: number) =>
  sim.records.list('clients').filter(({ attributes }) => attributes['domain'])[index]!.id
const setDomain = (id: string, domain: string) =>
  worker.sql`update scopestack.clients set domain = ${domain} where id = ${id}`
const domainOf = async (id: string) =>
  (await worker.sql<{ domain: string }[]>`select domain from scopestack.clients where id = ${id}`)[0]!.domain
const soon = () => makeDue(worker.sql)
const outcomesOf = async (settling: ReturnType<TestWorker['push']>) =>
  (await settling).map(({ outcome, error }) => error?.code ?? outcome)
const states = async () => readStates(worker.sql)

/** Another transaction locks a row as long as `body` takes. */
const holding = (hold: (tx: Transaction) => Promise<unknown>, body: () => Promise<unknown>) =>
  worker.sql.begin(async (tx) => {
    await hold(tx)
    await body()
  })

describe('an edit that arrived, and whose response is lost', () => {
  /** It arrives, and from then on no request gets a response. */
  const lostForLong = (one: Client): Client => {
    let down = false
    const silent = () => remoteUnreachable({ url: 'https://x.test' }, new Error('reset'))
    return {
      ...one,
      async get(...asked) {
        if (down) throw silent()
        return await one.get(...asked)
      },
      async write(...asked) {
        if (!down) await one.write(...asked)
        down = true
        throw silent()
      },
    }
  }

  it('is undone by an edit back to the value before', async () => {
    const id = client(0)
    const was = await domainOf(id)
    await setDomain(id, 'arrived.test')
    await expect(worker.push({ through: lostForLong })).rejects.toMatchObject({ code: 'SYNC_REMOTE_UNREACHABLE' })
    expect(remote('clients', id)['domain']).toBe('arrived.test')
    await setDomain(id, was)
    await soon()
    expect(await outcomesOf(worker.push())).toEqual(['sent', 'sent'])
    expect(remote('clients', id)['domain']).toBe(was)
  })

  it('is no conflict for an edit to a third value', async () => {
    const id = client(1)
    await setDomain(id, 'second.test')
    await worker.push({ through: lostForLong }).catch(() => {})
    await setDomain(id, 'third.test')
    await soon()
    expect(await outcomesOf(worker.push())).toEqual(['sent', 'sent'])
    expect(remote('clients', id)['domain']).toBe('third.test')
  })

  it('may be discarded, and its row shows what ScopeStack made of it', async () => {
    const id = client(0)
    await setDomain(id, 'discarded.test')
    await worker.push({ through: lostForLong }).catch(() => {})
    const [change] = await readChanges(worker.sql, ['id'])
    await discardChange(worker.sql, worker.catalog, change!.id)
    await setDomain(client(1), 'another.test')
    await worker.run(['clients'])
    expect(await domainOf(id)).toBe('discarded.test')
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
  })

  it.each(['to what was there before', 'to a third value'])(
    'and at which ScopeStack failed until it was parked, is followed by an edit %s',
    async (where) => {
      const id = client(2)
      const was = await domainOf(id)
      await setDomain(id, `failed ${where}`)
      const failed = () => remoteFailed({ url: 'https://x.test', status: 502, requestId: undefined })
      const failing = (one: Client): Client => {
        let written = false
        return {
          ...one,
          async get(...asked) {
            if (written) throw failed()
            return await one.get(...asked)
          },
          async write(...asked) {
            if (!written) await one.write(...asked)
            written = true
            throw failed()
          },
        }
      }
      expect(await outcomesOf(worker.push({ through: failing }))).toEqual(['SYNC_REMOTE_FAILED'])
      await parkAll(worker.sql, { code: 'SYNC_PUSH_FAILED' })
      const next = where === 'to a third value' ? 'third.test' : was
      await setDomain(id, next)
      expect(await outcomesOf(worker.push())).toEqual(['sent'])
      expect(remote('clients', id)['domain']).toBe(next)
      expect(await states()).toEqual(['superseded', 'sent'])
    },
  )
})

describe('an edit whose response came while another transaction locked its row', () => {
  it('survives a stop: the edit of the transaction with the lock is sent after it', async () => {
    const id = client(1)
    const was = await domainOf(id)
    await setDomain(id, 'held.test')
    await holding(
      (tx) => tx`update scopestack.clients set domain = ${was} where id = ${id}`,
      async () => {
        const stop = new AbortController()
        const stopping = (one: Client): Client => ({
          ...one,
          async write(...asked) {
            const answer = await one.write(...asked)
            stop.abort()
            return answer
          },
        })
        await worker.push({ signal: stop.signal, through: stopping })
      },
    )
    await soon()
    expect(await outcomesOf(worker.push())).toEqual(['sent', 'sent'])
    expect(remote('clients', id)['domain']).toBe(was)
  })

  it('is not sent again over an edit made in ScopeStack since', async () => {
    const id = client(3)
    const was = await domainOf(id)
    await setDomain(id, 'answered.test')
    await holding(
      (tx) => tx`select from scopestack.clients where id = ${id} for update`,
      async () => expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_ROW_LOCKED']),
    )
    sim.records.update('clients', id, { attributes: { domain: was } })
    await soon()
    sim.resetStats()
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    expect(sim.stats().requests).not.toHaveProperty('PATCH /{account}/v1/clients/{id}')
    expect(await domainOf(id)).toBe(was)
    expect(remote('clients', id)['domain']).toBe(was)
  })

  it('is no conflict where ScopeStack keeps fewer digits, nor is the edit of the transaction with the lock', async () => {
    const { id } = sim.records.list('products')[0]!
    await worker.sql`update scopestack.products set unit_cost = 12.34567 where id = ${id}`
    await holding(
      (tx) => tx`update scopestack.products set unit_cost = 99 where id = ${id}`,
      () => worker.push(),
    )
    await soon()
    expect(await outcomesOf(worker.push())).toEqual(['sent', 'sent'])
    expect(Number(remote('products', id)['unit-cost'])).toBe(99)
  })

  it('does not hold back an edit of a new row that was made while its response came', async () => {
    await worker.sql`insert into scopestack.vendors (name) values ('Held while new')`
    await holding(
      (tx) => tx`update scopestack.vendors set active = false where name = 'Held while new'`,
      () => worker.push(),
    )
    await soon()
    expect(await outcomesOf(worker.push())).toEqual(['sent', 'sent'])
    const made = sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Held while new')
    expect(made).toMatchObject([{ attributes: { active: false } }])
  })
})

describe('an edit that was accepted in part', () => {
  /** What a version that did not refuse it yet has noted: ScopeStack makes nothing of such a date. */
  const notedBefore = () => addAttributes(worker.sql, { 'msa-date': 'infinity' })
  const inPart = async (id: string, domain: string) => {
    await worker.sql`update scopestack.clients set domain = ${domain}, msa_date = '2027-01-30' where id = ${id}`
    await notedBefore()
    expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_IGNORED'])
  }

  it('may be edited back to the value before', async () => {
    const id = client(0)
    const was = await domainOf(id)
    await inPart(id, 'in-part.test')
    expect(await domainOf(id)).toBe('in-part.test')
    await worker.sql`update scopestack.clients set domain = ${was}, msa_date = null where id = ${id}`
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    expect(remote('clients', id)['domain']).toBe(was)
  })

  it('may be edited again, whichever part', async () => {
    const id = client(1)
    await inPart(id, 'once.test')
    await worker.sql`update scopestack.clients set domain = 'twice.test', msa_date = '2027-01-31' where id = ${id}`
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    expect(remote('clients', id)).toMatchObject({ domain: 'twice.test', 'msa-date': '2027-01-31' })
    expect(await states()).toEqual(['superseded', 'sent'])
  })

  it('is retried without the accepted part: an edit made in ScopeStack since stays', async () => {
    const id = client(2)
    const was = await domainOf(id)
    await inPart(id, 'taken.test')
    sim.records.update('clients', id, { attributes: { domain: was } })
    const [change] = await readChanges(worker.sql, ['id', 'attributes'])
    expect(change!.attributes).toEqual({ 'msa-date': 'infinity' })
    await retryChange(worker.sql, change!.id)
    expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_IGNORED'])
    expect(remote('clients', id)['domain']).toBe(was)
  })

  it('is the base of an edit that was made meanwhile', async () => {
    const id = client(3)
    const was = await domainOf(id)
    await worker.sql`update scopestack.clients set domain = 'first.test', msa_date = '2027-01-30' where id = ${id}`
    await notedBefore()
    const meanwhile = (one: Client): Client => ({
      ...one,
      async write(...asked) {
        if ((await states()).length === 1) await setDomain(id, was)
        return await one.write(...asked)
      },
    })
    expect(await outcomesOf(worker.push({ through: meanwhile }))).toEqual(['SYNC_PUSH_IGNORED', 'sent'])
    expect(remote('clients', id)['domain']).toBe(was)
    expect(await domainOf(id)).toBe(was)
  })
})

it('a value that ScopeStack rounds to its earlier one counts as accepted', async () => {
  const { id } = sim.records.list('products')[1]!
  await worker.sql`update scopestack.products set unit_cost = 12.3457 where id = ${id}`
  await worker.push()
  await worker.sql`update scopestack.products set unit_cost = 12.34567 where id = ${id}`
  expect(await outcomesOf(worker.push())).toEqual(['sent'])
})
