/** Both schedules in one process, and incremental runs that are killed. */
import { expect, test } from 'vitest'
import { startWebhook } from '../../support/network/webhook.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { readChangedProjects } from '../../support/tables/progress.ts'
import { readRunOutcomes, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { contents, open, type Setting } from '../support/setting.ts'
import { openUnattended } from '../support/unattended.ts'

const TYPES = 'projects,project-phases,project-services,project-subservices'
const EVERY_SECOND = { SYNC_SCHEDULE: '0 0 1 1 *', SYNC_INCREMENTAL_SCHEDULE: '* * * * * *' }

const ofKind = ({ sql }: Setting, kind: string, outcome: string) =>
  until(async () => {
    const runs = await readRuns(sql, ['id', 'planned'], { kind, outcome })
    return runs.length > 0 ? runs : undefined
  }, `a run of kind ${kind} to end as ${outcome}`)

test.concurrent('both schedules run side by side, each with its own resources and its own alerts', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  const { sim, sql, start, run } = setting
  const env = { ...EVERY_SECOND, SYNC_RESOURCES: `clients,tags,${TYPES}`, ALERT_WEBHOOK_URL: webhook.url }
  start(env)
  const [whole] = await ofKind(setting, 'full', 'ok')
  expect(whole!.planned!.toSorted()).toEqual(['clients', 'tags', ...TYPES.split(',')].toSorted())
  await ofKind(setting, 'incremental', 'ok')

  const phase = sim.records.list('project-phases')[0]!
  sim.records.update('project-phases', phase.id, { attributes: { name: 'edited' } })
  await until(async () => {
    const [row] = await sql`select from scopestack.project_phases where id = ${phase.id} and name = 'edited'`
    return row !== undefined
  }, 'the change to arrive')
  const runs = await ofKind(setting, 'incremental', 'ok')
  for (const { planned } of runs) expect(planned!.toSorted()).toEqual(TYPES.split(',').toSorted())
  // Children of projects begin after the projects.
  const incremental = new Set((await readRuns(sql, ['id'], { kind: 'incremental' })).map(({ id }) => id))
  const read = (await readRunOutcomes(sql, ['run', 'resource', 'startedAt', 'finishedAt'])).filter((one) =>
    incremental.has(one.run),
  )
  const projectsEnd = new Map(
    read.filter(({ resource }) => resource === 'projects').map((one) => [one.run, one.finishedAt.getTime()]),
  )
  const early = read.filter(
    (one) =>
      one.resource.startsWith('project-') && one.startedAt.getTime() < (projectsEnd.get(one.run) ?? -Infinity) - 1,
  )
  expect(early).toEqual([])
  expect(await readRuns(sql, [], { kind: 'full' })).toHaveLength(1)

  const { stdout } = await run('status', env)
  expect(stdout).toMatch(/^Run \d+ \(full\) ended .*: ok$/m)
  expect(stdout).toMatch(/^Run \d+ \(incremental\) /m)
  expect(stdout).toMatch(
    /^"start" \S+ runs since \S+ \S+ UTC \(.*, process \d+: scheduler, worker, web, \d+ connections\), seen just now\.$/m,
  )
  expect(stdout).toMatch(/^Next incremental run: \S+ \S+ UTC\.$/m)

  sim.setSwitches({ forbidden: ['project-phases'] })
  sim.records.update('project-phases', phase.id, { attributes: { name: 'edited again' } })
  await until(() => webhook.received.some(({ event }) => event === 'failure'), 'the failure')
  sim.setSwitches({ forbidden: [] })
  await until(() => webhook.received.some(({ event }) => event === 'recovery'), 'the recovery')
  expect(webhook.received.map(({ event, kind }) => [event, kind])).toEqual([
    ['failure', 'incremental'],
    ['recovery', 'incremental'],
  ])
  await until(async () => {
    const [row] = await sql`select from scopestack.project_phases where id = ${phase.id} and name = 'edited again'`
    return row !== undefined
  }, 'the change that could not be read')
})

test.concurrent('a run that is killed between projects and their children loses nothing', async () => {
  await using setting = await open({ projects: 6 })
  const { sim, sql, run } = setting
  const types = TYPES.replaceAll(',', ' ')
  expect((await run(`pull ${types}`)).code).toBe(0)
  const [first, second] = sim.records.list('projects').map(({ id }) => id)
  for (const type of ['project-phases', 'project-services', 'project-subservices']) {
    const parts = sim.records.list(type).filter(({ relationships }) => relationships['project'] === first)
    sim.records.update(type, parts[0]!.id, { attributes: { name: 'edited' } })
    if (type !== 'project-services') sim.records.remove(type, parts[1]!.id)
  }
  sim.records.create('project-phases', { relationships: { project: second! } })

  const stall = sim.addFault({ kind: 'stall', match: { path: '/project-' }, count: 'always' })
  const killed = run(`pull ${types}`)
  await until(() => sim.faults().some(({ id, met }) => id === stall.id && met > 0), 'a question that is not answered')
  killed.kill('SIGKILL')
  expect((await killed).signal).toBe('SIGKILL')
  sim.removeFault(stall.id)
  expect(await readChangedProjects(sql, [])).toHaveLength(2)

  const next = await run(`pull ${types}`)
  expect(next.code, next.stderr).toBe(0)
  await using fresh = await open()
  // Twice: what no release describes is in columns then, as it is here.
  for (let pulled = 0; pulled < 2; pulled++) {
    const whole = await fresh.run(`pull ${types}`, { SCOPESTACK_AUTH_URL: sim.url, SCOPESTACK_API_URL: sim.url })
    expect(whole.code, whole.stderr).toBe(0)
  }
  for (const table of ['project_phases', 'project_subservices']) {
    await withoutCapture(sql, async (tx) => {
      const { count } = await tx`delete from scopestack.${tx(table)} where sync_deleted_at is not null`
      expect(count, table).toBe(1)
    })
  }
  expect(await contents(sql)).toEqual(await contents(fresh.sql))
})
