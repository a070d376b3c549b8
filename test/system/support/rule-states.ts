/** Brings processes of `start` into each state that an alert rule is for, and keeps what /metrics shows there. */
import { scrape, sumOf, type Exposition } from '../../support/network/exposition.ts'
import { startWireRelay, type WireRelay } from '../../support/network/wire-relay.ts'
import { endCoolDown } from '../../support/tables/fleet.ts'
import { makeDue, makeEarlier, readStates } from '../../support/tables/outbox.ts'
import {
  deleteParked,
  forgetCheckpoints,
  insertCheckpoint,
  insertCompleteRead,
  insertParked,
  readEarlier,
} from '../../support/tables/progress.ts'
import { beginOpenRunsAgo, insertOpenRun, silenceFirstProcess } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { addressOf, ended, openUnattended, YEARLY, type Started, type Unattended } from './unattended.ts'

const P = 'scopestack_sync_'

/** Until the page shows it. */
async function shown(url: string, what: string, isThere: (page: Exposition) => boolean): Promise<Exposition> {
  return await until(async () => {
    const page = await scrape(url)
    return isThere(page) ? page : undefined
  }, `/metrics to show ${what}`)
}

const has =
  (name: string, ...labels: readonly string[]) =>
  (page: Exposition) =>
    sumOf(page, P + name, ...labels) > 0
const hasNone =
  (name: string, ...labels: readonly string[]) =>
  (page: Exposition) =>
    sumOf(page, P + name, ...labels) === 0

const TOKEN = 'acts-on-it-0123456789'
const authorization = `Bearer ${TOKEN}`

/** As the button of the dashboard does. @returns when it has ended. */
async function runNow(setting: Unattended, url: string, number: number): Promise<void> {
  const [, key] = /name="key" value="([^"]*)"/.exec(
    await (await fetch(`${url}/schedule`, { headers: { authorization } })).text(),
  )!
  const body = new URLSearchParams({ key: key!, do: 'run:full' })
  const { status } = await fetch(`${url}/schedule`, { method: 'POST', body, headers: { authorization } })
  if (status !== 200) throw new Error(`The run was not begun: ${status}`)
  await ended(setting, number)
  await shown(url, `run ${number}`, hasNone('run_open_seconds'))
}

/** What the page showed in each state. */
export interface States {
  readonly pages: Awaited<ReturnType<typeof visitAll>>['pages']
  /** The page of the good one. */
  readonly text: string
}

/** Two processes, one after the other: all that a worker does, and then what is seen when none is left. */
export async function visitStates(): Promise<States> {
  return await visitAll()
}

async function visitAll() {
  await using setting = await openUnattended('postgres')
  await using relay = await startWireRelay(setting.databaseUrl)
  const first = setting.start({ SYNC_RESOURCES: 'clients,tags,teams', SYNC_RATE: '100', DASHBOARD_TOKEN: TOKEN })
  await ended(setting)
  const url = await addressOf(first)
  const good = await shown(url, 'a run that ended, and itself', (page) =>
    [has('processes', 'alive'), has('run_outcome', 'ok')].every((one) => one(page)),
  )
  const text = await (await fetch(`${url}/metrics`)).text()
  const ofTables = await visitTables(setting, url)
  const ofEdits = await visitEdits(setting, url)
  const ofRequests = await visitRequests(setting, url)
  const ofDashboard = await visitDashboard(setting, url)
  const ofProcesses = await visitProcesses(setting, relay, { process: first, url })
  return { pages: { good, ...ofTables, ...ofEdits, ...ofRequests, ...ofDashboard, ...ofProcesses }, text }
}

async function visitTables({ sql }: Unattended, url: string) {
  await insertParked(sql, { resource: 'clients', reason: 'no reason' })
  const recordsParked = await shown(url, 'the parked record', has('parked_records'))
  await deleteParked(sql)
  await readEarlier(sql, 'tags', '3 years')
  const stale = await shown(url, 'its age', (page) => sumOf(page, `${P}freshness_seconds`, 'tags') > 90_000_000)
  await forgetCheckpoints(sql, 'teams')
  await insertCheckpoint(sql, 'teams')
  await readEarlier(sql, 'tags', '-3 years')
  const neverRead = await shown(url, 'a table without a read', (page) => {
    return (
      sumOf(page, `${P}freshness_seconds`, 'teams') === Infinity && sumOf(page, `${P}freshness_seconds`, 'tags') < 9e7
    )
  })
  await forgetCheckpoints(sql, 'teams')
  await insertCompleteRead(sql, 'teams')
  await insertCompleteRead(sql, 'vendors')
  await readEarlier(sql, 'vendors', '3 years')
  await insertCheckpoint(sql, 'products')
  const notScheduled = await shown(url, 'the age of tables that no schedule reads', (page) => {
    const age = sumOf(page, `${P}freshness_seconds`, 'vendors')
    return age > 90_000_000 && age < Infinity && sumOf(page, `${P}freshness_seconds`, 'products') === Infinity
  })
  await forgetCheckpoints(sql, 'vendors')
  await forgetCheckpoints(sql, 'products')
  return { recordsParked, stale, neverRead, notScheduled }
}

async function visitEdits({ sql, sim }: Unattended, url: string) {
  const [one, two] = sim.records.list('clients')
  await sql`update scopestack.clients set name = ${String(two!.attributes['name'])} where id = ${one!.id}`
  const editsParked = await shown(url, 'the parked edit', has('local_edits', 'parked'))
  const fault = sim.addFault({ kind: '503', match: { method: 'PATCH' }, count: 'always' })
  await sql`update scopestack.clients set name = 'Another name' where id = ${one!.id}`
  await makeEarlier(sql, '2 hours')
  const editsWait = await shown(url, 'the edit that waits', (page) => {
    return sumOf(page, `${P}outbox_oldest_seconds`) > 3_600 && hasNone('local_edits', 'parked')(page)
  })
  sim.removeFault(fault.id)
  await until(async () => {
    await makeDue(sql)
    return (await readStates(sql)).every((state) => state === 'sent' || state === 'superseded')
  }, 'the edit to be sent')
  return { editsParked, editsWait }
}

async function visitRequests(setting: Unattended, url: string) {
  const { sim, sql } = setting
  const gone = sim.addFault({ kind: '404', match: { type: 'tags' }, count: 'always' })
  await runNow(setting, url, 2)
  const runFailed = await shown(url, 'the failed run', has('run_outcome', 'failed'))
  sim.removeFault(gone.id)
  await runNow(setting, url, 3)
  const beforeRejected = await shown(url, 'a run that ended well', has('run_outcome', 'ok'))
  for (const [number, type] of [
    [4, 'clients'],
    [5, 'tags'],
    [6, 'clients'],
  ] as const) {
    sim.addFault({ kind: '401', match: { type }, count: 1 })
    await runNow(setting, url, number)
  }
  const rejected = await scrape(url)
  for (const type of ['clients', 'tags']) sim.addFault({ kind: '503', match: { type }, count: 4 })
  await runNow(setting, url, 7)
  const failing = await scrape(url)
  sim.addFault({ kind: '503', match: { path: '/oauth/token' }, count: 1 })
  sim.addFault({ kind: '401', match: { type: 'clients' }, count: 1 })
  await runNow(setting, url, 8)
  const renewedLate = await scrape(url)
  const noToken = sim.addFault({ kind: '401', match: { path: '/oauth/token' }, count: 'always' })
  sim.addFault({ kind: '401', match: { type: 'clients' }, count: 1 })
  await runNow(setting, url, 9)
  const refused = await shown(url, 'the refused token', has('run_outcome', 'failed'))
  sim.removeFault(noToken.id)
  await endCoolDown(sql)
  await runNow(setting, url, 10)
  const over = await shown(url, 'a run that ended well', has('run_outcome', 'ok'))
  return { runFailed, beforeRejected, rejected, failing, renewedLate, refused, over }
}

async function visitDashboard({ sql }: Unattended, url: string) {
  await sql`alter table sync.paused_schedules rename to lost_schedules`
  const unreadable = await shown(url, 'no state', ({ samples }) => !samples.has(`${P}problems`))
  await sql`alter table sync.lost_schedules rename to paused_schedules`
  await shown(url, 'the state', has('processes', 'alive'))
  for (let times = 0; times < 12; times++) {
    const body = new URLSearchParams({ token: `not-this-one-${times}` })
    const { status } = await fetch(`${url}/sign-in`, { method: 'POST', body })
    if (status !== 401) throw new Error(`A token was guessed: ${status}`)
  }
  return { unreadable, guessed: await scrape(url) }
}

/** The first is killed, and with it the only worker. */
async function visitProcesses(
  { sql, start }: Unattended,
  relay: WireRelay,
  first: { readonly process: Started; readonly url: string },
) {
  const second = start({ DATABASE_URL: relay.url }, 'scheduler')
  const url = await addressOf(second)
  const bothAlive = await shown(url, 'both', (page) => sumOf(page, `${P}processes`, 'alive') === 2)
  first.process.kill('SIGKILL')
  await first.process.run
  const killed = await scrape(first.url).catch(() => null)
  await silenceFirstProcess(sql)
  const oneKilled = await shown(url, 'the killed one', has('processes', 'silent'))
  await insertOpenRun(sql, 'clients')
  const notDrained = await shown(url, 'its job', has('queue_jobs', 'queue="sync"', 'waiting"'))
  await beginOpenRunsAgo(sql, '3 years')
  const runStuck = await shown(url, 'its age', (page) => sumOf(page, `${P}run_open_seconds`) > 90_000_000)
  relay.freeze()
  const databaseAway = await shown(url, 'no database', (page) => sumOf(page, `${P}process_database_up`) === 0)
  relay.thaw()
  const waiting = start({ REDIS_URL: 'redis://127.0.0.1:1' }, 'scheduler')
  const notStarted = await shown(await addressOf(waiting), 'a database, and no queue', (page) =>
    [has('process_database_up'), hasNone('process_started')].every((one) => one(page)),
  )
  await insertCompleteRead(sql, 'projects')
  await readEarlier(sql, 'projects', '3 years')
  const third = start(
    { SYNC_RESOURCES: 'projects', SYNC_SCHEDULE: 'off', SYNC_INCREMENTAL_SCHEDULE: YEARLY },
    'scheduler',
  )
  const changesOnly = await shown(await addressOf(third), 'what is late, and its own job', (page) =>
    [has('late'), (one: Exposition) => sumOf(one, `${P}queue_jobs`, 'queue="sync"', 'waiting"') === 2].every((one) =>
      one(page),
    ),
  )
  return { bothAlive, killed, oneKilled, notDrained, runStuck, databaseAway, notStarted, changesOnly }
}
