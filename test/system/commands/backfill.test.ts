/** Backfills by the real program: killed, stopped, failed, restarted. */
import { expect, test } from 'vitest'
import { beginSnapshotsAgo } from '../../support/tables/progress.ts'
import { beginRunsEarlier, readRunOutcomes, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { fillClients, jsonLines, open, type Setting } from '../support/setting.ts'

const LONG = process.env['FAULTS'] === 'long'
const KILLS = LONG ? 20 : 3
const PAGES = LONG ? 1500 : 150
const PAGE_SIZE = 10
const CONCURRENCY = 2
const ENV = { SYNC_PAGE_SIZE: String(PAGE_SIZE), SYNC_CONCURRENCY: String(CONCURRENCY) }
/** Of a long list (`sync/list/read-records.ts`). */
const CHAINS = CONCURRENCY + 2
/** `AHEAD` of `remote/pages/reverse-pages.ts`: pages of a chain that are on their way or wait, and as many in the batch being written. */
const LOST_BY_A_CHAIN = 2 * 2
const ALONE = 'Run "backfill" without arguments to continue it.'

async function openLong(): Promise<Setting> {
  const setting = await open({ latency: 5 })
  fillClients(setting.sim, PAGES * PAGE_SIZE)
  return setting
}

const asked = ({ sim }: Setting, type = 'clients'): number => sim.stats().requests[`GET /{account}/v1/${type}`] ?? 0
const notChanged = ({ sim }: Setting): number => sim.stats().statuses['304'] ?? 0
const books = ({ sql }: Setting) => readRuns(sql, ['kind', 'outcome', 'error'])

async function expectEqual({ run }: Setting, types: string): Promise<void> {
  const { code, stdout, stderr } = await run(`verify ${types}`)
  expect(code, stdout + stderr).toBe(0)
}

test(`killed ${KILLS} times at any moment, it ends, and no kill costs more than the pages in flight`, async () => {
  await using setting = await openLong()
  const { sim, sql, run } = setting
  const moments: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const before = asked(setting)
    const moment = 1 + Math.floor(Math.random() * (PAGES / KILLS))
    moments.push(moment)
    const killed = run(kill === 0 ? 'backfill clients vendors' : 'backfill', ENV)
    await until(() => asked(setting) >= before + moment, `${moment} more pages being asked for`)
    killed.kill('SIGKILL')
    expect((await killed).signal, `killed at ${moments.join()}`).toBe('SIGKILL')
  }
  const { code, stdout, stderr } = await run('backfill', ENV)
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^Goes on with the backfill begun \S+: \d resources? done, \d left\.$/m)

  const pages = PAGES + CHAINS - 1
  // Each start requests the length of the list before it reads, and a read that had not begun requests it again.
  const lengths = 2 * (KILLS + 1)
  const most = pages + lengths + KILLS * CHAINS * LOST_BY_A_CHAIN
  expect(asked(setting), `killed at ${moments.join()}`).toBeLessThanOrEqual(most)
  expect(await sql`select id from scopestack.clients`).toHaveLength(sim.records.list('clients').length)
  expect(await books(setting)).toEqual([{ kind: 'backfill', outcome: 'ok', error: null }])
  await expectEqual(setting, 'clients vendors')
})

test('after Ctrl-C it says how to continue, status shows it as not ended, and completed resources are not read again', async () => {
  await using setting = await openLong()
  const { sim, sql, run } = setting
  const first = run('backfill clients vendors --json', ENV)
  await until(async () => (await readRunOutcomes(sql, [])).length > 0 && asked(setting) > 50, 'vendors done')
  first.kill('SIGINT')
  const stopped = await first
  expect(stopped.code).toBe(1)
  expect(stopped.stderr).toMatch(/\nStopped on request\. .* \(SYNC_STOPPED\)\n$/)
  expect(stopped.stderr).toContain(ALONE)
  expect(jsonLines(stopped.stdout).last).toMatchObject({ type: 'error', code: 'SYNC_STOPPED' })
  const status = await run('status')
  expect(status.stdout).toMatch(
    /^Run 1 \(backfill\), begun just now, has not ended: 1 of 2 resources done\. .*run "backfill"/m,
  )

  // Another backfill is not what the operator means.
  for (const other of ['backfill vendors', 'backfill --since 2026-01-01']) {
    const { code, stderr } = await run(other, ENV)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^A backfill of clients, vendors, started \S+, has not ended\. .*--restart/)
    expect(stderr).toContain('(SYNC_BACKFILL_DIFFERS)')
  }
  // At any later time.
  await beginRunsEarlier(sql, '30 days')
  await beginSnapshotsAgo(sql, '30 days')
  const read = asked(setting)
  sim.resetStats()
  const { code, stdout, stderr } = await run('backfill --json', ENV)
  expect(code, stderr).toBe(0)
  expect(asked(setting, 'vendors')).toBe(0)
  expect(asked(setting) + read).toBeLessThan(PAGES + 2 * CHAINS * LOST_BY_A_CHAIN)
  expect(jsonLines(stdout).all.filter(({ type }) => type === 'end')).toMatchObject([
    { resource: 'clients', outcome: 'ok' },
  ])
  expect(jsonLines(stdout).last).toMatchObject({ type: 'run', runId: 1, outcome: 'ok', resources: 1 })
  expect(await books(setting)).toEqual([{ kind: 'backfill', outcome: 'ok', error: null }])
  await expectEqual(setting, 'clients vendors')
})

test('only failed resources are tried again, and forbidden ones end the backfill', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.setSwitches({ missingLists: ['vendors'] })
  const failed = await run('backfill clients vendors surveys')
  expect(failed.code).toBe(2)
  expect(failed.stdout).toMatch(/^Failed: vendors\.\sRun\s"backfill"\sto\stry\sit\sagain,\sor\s"backfill\s--restart"/m)
  expect(await books(setting)).toEqual([{ kind: 'backfill', outcome: null, error: null }])

  sim.setSwitches({ missingLists: [] })
  sim.resetStats()
  const again = await run('backfill')
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toContain('2 resources done, 1 left.')
  expect([asked(setting), asked(setting, 'surveys')]).toEqual([0, 0])
  expect(asked(setting, 'vendors')).toBeGreaterThan(0)
  expect(await books(setting)).toEqual([{ kind: 'backfill', outcome: 'ok', error: null }])

  sim.setSwitches({ forbidden: ['surveys'] })
  expect((await run('backfill clients surveys')).code).toBe(2)
  expect((await books(setting)).at(-1)).toEqual({ kind: 'backfill', outcome: 'forbidden', error: null })
})

test('--restart begins from the start and requests every page again, also after a kill', async () => {
  await using setting = await openLong()
  const { sim, run } = setting
  const first = await run('backfill clients', ENV)
  expect(first.code, first.stderr).toBe(0)
  // A backfill that has not ended and would be resumed: none of its records has changed.
  sim.resetStats()
  const left = run('backfill clients', ENV)
  await until(() => asked(setting) > 50, '50 pages being asked for')
  left.kill('SIGKILL')
  await left
  expect(notChanged(setting)).toBeGreaterThan(20)
  sim.resetStats()
  const restarted = run('backfill clients --restart', ENV)
  await until(() => asked(setting) > 50, '50 pages being asked for')
  restarted.kill('SIGKILL')
  await restarted
  const last = await run('backfill', ENV)
  expect(last.code, last.stderr).toBe(0)
  expect(asked(setting)).toBeGreaterThanOrEqual(PAGES)
  expect(notChanged(setting)).toBe(0)
  expect((await books(setting)).slice(1)).toEqual([
    { kind: 'backfill', outcome: 'failed', error: 'Begun anew by --restart.' },
    { kind: 'backfill', outcome: 'ok', error: null },
  ])
})

test('--since reads records that changed since, with the children of those projects, and nothing else', async () => {
  await using setting = await open({ projects: 15 })
  const { sim, sql, run } = setting
  const env = { SYNC_PAGE_SIZE: '10' }
  await setting.pull('projects', 'project-services')
  const service = sim.records.list('project-services')[0]!
  const project = service.relationships['project'] as string
  sim.records.update('projects', project, { attributes: { 'project-name': 'Changed' } })
  // The mirror already has the change, but not its effects on the children.
  await setting.pull('projects')
  sim.records.update('project-services', service.id, { attributes: { name: 'Quietly' }, touch: false })

  sim.resetStats()
  sim.addFault({ kind: 'slow', ms: 60_000, match: { type: 'project-services' } })
  const today = new Date().toISOString().slice(0, 10)
  const killed = run(`backfill --since ${today}`, env)
  const isDone = async (): Promise<boolean> => {
    const [backfill] = await readRuns(sql, ['id'], { kind: 'backfill' })
    const ended = await readRunOutcomes(sql, ['run'], { resource: 'projects' })
    return ended.some(({ run: id }) => id === backfill?.id)
  }
  await until(async () => (await isDone()) && asked(setting, 'project-services') > 0, 'the projects being done')
  killed.kill('SIGKILL')
  await killed
  sim.removeFault()
  const { code, stdout, stderr } = await run('backfill', env)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain(`what changed since ${today}`)
  // The killed one asks once; then what a filter would hide is counted, and the children of the project are read.
  expect(asked(setting, 'project-services')).toBeLessThanOrEqual(4)
  const planned = (await readRuns(sql, ['planned'], { kind: 'backfill' }))[0]!.planned!
  const lists = Object.keys(sim.stats().requests).flatMap(
    (route) => /^GET \/\{account\}\/v1\/([a-z-]+)/.exec(route)?.[1] ?? [],
  )
  expect(lists.filter((type) => !planned.includes(type))).toEqual([])
  expect(planned).toContain('project-services')
  expect(planned).not.toContain('clients')
  expect(await sql`select name from scopestack.project_services where id = ${service.id}`).toEqual([
    { name: 'Quietly' },
  ])
})

test('a mistake in the arguments is named, and nothing is read', async () => {
  await using setting = await open()
  const mistakes: Record<string, string> = {
    'backfill --since tomorrow': '--since takes a day as YYYY-MM-DD, not "tomorrow".',
    'backfill clients projects --since 2026-01-01': 'does not tell when clients changed. Leave --since out',
    'backfill project-services --since 2026-01-01': 'Name projects too.',
    'backfill cleints': 'did you mean clients?',
  }
  const made = Object.entries(mistakes).map(async ([command, said]) => {
    const { code, stdout, stderr } = await setting.run(command)
    expect({ code, stdout }, command).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain(said)
  })
  await Promise.all(made)
  expect(setting.sim.stats().requests).toEqual({})
})
