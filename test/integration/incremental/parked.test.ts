/** A record that an earlier run could not load is no part of a later `ok`: nothing that changes in ScopeStack brings it again. */
import { describe, expect, it } from 'vitest'
import { addPart, edit, openAccount, projectWith } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import { readParked } from '../../support/tables/progress.ts'

type Account = Awaited<ReturnType<typeof openAccount>>

const open = async ({ worker }: Account, resource: string) =>
  (await readParked(worker.sql, ['recordId'], { resource, isOpen: true })).map(({ recordId }) => recordId)

const breakRecord = ({ sim }: Account, type: string, id: string) => sim.setSwitches({ brokenRecords: { [type]: [id] } })
const fix = ({ sim }: Account) => sim.setSwitches({ brokenRecords: {} })

describe('a record that ScopeStack failed at', () => {
  it('below a project that changed is read again once it can be, though its project does not change', async () => {
    await using account = await openAccount()
    const { sim, worker, changes } = account
    const { parts } = projectWith(sim, 'project-contacts', 2)
    const id = parts[0]!
    await changes()
    edit(sim, 'project-contacts', id)
    breakRecord(account, 'project-contacts', id)
    await changes(undefined, { 'project-contacts': { outcome: 'incomplete', parked: 1 } })
    expect(await open(account, 'project-contacts')).toEqual([id])
    // Not while it fails: nothing else of its list changes.
    const still = { outcome: 'incomplete', parked: 1, code: 'SYNC_INCOMPLETE' } as const
    await changes(undefined, { 'project-contacts': still })
    fix(account)
    await changes(undefined, { 'project-contacts': { outcome: 'ok', updated: 1 } })
    expect(await open(account, 'project-contacts')).toEqual([])
    await expectAsRemote(worker, sim, ['project-contacts'])
  })

  it('in a full read, behind which the watermark moves past it, is read again by the next changes', async () => {
    await using account = await openAccount()
    const { sim, worker, changes } = account
    const { id } = sim.records.list('projects')[0]!
    // A full read brings it however old the change is.
    edit(sim, 'projects', id, { touch: false })
    breakRecord(account, 'projects', id)
    const full = await worker.run(['projects'])
    expect(full.outcomes).toMatchObject([{ outcome: 'incomplete', parked: 1 }])
    fix(account)
    await changes(['projects'], { projects: { outcome: 'ok', updated: 1 } })
    await expectAsRemote(worker, sim, ['projects'])
  })

  it('brings the children of a project that it kept back', async () => {
    await using account = await openAccount()
    const { sim, worker, changes } = account
    const { project } = projectWith(sim, 'project-services', 1)
    const types = ['projects', 'project-services']
    await changes(types)
    addPart(sim, 'project-services', project)
    breakRecord(account, 'projects', project)
    const kept = { outcome: 'incomplete' } as const
    await changes(types, { projects: kept, 'project-services': kept })
    fix(account)
    await changes(types)
    await expectAsRemote(worker, sim, types)
  })
})

it('a record without an id stays parked until a full read is free of it, and what changed is incomplete until then', async () => {
  let isNameless = false
  await using account = await openAccount({
    pageSize: 5,
    alter: (body, { type, page }) => {
      if (!isNameless || type !== 'projects' || page !== 1) return body
      const [{ id: _, ...first } = {}, ...others] = body.data
      return { ...body, data: [first, ...others] }
    },
  })
  const { worker, changes } = account
  isNameless = true
  await worker.run(['projects'])
  expect(await open(account, 'projects')).toEqual([null])
  isNameless = false
  await changes(['projects'], { projects: { outcome: 'incomplete', parked: 1 } })
  await worker.run(['projects'])
  expect(await open(account, 'projects')).toEqual([])
  await changes(['projects'])
})
