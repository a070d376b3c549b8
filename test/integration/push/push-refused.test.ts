/** What ScopeStack refuses reaches the user in its own words and the column, in whatever shape it comes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { changeText } from '../../../src/commands/output/changes-output.ts'
import { remoteFailed } from '../../../src/errors/requests.ts'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { switchesOf, type Switches } from '../../../src/simulator/switches.ts'
import { findChange } from '../../../src/store/outbox/changes.ts'
import { altering } from '../../support/network/alter.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readChanges, readStates } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

const TYPES = ['clients', 'crm-opportunities']

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  sim.removeFault()
  sim.setSwitches(switchesOf('help-pages'))
  await emptyOutbox(worker.sql)
  await worker.run(TYPES)
  sim.resetStats()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const client = (index: number) => sim.records.list('clients')[index]!
const asked = (what: string): number => sim.stats().requests[what] ?? 0
const parked = async () => {
  const [change] = await readChanges(worker.sql, ['id', 'code', 'reason', 'errors'], { state: 'parked' })
  return change!
}
const edit = (id: string, domain: string) =>
  worker.sql`update scopestack.clients set domain = ${domain} where id = ${id}`

const SHAPES: readonly (readonly [Switches['errorShape'], string])[] = [
  ['json-api', 'has already been taken'],
  ['error', 'Name has already been taken'],
  ['object', 'has already been taken'],
  ['list', 'Name has already been taken'],
  ['text', 'Name has already been taken'],
]

it.each(SHAPES)('a refusal in the shape %s gives the reason and the column', async (errorShape, message) => {
  const [one, two] = [client(0), client(1)]
  sim.setSwitches({ errorShape })
  await worker.sql`update scopestack.clients set name = ${String(two.attributes['name'])} where id = ${one.id}`
  const [settled] = await worker.push()
  const reason =
    `ScopeStack refused the change of clients ${one.id} (422): ${message.startsWith('N') ? '' : 'name '}${message}. Correct ` +
    'it: edit the row again, or "changes retry" sends it as it is. (SYNC_PUSH_INVALID)'
  expect(settled!.error!.message).toBe(reason)
  const { id, ...noted } = await parked()
  expect(noted).toMatchObject({ code: 'SYNC_PUSH_INVALID', reason, errors: [{ column: 'name', message }] })
  expect(await worker.sql`select reason from scopestack.pending_changes`).toEqual([{ reason }])
  const shown = changeText(await findChange(worker.sql, id), undefined, worker.catalog).join('\n')
  expect(shown).toContain(`\n    name: ${message}\n`)
})

it.each(SHAPES)('a refused read in the shape %s gives the reason', async (errorShape) => {
  sim.setSwitches({ errorShape })
  await expect(
    worker.client.get('/demo/v1/clients?filter[colour]=red', (body) => body, new AbortController().signal),
  ).rejects.toMatchObject({
    facts: { detail: expect.stringMatching(/^(Filter not allowed: |base )?colour is not allowed\./) },
  })
})

describe('a column that is not writable', () => {
  it.each(SHAPES)('is named, with the remedy, in the shape %s', async (errorShape) => {
    const { id } = client(0)
    sim.setSwitches({ errorShape, refusedMembers: { clients: ['domain'] } })
    await worker.sql`update scopestack.clients set domain = 'x.test', active = not active where id = ${id}`
    await worker.push()
    const said =
      errorShape === 'json-api' ? 'domain: Param not allowed: domain is not allowed' : 'domain is not allowed'
    expect(await parked()).toMatchObject({
      code: 'SYNC_PUSH_REFUSED',
      reason: expect.stringMatching(
        new RegExp(
          `^ScopeStack does not let domain be written, and applied nothing of the change of clients ${id} \\(400: ${said}\\)\\. ` +
            'Set that column back to its old value and the rest is sent, or "changes discard" discards all of it\\. \\(SYNC_PUSH_REFUSED\\)$',
        ),
      ) as string,
      errors: [{ column: 'domain' }],
    })
  })

  it('gets its value of ScopeStack back, and the rest is sent', async () => {
    const { id, attributes } = client(1)
    sim.setSwitches({ refusedMembers: { clients: ['domain'] } })
    await worker.sql`update scopestack.clients set domain = 'x.test', active = false where id = ${id}`
    await worker.push()
    await worker.sql`update scopestack.clients set domain = ${String(attributes['domain'])} where id = ${id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(sim.records.read('clients', id)!.attributes).toMatchObject({ active: false, domain: attributes['domain'] })
  })

  it('of a new row is left out when the row is inserted again', async () => {
    sim.setSwitches({ refusedMembers: { clients: ['domain'] } })
    await worker.sql`insert into scopestack.clients (name, domain) values ('Not writable', 'x.test')`
    await worker.push()
    expect((await parked()).reason).toMatch(
      /"changes discard" discards it; insert the row again without that column\. \(SYNC_PUSH_REFUSED\)$/,
    )
  })
})

describe.each(['404', '405'] as const)('a write answered with %s', (kind) => {
  const fault = (method: string) => sim.addFault({ kind, count: 'always', match: { method } })

  it('of a record that is there, is refused: the record is not gone', async () => {
    const { id } = client(0)
    fault('PATCH')
    await edit(id, 'refused.test')
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNSUPPORTED' } }])
    expect((await parked()).reason).toBe(
      `ScopeStack does not let this account write the change of clients ${id} (${kind}: ` +
        `${kind === '404' ? 'Not Found' : 'Method Not Allowed'}), though it shows these records: its API has no such write, or the ` +
        'role of the service account lacks the right (Settings → Roles). Do it in ScopeStack and "changes discard" this, or ' +
        '"changes retry" when it is allowed. (SYNC_PUSH_UNSUPPORTED)',
    )
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(1)
    sim.removeFault()
    await worker.run(TYPES)
    expect(await worker.sql`select domain from scopestack.clients where id = ${id}`).toEqual([
      { domain: client(0).attributes['domain'] },
    ])
  })

  it('of a record that is gone by now, is gone', async () => {
    const { id } = sim.records.create('clients', { attributes: { name: `Gone ${kind}` } })
    await worker.run(TYPES)
    fault('PATCH')
    await edit(id, 'gone.test')
    const going = altering({}, (one) => ({
      ...one,
      write: async (...given) => {
        sim.records.remove('clients', id)
        return await one.write(...given)
      },
    }))
    expect(await worker.push({ through: going })).toMatchObject([{ error: { code: 'SYNC_PUSH_GONE' } }])
  })

  it('of a record that is to be deleted and is there, is refused', async () => {
    const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'D', 'opportunity-id': kind } })
    await worker.run(TYPES)
    fault('DELETE')
    await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNSUPPORTED' } }])
    sim.removeFault()
    await worker.run(TYPES)
    expect(await worker.sql`select id from scopestack.crm_opportunities where id = ${id}`).toHaveLength(1)
    sim.records.remove('crm-opportunities', id)
  })

  it('of a new row, says that there is no such write', async () => {
    fault('POST')
    await worker.sql`insert into scopestack.clients (name) values (${`No route ${kind}`})`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNSUPPORTED' } }])
  })
})

it('a record that its own address does not find, and the list does, is not gone', async () => {
  const { id } = client(0)
  sim.addFault({ kind: '404', count: 'always', match: { method: 'GET', path: '/\\/clients\\/\\d+$/' } })
  await edit(id, 'listed.test')
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(client(0).attributes['domain']).toBe('listed.test')
})

describe('an account that was given another slug', () => {
  beforeEach(() => sim.renameAccount('demo'))

  it('is no reason to settle a change as gone, and is found by a worker that starts afterwards', async () => {
    const { id } = client(0)
    const deal = sim.records.create('crm-opportunities', { attributes: { name: 'D', 'opportunity-id': 'slug' } })
    await worker.run(TYPES)
    sim.renameAccount('renamed')
    await edit(id, 'renamed.test')
    await worker.sql`delete from scopestack.crm_opportunities where id = ${deal.id}`
    await expect(worker.push()).rejects.toMatchObject({ code: 'SYNC_ACCOUNT_NOT_FOUND' })
    expect(new Set(await readStates(worker.sql))).toEqual(new Set(['waiting']))
    await using anew = await startWorker(sim, database.url)
    expect(await anew.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
    expect(client(0).attributes['domain']).toBe('renamed.test')
    expect(sim.records.read('crm-opportunities', deal.id)).toBeNull()
    sim.renameAccount('demo')
  })
})

describe('a read before a write that returns another record', () => {
  const others = altering({
    get: (path, body) => (/\/clients\/\d+/.test(path) ? body.replace(/"id":"\d+"/, '"id":"77777"') : body),
  })

  it('is not used: nothing is sent, and the record is read again', async () => {
    const { id } = client(0)
    await edit(id, 'not-looked.test')
    expect(await worker.push({ through: others })).toMatchObject([
      { outcome: 'postponed', error: { code: 'SYNC_ANSWER_FOREIGN' } },
    ])
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(0)
    await makeDue(worker.sql)
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  })

  it('holds up no other change', async () => {
    const [one, two] = [client(0).id, client(1).id]
    await edit(one, 'held-up.test')
    await edit(two, 'not-held-up.test')
    const mixed = altering({
      get: (path, body) => (/\/clients(\/|\?)/.test(path) ? body.replaceAll(`"id":"${one}"`, '"id":"77777"') : body),
    })
    const settled = await worker.push({ through: mixed })
    expect(new Map(settled.map(({ change, outcome }) => [change.recordId, outcome]))).toEqual(
      new Map([
        [one, 'postponed'],
        [two, 'sent'],
      ]),
    )
  })
})

describe('an attribute that is withheld from the role', () => {
  /** As if the role may not see it. */
  const withheld = (name: string) => {
    const hide = (body: string): string =>
      JSON.stringify(JSON.parse(body, (key, value: unknown) => (key === name ? undefined : value)))
    return altering({ get: (_, body) => hide(body), write: ({ body }) => ({ status: 200, body: hide(body) }) })
  }

  it('is no conflict, and not ignored: it is sent', async () => {
    const { id } = client(0)
    await edit(id, 'unseen.test')
    expect(await worker.push({ through: withheld('domain') })).toMatchObject([{ outcome: 'sent', error: null }])
    expect(client(0).attributes['domain']).toBe('unseen.test')
  })

  it('and that is sent as a whole does not overwrite entries that are not shown', async () => {
    const { id } = sim.records.create('crm-opportunities', {
      attributes: {
        name: 'Whole',
        'opportunity-id': 'W-1',
        'custom-attributes': [
          { key: 'region', val: 'east' },
          { key: 'tier', val: '1' },
        ],
      },
    })
    sim.setSwitches({ unsureAttributes: 'writable' })
    await worker.run(TYPES)
    await worker.sql`
      update scopestack.crm_opportunities set custom_attributes = '[{"key": "region", "val": "west"}, {"key": "tier", "val": "1"}]'
      where id = ${id}`
    const settled = await worker.push({ through: withheld('custom-attributes') })
    expect(settled).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNSEEN' } }])
    expect(asked('PATCH /{account}/v1/crm-opportunities/{id}')).toBe(0)
  })
})

describe('a record that ScopeStack fails at', () => {
  const failingAt = (isBad: (path: string) => boolean) =>
    altering({}, (one) => ({
      ...one,
      get: async (path, ...rest) => {
        if (isBad(decodeURIComponent(path))) throw remoteFailed({ url: path, status: 500, requestId: undefined })
        return await one.get(path, ...rest)
      },
    }))
  const edited = async (count: number): Promise<string[]> => {
    const ids = sim.records
      .list('clients')
      .slice(0, count)
      .map(({ id }) => id)
    await worker.sql`update scopestack.clients set domain = ${`${Date.now()}.test`} where id in ${worker.sql(ids)}`
    return ids
  }
  const again = () => makeDue(worker.sql)

  it.each([3, 1])('keeps no other edit from being sent, and is shown at last, among %i', async (count) => {
    const ids = await edited(count)
    const bad = ids.at(-1)!
    const through = failingAt(
      (path) => path.includes(`/clients/${bad}`) || (/filter\[id\]/.test(path) && path.includes(bad)),
    )
    const push = async () => {
      const settled: (string | undefined)[][] = []
      // Alone it ends the push.
      await worker.push({ through }).then(
        (all) => settled.push(...all.map(({ change, outcome, error }) => [change.recordId, error?.code ?? outcome])),
        (error: SyncError) => settled.push([bad, error.code]),
      )
      return Object.fromEntries(settled) as Record<string, string>
    }
    expect(await push()).toEqual(Object.fromEntries(ids.map((id) => [id, id === bad ? 'SYNC_REMOTE_FAILED' : 'sent'])))
    for (const outcome of ['SYNC_REMOTE_FAILED', 'SYNC_REMOTE_FAILED', 'SYNC_REMOTE_FAILED', 'SYNC_PUSH_FAILED']) {
      await again()
      expect(await push()).toEqual({ [bad]: outcome })
    }
    expect((await parked()).reason).toMatch(
      /was tried 5 times and ScopeStack failed each time: ScopeStack responded with 500/,
    )
  })

  it('keeps no other edit from being sent where the list begins with it', async () => {
    const ids = await edited(3)
    const bad = ids[0]!
    sim.setSwitches({ brokenRecords: { clients: [bad] } })
    const settled = await worker.push().finally(() => sim.setSwitches({ brokenRecords: {} }))
    const outcomes = settled.map(({ change, outcome, error }) => [change.recordId, error?.code ?? outcome] as const)
    expect(new Map(outcomes)).toEqual(new Map(ids.map((id) => [id, id === bad ? 'SYNC_REMOTE_FAILED' : 'sent'])))
    await again()
    expect(await worker.push()).toMatchObject([{ change: { recordId: bad }, outcome: 'sent' }])
  })

  it('is distinguished from a ScopeStack that fails at each record of the list, and only its empty pages come', async () => {
    await edited(2)
    sim.setSwitches({ brokenRecords: { clients: sim.records.list('clients').map(({ id }) => id) } })
    const ended = worker.push().finally(() => sim.setSwitches({ brokenRecords: {} }))
    await expect(ended).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(await readChanges(worker.sql, ['state', 'attempts'])).toEqual(
      [1, 2].map(() => ({ state: 'waiting', attempts: 0 })),
    )
    await again()
    expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(['sent', 'sent'])
  })

  it('is distinguished from a ScopeStack that fails at everything, which spends no attempt', async () => {
    await edited(2)
    const through = failingAt((path) => path.includes('/clients'))
    await expect(worker.push({ through })).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(await readChanges(worker.sql, ['state', 'attempts', 'code'])).toEqual(
      [1, 2].map(() => ({ state: 'waiting', attempts: 0, code: null })),
    )
    await again()
    expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(['sent', 'sent'])
  })
})
