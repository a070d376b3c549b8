/** A bulk update gives many records one time, and a server may order such ties differently on each page. */
import { expect, test } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { openAccount } from '../../support/scopestack/account.ts'
import { edit } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import { readCheckpoints } from '../../support/tables/progress.ts'

type Switches = Parameters<Simulator['setSwitches']>[0]

const TYPES = ['projects', 'project-services'] as const
const MINUTE = 60_000

/** 42 projects with 5 on a page. The clock is the test's, and behind that of the machine. */
async function openTies(switches: Switches, alter?: (body: ListBody, asked: { page: number }) => ListBody) {
  let time = Date.parse('2026-11-05T05:06:07.890Z')
  const { sim, worker } = await openAccount({ projects: 41, now: () => (time += 1000) }, alter, { pageSize: 5 })
  sim.setSwitches({ unstableTies: true, ...switches })
  await worker.run(TYPES)
  /** One time for every third project, its services changed with it, which says nothing elsewhere. */
  const bulk = (): string[] => {
    time += 10 * MINUTE
    const at = new Date(time).toISOString()
    const some = sim.records.list('projects').filter((_, index) => index % 3 === 0)
    for (const { id } of some) edit(sim, 'projects', id)
    for (const { id } of some) sim.records.update('projects', id, { attributes: { 'updated-at': at }, touch: false })
    for (const { id, relationships } of sim.records.list('project-services')) {
      if (some.some((project) => project.id === relationships['project']))
        edit(sim, 'project-services', id, { touch: false })
    }
    time += 10 * MINUTE
    return some.map(({ id }) => id)
  }
  const watermark = async (): Promise<Date> => {
    const [row] = await readCheckpoints(worker.sql, ['watermark'], { resource: 'projects' })
    return row!.watermark!
  }
  const changes = async (expected = 'ok') => {
    const { outcomes } = await worker.run(TYPES, { changesOnly: true })
    const shown = outcomes.map(({ resource, outcome, message }) => ({ resource, outcome, message }))
    expect(shown.filter(({ outcome }) => outcome !== 'ok' && outcome !== expected)).toEqual([])
    expect(shown.find(({ resource }) => resource === 'projects')).toMatchObject({ outcome: expected })
    return outcomes.find(({ resource }) => resource === 'projects')!
  }
  return { sim, worker, bulk, watermark, changes, pass: (minutes: number) => (time += minutes * MINUTE) }
}

const NO_TIE_BREAK = { refusedSorts: { projects: ['id'] } }

const SERVERS: readonly (readonly [string, Switches])[] = [
  ['the filter is taken', {}],
  ['the filter is taken, and the tie-break refused', NO_TIE_BREAK],
  ['the filter is taken, of a list in no order', { ...NO_TIE_BREAK, listOrder: 'shuffled' }],
  ['only the sort is taken', { dateFilter: 'refused' }],
  ['only the sort is taken, and the tie-break refused', { dateFilter: 'refused', ...NO_TIE_BREAK }],
]

test.each(SERVERS)('a bulk update is read completely, with the children of its projects: %s', async (_, switches) => {
  const { sim, worker, bulk, changes } = await openTies(switches)
  bulk()
  await changes()
  await expectAsRemote(worker, sim, TYPES)
  // At the watermark, too: others of that very time come later.
  const [first, , second] = sim.records.list('projects')
  const at = first!.attributes['updated-at']
  edit(sim, 'projects', second!.id)
  sim.records.update('projects', second!.id, { attributes: { 'updated-at': at }, touch: false })
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

test.each([
  ['the filter is taken', {}],
  ['only the sort is taken', { dateFilter: 'refused' }],
] as const)('a list without counts is read and not proved: the watermark stays (%s)', async (_, switches) => {
  let counted = true
  const alter = (body: ListBody): ListBody => (counted ? body : { ...body, meta: {} })
  const { sim, worker, bulk, changes, watermark } = await openTies(switches, alter)
  const before = await watermark()
  bulk()
  counted = false
  await changes('incomplete')
  expect(await watermark()).toEqual(before)
  counted = true
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

test.each([
  ['the filter is taken', {}],
  ['only the sort is taken', { dateFilter: 'refused' }],
] as const)('a bulk update in the middle of a read is not lost: %s', async (_, switches) => {
  const { sim, worker, bulk, changes, pass } = await openTies(switches)
  bulk()
  const at = new Date(pass(20)).toISOString()
  const some = sim.records.list('projects').slice(4, 24)
  const steps = some.map(({ id }, index) => ({
    update: {
      type: 'projects',
      id,
      attributes: { 'project-name': `in bulk ${index}`, 'updated-at': at },
      touch: false,
    },
  }))
  sim.addScript({ when: { type: 'projects', page: 2 }, do: steps })
  await changes()
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})
