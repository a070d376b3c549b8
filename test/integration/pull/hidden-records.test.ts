/** A filter that is to make a list whole may hide some of it: whatever any list of the server holds is mirrored. */
import { describe, expect, it } from 'vitest'
import { remoteFailed } from '../../../src/errors/requests.ts'
import { requestRefused } from '../../../src/errors/resources.ts'
import type { Client } from '../../../src/remote/client.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { pull } from '../../../src/sync/run/run.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { unequal } from '../../support/scopestack/truth.ts'
import { EQUAL, verify } from '../../support/scopestack/verified.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readReadPlan } from '../../support/tables/capabilities.ts'

type Default = ReturnType<Simulator['switches']>['activeDefault']
const DEFAULTS: readonly Default[] = ['not-archived', 'active', 'all']

/** Of a type with a flag: some archived, and so many whose flag is null. */
function setFlags({ records }: Simulator, type: string, flag: string, { archived = 2, unknown = 3 } = {}): void {
  for (const [at, { id }] of records.list(type).entries()) {
    const value = at < unknown ? null : at < unknown + archived ? flag !== 'active' : flag === 'active'
    records.update(type, id, { attributes: { [flag]: value } })
  }
}

const scopeOf = async ({ sql }: TestWorker, type: string): Promise<unknown> => {
  const plan = await readReadPlan(sql, type)
  return (plan?.['scope'] as { shown?: unknown } | undefined)?.shown ?? null
}

const small = (sim: Simulator, type: string): number => sim.stats().requests[`GET /{account}/v1/${type}`] ?? 0

describe.each([
  ['clients', 'clients', 'active'],
  ['crm-opportunities', 'crm_opportunities', 'is-closed'],
] as const)('%s whose flag is null', (type, table, flag) => {
  it.each(DEFAULTS)('are mirrored where the list shows %s without a filter', async (activeDefault) => {
    const { sim, worker } = await openAccount({ projects: 40 })
    setFlags(sim, type, flag)
    sim.setSwitches({ activeDefault })
    expect(await pullOne(worker, type)).toMatchObject({
      outcome: 'ok',
      seen: remoteIds(sim, type).length,
      inserted: remoteIds(sim, type).length,
    })
    expect(await livingIds(worker, table)).toEqual(remoteIds(sim, type))
    expect(await scopeOf(worker, type)).toBe('blank')
    expect(await verify(worker, type)).toMatchObject(EQUAL)
    const pages = Math.ceil(remoteIds(sim, type).length / 10)
    sim.resetStats()
    expect(await pullOne(worker, type)).toMatchObject({ outcome: 'ok', updated: 0, deleted: 0 })
    expect(small(sim, type)).toBeLessThanOrEqual(pages + 1)
  })

  it.each(DEFAULTS.filter((one) => one !== 'active'))(
    'also where the server knows of no empty value, and shows %s without a filter',
    async (activeDefault) => {
      const { sim, worker } = await openAccount({ projects: 40 })
      setFlags(sim, type, flag)
      sim.setSwitches({ activeDefault, emptyFilterValue: 'nothing' })
      for (const how of [{}, { restart: true }]) {
        const outcome = await pullOne(worker, type, how)
        expect(outcome).toMatchObject({ outcome: 'ok', seen: remoteIds(sim, type).length })
      }
      expect(await scopeOf(worker, type)).toBe(activeDefault === 'all' ? 'plain' : 'both')
      expect(await livingIds(worker, table)).toEqual(remoteIds(sim, type))
      expect(await verify(worker, type)).toMatchObject(EQUAL)

      const [first] = remoteIds(sim, type)
      sim.records.remove(type, first!)
      expect(await pullOne(worker, type)).toMatchObject({ outcome: 'ok', deleted: 1 })
      expect(await livingIds(worker, table)).toEqual(remoteIds(sim, type))
    },
  )
})

it('as many whose flag is null as are archived: the same count is not taken for the same list', async () => {
  const { sim, worker } = await openAccount()
  setFlags(sim, 'clients', 'active', { archived: 3, unknown: 3 })
  sim.setSwitches({ emptyFilterValue: 'nothing' })
  expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok' })
  expect(await livingIds(worker, 'clients')).toEqual(remoteIds(sim, 'clients'))
})

it.each(DEFAULTS)(
  'a flag that becomes null is noticed by one or two small requests a read, where %s are shown',
  async (activeDefault) => {
    const { sim, worker } = await openAccount()
    setFlags(sim, 'clients', 'active', { unknown: 0 })
    sim.setSwitches({ activeDefault })
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok' })
    expect(await scopeOf(worker, 'clients')).toBe('filtered')
    sim.resetStats()
    await pullOne(worker, 'clients')
    const reading = Math.ceil(remoteIds(sim, 'clients').length / 10)
    expect(small(sim, 'clients')).toBeLessThanOrEqual(reading + (activeDefault === 'all' ? 1 : 2))

    const [first] = remoteIds(sim, 'clients')
    sim.records.update('clients', first!, { attributes: { active: null, name: 'Unknown, old' } })
    sim.records.create('clients', { attributes: { active: null, name: 'Unknown, new' } })
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(await scopeOf(worker, 'clients')).toBe('blank')
    expect(await livingIds(worker, 'clients')).toEqual(remoteIds(sim, 'clients'))
    const rows = await worker.sql`select name from scopestack.clients where active is null order by name`
    expect(rows.map(({ name }) => name as string)).toEqual(['Unknown, new', 'Unknown, old'])
  },
)

it('a changed project whose flag is null is read like any other, with its children', async () => {
  const TYPES = ['projects', 'project-phases', 'project-resources']
  for (const emptyFilterValue of ['null', 'nothing'] as const) {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 100 })
    setFlags(sim, 'projects', 'active')
    sim.setSwitches({ emptyFilterValue })
    await worker.run(TYPES)
    const [first] = remoteIds(sim, 'projects')
    sim.records.update('projects', first!, { attributes: { 'project-name': 'Changed' } })
    const part = sim.records.create('project-resources', { relationships: { project: first! } })
    sim.records.update('project-resources', part.id, { attributes: { active: true } })
    const { outcomes } = await worker.run(TYPES, { changesOnly: true })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
    const [row] = await worker.sql`select project_name from scopestack.projects where id = ${first!}`
    expect(row).toEqual({ project_name: 'Changed' })
    expect(await livingIds(worker, 'project_resources')).toEqual(remoteIds(sim, 'project-resources'))
  }
})

it('records included with projects are seen whatever the flags of the projects', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ missingLists: ['business-units'] })
  setFlags(sim, 'projects', 'active', { unknown: 5, archived: 2 })
  const [named] = remoteIds(sim, 'projects')
  const unit = sim.records.create('business-units', { attributes: { name: 'Of one project' } })
  sim.records.update('projects', named!, { relationships: { 'business-unit': unit.id } })
  expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'ok' })
  expect(await livingIds(worker, 'business_units')).toContain(unit.id)
})

it('counts that contradict each other are no proof: the outcome is incomplete, with the reason', async () => {
  let odd = true
  const { sim, worker } = await openAccount({}, (body, { type, query }) => {
    const blank = query.get('filter[active]') === 'true,false,'
    if (type !== 'clients' || !odd || !blank) return body
    return { ...body, meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) + 7 } }
  })
  const outcome = await pullOne(worker, 'clients')
  expect(outcome).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE' })
  expect(outcome.message).toContain('does not add up')
  expect((await verify(worker, 'clients')).doubt).toContain('does not add up')
  odd = false
  expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok' })
  expect(await livingIds(worker, 'clients')).toEqual(remoteIds(sim, 'clients'))
})

const failing = (url: string) => remoteFailed({ url, status: 504, requestId: undefined, taken: true })
const denied = (url: string) => requestRefused({ url, status: 404, detail: '' })

it.each([
  ['fails', failing, 'incomplete'],
  ['is not found', denied, 'ok'],
] as const)('a list that %s where it is only counted does not make the read list fail', async (_, error, expected) => {
  const { sim, worker } = await openAccount()
  setFlags(sim, 'clients', 'active', { unknown: 0 })
  let answers = false
  const isPlain = (path: string): boolean => path.includes('/clients?') && !path.includes('filter')
  const client: Client = {
    ...worker.client,
    get: (path, ...rest) =>
      answers || !isPlain(path) ? worker.client.get(path, ...rest) : Promise.reject(error(path)),
  }
  const { signal } = new AbortController()
  const run = async () =>
    (await pull({ ...worker, client }, { resources: [worker.catalog.get('clients')!], signal, onEvent: () => {} }))
      .outcomes[0]
  for (let times = 1; times <= 2; times++) expect(await run()).toMatchObject({ outcome: expected })
  expect(await livingIds(worker, 'clients')).toEqual(remoteIds(sim, 'clients'))
  answers = true
  expect(await run()).toMatchObject({ outcome: 'ok', message: null })
})

it('a refused filter may hide archived records, and verify says so', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ refusedFilters: { clients: ['active'] } })
  const outcome = await pullOne(worker, 'clients')
  expect(outcome).toMatchObject({ outcome: 'incomplete' })
  expect(outcome.message).toBe(`${(await verify(worker, 'clients')).doubt} (SYNC_INCOMPLETE)`)
})

it('counts that differ behind each read do not keep a run going for ever', async () => {
  let readings = 0
  const { sim, worker } = await openAccount({}, (body, { type, page, query }) => {
    if (type !== 'clients') return body
    const isCount = query.get('page[size]') === '1'
    const isPlain = ![...query.keys()].some((name) => name.startsWith('filter'))
    if (!isCount && page === 2 && query.get('filter[active]') === 'true,false') readings++
    const more = isCount && isPlain && readings % 2 === 1 ? 5 : 0
    return { ...body, meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) + more } }
  })
  setFlags(sim, 'clients', 'active', { archived: 0, unknown: 0 })
  sim.setSwitches({ emptyFilterValue: 'nothing', activeDefault: 'all', refusedFilters: { clients: ['id'] } })
  expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'incomplete' })
  expect(readings).toBeLessThan(10)
})

it('a flag that became null is noticed by an incremental read, too', async () => {
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 100 })
  setFlags(sim, 'projects', 'active', { unknown: 0 })
  await pullOne(worker, 'projects')
  const [first] = remoteIds(sim, 'projects')
  sim.records.update('projects', first!, { attributes: { active: null } })
  expect(await pullOne(worker, 'projects', { changesOnly: true })).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await verify(worker, 'projects')).toMatchObject(EQUAL)
})

it.each([
  ['one of only active ones becomes null', 'active', 'null', { archived: 0, unknown: 0 }, [null]],
  ['one becomes null and one archived', 'not-archived', 'null', { archived: 0, unknown: 0 }, [null, false]],
  ['the same without an empty value', 'not-archived', 'nothing', { archived: 0, unknown: 0 }, [null, false]],
  ['one becomes null of as many as are archived', 'not-archived', 'nothing', { archived: 6, unknown: 0 }, [null]],
  ['the first is archived beside some that are null', 'not-archived', 'nothing', { archived: 0, unknown: 3 }, [false]],
  ['the first is archived of a list that shows all', 'all', 'nothing', { archived: 0, unknown: 3 }, [false]],
] as const)(
  'counts that agreed before do not hide what changed since: %s',
  async (_, activeDefault, emptyFilterValue, flags, changed) => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 100 })
    sim.setSwitches({ activeDefault, emptyFilterValue })
    setFlags(sim, 'projects', 'active', flags)
    expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok' })
    for (const active of changed) {
      const { id } = sim.records.list('projects').findLast(({ attributes }) => attributes['active'] === true)!
      sim.records.update('projects', id, { attributes: { active } })
    }
    expect(await pullOne(worker, 'projects', { changesOnly: true })).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(await unequal(worker.sql, sim, worker.catalog.get('projects')!)).toEqual([])
  },
)

it.each<[string, string, Record<string, string[]>]>([
  ['of its own list', 'project-services', {}],
  ['of the lists below each parent', 'project-subservices', { 'project-services': ['project-subservices'] }],
])('a new child of a changed project is read though its flag is null: %s', async (_, type, refused) => {
  const TYPES = ['projects', 'project-services', 'project-subservices']
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 100 })
  sim.setSwitches({ refusedIncludes: refused })
  await worker.run(TYPES)
  const [project] = remoteIds(sim, 'projects')
  const service = sim.records.list('project-services').find(({ relationships }) => relationships['project'] === project)
  const parents = { project: project!, ...(type === 'project-services' ? {} : { 'project-service': service!.id }) }
  const { id } = sim.records.create(type, { relationships: parents })
  sim.records.update(type, id, { attributes: { active: null } })
  sim.records.update('projects', project!, { attributes: { 'project-name': 'Changed' } })
  const { outcomes } = await worker.run(TYPES, { changesOnly: true })
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
  expect(await livingIds(worker, type.replace('-', '_'))).toEqual(remoteIds(sim, type))
})
