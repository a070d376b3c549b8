/** Which record a new row became, where its answer is not believed, and how a lost one is found (S14). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { switchesOf } from '../../../src/simulator/switches.ts'
import { altering, type Altered } from '../../support/network/alter.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readStates } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

const TYPES = ['vendors', 'surveys', 'questionnaires', 'projects']

beforeAll(async () => {
  sim = await startSimulator({ projects: 3 })
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

interface Made {
  readonly data: { readonly id: string; readonly type: string; readonly attributes: Record<string, unknown> }
}
const called = (name: string, type = 'vendors') =>
  sim.records.list(type).filter(({ attributes }) => attributes['name'] === name)
const posts = (type = 'vendors') => sim.stats().requests[`POST /{account}/v1/${type}`] ?? 0
const outcomesOf = async (settling: ReturnType<TestWorker['push']>) =>
  (await settling).map(({ outcome, error }) => error?.code ?? outcome)
const addVendor = (name: string, city = 'Here') =>
  worker.sql`insert into scopestack.vendors (name, city) values (${name}, ${city})`
const vendor = async (name: string) =>
  [...(await worker.sql`select id, city from scopestack.vendors where name = ${name}`)].map((row) => ({ ...row }))
/** A survey has nothing that it could be found by. */
const addSurvey = (name: string) => {
  const [project] = sim.records.list('projects')
  const [questionnaire] = sim.records.list('questionnaires')
  return worker.sql`
    insert into scopestack.surveys (name, project_id, questionnaire_id) values (${name}, ${project!.id}, ${questionnaire!.id})`
}
/** What was made is answered with this in the place of its record. */
const answering = (other: (made: Made) => Altered) =>
  altering({ write: ({ method, body }) => (method === 'POST' ? other(JSON.parse(body) as Made) : undefined) })
const document = (data: object): Altered => ({ status: 201, body: JSON.stringify({ data }) })

describe('a new row is not taken for', () => {
  const record = (id: string) => {
    const { attributes } = sim.records.read('vendors', id)!
    return document({ type: 'vendors', id, attributes })
  }

  it('a record that the mirror has, though that has all of its values', async () => {
    const twin = sim.records.create('vendors', { attributes: { name: 'Twin', city: 'Here' } })
    await worker.run(['vendors'])
    await addVendor('Twin')
    expect(await outcomesOf(worker.push({ through: answering(() => record(twin.id)) }))).toEqual(['sent'])
    expect(called('Twin')).toHaveLength(2)
    const ids = called('Twin').map(({ id }) => ({ id, city: 'Here' }))
    expect((await vendor('Twin')).toSorted((a, b) => Number(a['id']) - Number(b['id']))).toEqual(ids)
    expect(posts()).toBe(1)
  })

  it('a record that had its name before it left, and that no pull has seen yet', async () => {
    const twin = sim.records.create('vendors', { attributes: { name: 'Unseen twin', city: 'Here' } })
    await addVendor('Unseen twin')
    expect(await outcomesOf(worker.push({ through: answering(() => record(twin.id)) }))).toEqual(['sent'])
    const [other] = called('Unseen twin').filter(({ id }) => id !== twin.id)
    expect(await vendor('Unseen twin')).toEqual([{ id: other!.id, city: 'Here' }])
    expect(posts()).toBe(1)
  })

  it('a record that came meanwhile under another name', async () => {
    let outsider = ''
    await addVendor('Not the other')
    const meanwhile = answering(() => {
      outsider = sim.records.create('vendors', { attributes: { name: 'Outsider', city: 'Here' } }).id
      return record(outsider)
    })
    expect(await outcomesOf(worker.push({ through: meanwhile }))).toEqual(['sent'])
    expect(await vendor('Not the other')).toMatchObject([{ id: called('Not the other')[0]!.id }])
    expect(outsider).not.toBe('')
  })

  it('the record that another new row became', async () => {
    let first: Made | undefined
    const alike = answering((made) => document((first ??= made).data))
    await addVendor('Of two', 'Here')
    await addVendor('Of two', 'There')
    await worker.push({ through: alike })
    await makeDue(worker.sql)
    await worker.push({ through: alike })
    expect(await readStates(worker.sql)).toEqual(['sent', 'sent'])
    expect(await vendor('Of two')).toHaveLength(2)
    const sides = [
      (await vendor('Of two')).map((row) => `${String(row['id'])} ${String(row['city'])}`),
      called('Of two').map(({ id, attributes }) => `${id} ${String(attributes['city'])}`),
    ]
    expect(new Set(sides[0])).toEqual(new Set(sides[1]))
    expect(sides[1]).toHaveLength(2)
    expect(posts()).toBe(2)
  })

  it('any, where it has nothing that it could be found by: it is unknown, and not sent again', async () => {
    const [other] = sim.records.list('surveys')
    await addSurvey('Nameless')
    const settled = await worker.push({
      through: answering(() => document({ type: 'surveys', id: other!.id, attributes: other!.attributes })),
    })
    expect(settled).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
    expect(settled[0]!.error!.message).toBe(
      `It is not known whether the new row of surveys ${settled[0]!.change.recordId} was applied: it was answered with 201, as surveys ` +
        `"${other!.id}", and record ${other!.id} was there before, and it has nothing that it could be found by. Look in ` +
        'ScopeStack: if it is there, "changes discard" and the next pull brings it; if it is not, "changes retry" sends it again. (SYNC_PUSH_UNKNOWN)',
    )
    expect(await worker.push()).toEqual([])
    expect(posts('surveys')).toBe(1)
    expect(await worker.sql`select id from scopestack.surveys where name = 'Nameless'`).toMatchObject([
      { id: settled[0]!.change.recordId },
    ])
  })
})

describe('Location names the record that was made', () => {
  const ADDRESSES: Record<string, (id: string) => string> = {
    'as a whole address': (id) => `${sim.url}/demo/v1/surveys/${id}`,
    'without the account, as the library does': (id) => `${sim.url}/v1/surveys/${id}`,
    'as a path': (id) => `/demo/v1/surveys/${id}`,
    'as a part of one': (id) => `surveys/${id}/`,
    'at another origin, which is never asked': (id) => `https://elsewhere.invalid/demo/v1/surveys/${id}?x=1#y`,
  }

  it.each(Object.keys(ADDRESSES))('%s', async (how) => {
    await addSurvey(`Located ${how}`)
    const located = answering(({ data }) => ({
      status: 201,
      body: '',
      headers: { location: ADDRESSES[how]!(data.id) },
    }))
    expect(await outcomesOf(worker.push({ through: located }))).toEqual(['sent'])
    const [made] = called(`Located ${how}`, 'surveys')
    expect(await worker.sql`select id from scopestack.surveys where name = ${`Located ${how}`}`).toEqual([
      { id: made!.id },
    ])
    expect(posts('surveys')).toBe(1)
  })

  it.each([
    ['of another type', '/demo/v1/projects/ID'],
    ['that is none', 'http://['],
    ['with half a character in it', '/demo/v1/surveys/%E0%A4%A'],
    ['of a record that was there before', '/demo/v1/surveys/OTHER'],
  ])('and one %s proves nothing', async (how, address) => {
    const [other] = sim.records.list('surveys')
    await addSurvey(`Mislocated ${how}`)
    const located = answering(({ data }) => ({
      status: 201,
      body: '',
      headers: { location: address.replace('ID', data.id).replace('OTHER', other!.id) },
    }))
    expect(await outcomesOf(worker.push({ through: located }))).toEqual(['SYNC_PUSH_UNKNOWN'])
    expect(posts('surveys')).toBe(1)
  })

  it('and takes precedence over a body with another record', async () => {
    const [other] = sim.records.list('surveys')
    await addSurvey('Located, and answered with another')
    const located = answering(({ data }) => ({
      ...document({ type: 'surveys', id: other!.id, attributes: other!.attributes }),
      headers: { location: `/demo/v1/surveys/${data.id}` },
    }))
    expect(await outcomesOf(worker.push({ through: located }))).toEqual(['sent'])
    const [made] = called('Located, and answered with another', 'surveys')
    expect(
      await worker.sql`select id from scopestack.surveys where name = 'Located, and answered with another'`,
    ).toEqual([{ id: made!.id }])
  })
})

describe('a lost new row', () => {
  const lose = async (name: string): Promise<void> => {
    sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
    await addVendor(name)
    expect(await outcomesOf(worker.push())).toEqual(['SYNC_REMOTE_UNREACHABLE'])
  }
  /** So long that it is sent again where it is not found. */
  const push = async () => {
    await makeDue(worker.sql, 100)
    return await outcomesOf(worker.push())
  }
  const once = async (name: string) => {
    expect(called(name)).toHaveLength(1)
    expect(posts()).toBe(1)
    expect(await vendor(name)).toMatchObject([{ id: called(name)[0]!.id }])
  }

  it('is found where the filters that make a list whole hide it', async () => {
    await lose('Neither active nor archived')
    sim.records.update('vendors', called('Neither active nor archived')[0]!.id, { attributes: { active: null } })
    expect(await push()).toEqual(['sent'])
    await once('Neither active nor archived')
  })

  it('is found where it is archived, and the list without a filter hides it', async () => {
    await lose('Archived')
    sim.records.update('vendors', called('Archived')[0]!.id, { attributes: { active: false } })
    expect(await push()).toEqual(['sent'])
    await once('Archived')
  })

  it('is found where ScopeStack keeps its name without the surrounding blanks', async () => {
    await lose('Juniper  Pharma ')
    const { id } = called('Juniper  Pharma ')[0]!
    sim.records.update('vendors', id, { attributes: { name: 'Juniper Pharma' } })
    expect(await push()).toEqual(['sent'])
    expect(posts()).toBe(1)
    expect(await vendor('Juniper Pharma')).toMatchObject([{ id }])
  })

  it('is distinguished from a record that had its name before, and that those filters hide', async () => {
    const { id } = sim.records.create('vendors', { attributes: { name: 'Hidden twin', city: 'Here', active: null } })
    await lose('Hidden twin')
    expect(await push()).toEqual(['sent'])
    expect(called('Hidden twin')).toHaveLength(2)
    expect(posts()).toBe(1)
    expect((await vendor('Hidden twin')).map((row) => row['id'])).not.toContain(id)
  })

  it.each([
    ['its name cannot be asked for', { refusedFilters: { vendors: ['name'] } }],
    ['the filter that makes the list whole is refused', { refusedFilters: { vendors: ['active'] } }],
    ['the keys that are asked for with it are refused', { refusedIncludes: { vendors: ['account'] } }],
    [
      'nothing is taken but the list',
      { refusedFilters: { vendors: ['name', 'active'] }, refusedIncludes: { vendors: ['account'] } },
    ],
  ])('is found though %s', async (how, switches) => {
    await lose(`Found though ${how}`)
    sim.setSwitches(switches)
    expect(await push()).toEqual(['sent'])
    await once(`Found though ${how}`)
  })

  it('is found where the filter by name is ignored and every record comes', async () => {
    await lose('One of all')
    const { data } = JSON.parse(await everything()) as { data: unknown[] }
    const unfiltered = altering({
      get: (path, body) => (path.includes('filter%5Bname%5D') ? JSON.stringify({ data }) : body),
    })
    await makeDue(worker.sql, 100)
    expect(await outcomesOf(worker.push({ through: unfiltered }))).toEqual(['sent'])
    await once('One of all')
  })

  it('is unknown where there is no filter by name and the list is too long to be read', async () => {
    for (let n = 0; n < 45; n++) sim.records.create('vendors', { attributes: { name: `Of many ${n}` } })
    await lose('One of many')
    sim.setSwitches({ refusedFilters: { vendors: ['name'] }, pageMax: 2, pageDefault: 2, pageOverflow: 'clamped' })
    expect(await push()).toEqual(['SYNC_PUSH_UNKNOWN'])
    expect(posts()).toBe(1)
  })

  it('is unknown where the list does not show which record has its name', async () => {
    await lose('Withheld')
    const withheld = altering({ get: (_, body) => body.replaceAll(/"name":"[^"]*",/g, '') })
    await makeDue(worker.sql, 100)
    expect(await outcomesOf(worker.push({ through: withheld }))).toEqual(['SYNC_PUSH_UNKNOWN'])
    expect(posts()).toBe(1)
  })
})

async function everything(): Promise<string> {
  return await worker.client.get(
    '/demo/v1/vendors?filter[active]=true,false',
    (body) => body,
    new AbortController().signal,
  )
}
