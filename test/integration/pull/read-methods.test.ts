/** Where a resource's path is unsure, its ways are tried in order, and the first that answers is remembered. */
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { readStatus } from '../../../src/store/runs/status.ts'
import { asOf, livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { learnedAgo, readReadPlan } from '../../support/tables/capabilities.ts'
import { readDrift } from '../../support/tables/progress.ts'

const requests = (sim: Simulator, pattern: string): number => sim.stats().requests[`GET /{account}/v1/${pattern}`] ?? 0

const methodOf = async ({ sql }: TestWorker, type: string): Promise<unknown> =>
  (await readReadPlan(sql, type))?.['read']

describe('a resource without a list of its own', () => {
  /** Materials of projects, some of which have more than a page of them. */
  async function openMaterials() {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 3, concurrency: 2 })
    const [first, second] = remoteIds(sim, 'projects')
    for (let number = 0; number < 8; number++) {
      const project = number < 7 ? first! : second!
      sim.records.create('project-materials', { relationships: { project } })
    }
    sim.setSwitches({ missingLists: ['project-materials'] })
    return { sim, worker, first: first! }
  }

  it('is read completely below its projects, and the method is remembered', async () => {
    const { sim, worker } = await openMaterials()
    await pullOne(worker, 'projects')
    expect(await pullOne(worker, 'project-materials')).toMatchObject({
      outcome: 'ok',
      seen: remoteIds(sim, 'project-materials').length,
      expected: null,
    })
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, 'project-materials'))
    expect(await asOf(worker, 'project-materials')).toEqual(await asOf(worker, 'projects'))
    const [keys] = await worker.sql`select count(project_id)::int as n from scopestack.project_materials`
    expect(keys).toEqual({ n: remoteIds(sim, 'project-materials').length })
    expect(await methodOf(worker, 'project-materials')).toEqual({
      from: 'below',
      parent: 'projects',
      path: 'project-materials',
    })

    sim.resetStats()
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0 })
    expect(requests(sim, 'project-materials')).toBe(0)

    // Within a day: its list may have come meanwhile.
    sim.setSwitches({ missingLists: [] })
    await learnedAgo(worker.sql, '25 hours')
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'ok', inserted: 0, updated: 0 })
    expect(requests(sim, 'project-materials')).toBeGreaterThan(0)
  })

  it('has its deletes detected, and a project that is gone meanwhile has no children', async () => {
    const { sim, worker, first } = await openMaterials()
    await pullOne(worker, 'projects')
    await pullOne(worker, 'project-materials')
    const own = sim.records.list('project-materials').filter(({ relationships }) => relationships['project'] === first)
    sim.records.remove('project-materials', own[0]!.id)
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, 'project-materials'))
    const [empty] = remoteIds(sim, 'projects').filter(
      (id) => !sim.records.list('project-materials').some(({ relationships }) => relationships['project'] === id),
    )
    if (empty !== undefined) sim.records.remove('projects', empty)
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'ok', deleted: 0 })
  })

  it('resumes behind the project that it had reached', async () => {
    const { sim, worker } = await openMaterials()
    await pullOne(worker, 'projects')
    const ids = remoteIds(sim, 'projects').toSorted()
    const fault = sim.addFault({
      kind: '403',
      match: { path: `/projects/${ids[6]}/project-materials` },
      count: 'always',
    })
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'forbidden' })
    sim.removeFault(fault.id)
    sim.resetStats()
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, 'project-materials'))
    expect(sim.stats().requests['GET /{account}/v1/projects/{id}/project-materials']).toBeLessThan(ids.length + 2)
  })

  it('is not complete when the list of a living project is not found, and keeps its rows', async () => {
    const { sim, worker, first } = await openMaterials()
    await pullOne(worker, 'projects')
    await pullOne(worker, 'project-materials')
    const held = await livingIds(worker, 'project_materials')
    const fault = sim.addFault({
      kind: '404',
      match: { path: `/projects/${first}/project-materials` },
      count: 'always',
    })
    const outcome = await pullOne(worker, 'project-materials')
    expect(outcome).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    expect(outcome.message).toContain('Some lists below projects could not be proved complete')
    expect(await livingIds(worker, 'project_materials')).toEqual(held)
    sim.removeFault(fault.id)
    // Of a project that is gone there is nothing to find.
    for (const { id, relationships } of sim.records.list('project-materials')) {
      if (relationships['project'] === first) sim.records.remove('project-materials', id)
    }
    sim.records.remove('projects', first)
    expect(await pullOne(worker, 'project-materials', { allowMassDelete: true })).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, 'project-materials'))
  })

  it('is read once a run, also while one of its lists cannot be proved complete', async () => {
    let asked = 0
    const { sim, worker } = await openAccount({}, (body, { type }) => {
      if (!type.endsWith('/project-materials')) return body
      asked++
      return { ...body, meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) + 1 } }
    })
    sim.setSwitches({ missingLists: ['project-materials'] })
    await pullOne(worker, 'projects')
    expect(await pullOne(worker, 'project-materials')).toMatchObject({ outcome: 'incomplete' })
    // Each alone so often that one which only changed would have been proved.
    expect(asked).toBe(4 * remoteIds(sim, 'projects').length)
  })

  it('is not complete while its projects never were', async () => {
    const { worker } = await openMaterials()
    const outcome = await pullOne(worker, 'project-materials')
    expect(outcome).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    expect(outcome.message).toContain('projects was never read completely')
  })

  it('is read after its projects', async () => {
    const { sim, worker } = await openMaterials()
    const { outcomes } = await worker.run(['project-materials', 'projects'])
    expect(outcomes.map(({ resource, outcome }) => [resource, outcome])).toEqual([
      ['projects', 'ok'],
      ['project-materials', 'ok'],
    ])
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, 'project-materials'))
  })
})

it.each(['line-of-businesses', 'lines-of-business', 'lobs'] as const)(
  'lines of business are found at %s, whatever type they carry, and requested there the next time',
  async (lobPath) => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ lobPath, lobType: lobPath })
    expect(await pullOne(worker, 'lines-of-business')).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'lines_of_business')).toEqual(remoteIds(sim, 'lines-of-business'))
    sim.resetStats()
    expect(await pullOne(worker, 'lines-of-business')).toMatchObject({ outcome: 'ok', updated: 0 })
    expect(sim.stats().statuses['404']).toBeUndefined()

    sim.records.remove('lines-of-business', remoteIds(sim, 'lines-of-business')[0]!)
    expect(await pullOne(worker, 'lines-of-business')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(await livingIds(worker, 'lines_of_business')).toEqual(remoteIds(sim, 'lines-of-business'))
  },
)

it('records that are only included in another list are read from there', async () => {
  const { sim, worker } = await openAccount()
  sim.setSwitches({ missingLists: ['business-units'] })
  expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'ok' })
  const named = new Set(sim.records.list('projects').map(({ relationships }) => relationships['business-unit']))
  expect(await livingIds(worker, 'business_units')).toEqual(
    remoteIds(sim, 'business-units').filter((id) => named.has(id)),
  )
  expect(await methodOf(worker, 'business-units')).toMatchObject({ from: 'included', list: 'projects' })
})

describe('a read method that has worked', () => {
  const notFound = { kind: '404', match: { path: '/v1/business-units' } } as const
  const own = { from: 'list', path: 'business-units' }

  it('is kept when its list is not found once, and the run fails', async () => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, 'business-units')
    for (let times = 0; times < 2; times++) {
      sim.addFault(notFound)
      expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'failed', code: 'SYNC_LIST_NOT_FOUND' })
      expect(await methodOf(worker, 'business-units')).toEqual(own)
      // It has answered in between, so the second time is not the second in a row.
      expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'ok' })
    }
  })

  it('is replaced by the next one when its list is not found twice in a row', async () => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, 'business-units')
    sim.addFault({ ...notFound, count: 'always' })
    expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'failed' })
    expect(await pullOne(worker, 'business-units')).not.toMatchObject({ outcome: 'failed' })
    expect(await methodOf(worker, 'business-units')).toMatchObject({ from: 'included', list: 'projects' })
  })
})

describe('a resource that no read method finds', () => {
  const gone = { kind: '404', match: { path: '/survey-responses' }, count: 'always' } as const

  it('is absent where it is unconfirmed, and the run ends well', async () => {
    const { sim, worker } = await openAccount()
    sim.addFault(gone)
    const { outcome, outcomes } = await worker.run(['surveys', 'survey-responses'])
    expect(outcome).toBe('ok')
    expect(outcomes.find(({ resource }) => resource === 'survey-responses')).toMatchObject({
      outcome: 'absent',
      code: 'SYNC_LIST_NOT_FOUND',
    })
  })

  const asked = (sim: Simulator): number => Object.values(sim.stats().requests).reduce((sum, count) => sum + count, 0)

  it('is not tried again within the day, unless it is named', async () => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, 'surveys')
    sim.addFault(gone)
    const first = await pullOne(worker, 'survey-responses')
    for (const how of [{}, { changesOnly: true }]) {
      sim.resetStats()
      expect(await pullOne(worker, 'survey-responses', how)).toMatchObject({
        outcome: 'absent',
        code: first.code,
        message: first.message,
      })
      expect(asked(sim)).toBe(0)
    }
    // Named on the command line, or all of it anew.
    for (const how of [{ retryAbsent: true }, { restart: true }, { resumeFrom: new Date() }]) {
      sim.resetStats()
      expect(await pullOne(worker, 'survey-responses', how)).toMatchObject({ outcome: 'absent' })
      expect(asked(sim)).toBeGreaterThan(0)
    }
    // One day it is there.
    sim.removeFault()
    expect(await pullOne(worker, 'survey-responses')).toMatchObject({ outcome: 'absent' })
    await learnedAgo(worker.sql, '25 hours')
    expect(await pullOne(worker, 'survey-responses')).toMatchObject({ outcome: 'ok' })
  })

  it('costs few requests, however many parents it might have', async () => {
    const { sim, worker } = await openAccount({}, undefined, { concurrency: 8 })
    await pullOne(worker, 'surveys')
    sim.addFault(gone)
    sim.resetStats()
    expect(await pullOne(worker, 'survey-responses')).toMatchObject({ outcome: 'absent' })
    // Its list, the lists below two surveys, these surveys, and whether the account is there at all.
    expect(asked(sim)).toBe(6)
  })

  it.each([
    ['absent', '404'],
    ['forbidden', '403'],
  ] as const)('%s: status does not show it as being read', async (outcome, kind) => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, 'surveys')
    sim.addFault({ ...gone, kind })
    expect(await pullOne(worker, 'survey-responses')).toMatchObject({ outcome })
    const shown = async () =>
      (await readStatus(worker.sql))!.resources.find(({ resource }) => resource === 'survey-responses')
    expect(await shown()).toMatchObject({ lastOutcome: outcome, interruptedAt: null })
    await pullOne(worker, 'survey-responses')
    expect(await shown()).toMatchObject({ lastOutcome: outcome, interruptedAt: null })
  })

  it('has failed where it gave rows before, though it is unconfirmed', async () => {
    const { sim, worker } = await openAccount()
    await worker.run(['surveys', 'survey-responses'])
    const held = await livingIds(worker, 'survey_responses')
    expect(held.length).toBeGreaterThan(0)
    sim.addFault(gone)
    for (let times = 0; times < 3; times++) {
      expect(await pullOne(worker, 'survey-responses')).toMatchObject({
        outcome: 'failed',
        code: 'SYNC_LIST_NOT_FOUND',
      })
    }
    expect(await livingIds(worker, 'survey_responses')).toEqual(held)
  })

  it('has failed where it is known to exist', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ missingLists: ['clients'] })
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'failed', code: 'SYNC_LIST_NOT_FOUND' })
  })
})

it('a declared member that no record ever carried is noted as drift, until a record carries it', async () => {
  let without = true
  const { worker } = await openAccount({}, (body, { type }) => {
    if (type !== 'services' || !without) return body
    const data = body.data.map((record) => {
      const { sku: _, ...attributes } = record['attributes'] as Record<string, unknown>
      return { ...record, attributes }
    })
    return { ...body, data }
  })
  const gone = async () =>
    (await readDrift(worker.sql, ['member'], { resource: 'services', kind: 'gone' })).map(({ member }) => member)
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const before = await gone()
  expect(before).toContain('sku')
  // Of pages that are not read nothing is known.
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  expect(await gone()).toEqual(before)
  without = false
  await pullOne(worker, 'services')
  expect(await gone()).toEqual(before.filter((member) => member !== 'sku'))
})
