/** Each page beside the first, with texts of the remote that would break out of it; and what a person can decide there. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, insertEdits, newestId, parkOf, readStates } from '../../support/tables/outbox.ts'
import { deleteDrift, deleteParked } from '../../support/tables/progress.ts'
import { deleteProcesses, endRuns, failOutcomes, insertOpenRun, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { openBoard, rowsOf, type Board } from './board.ts'
import { HOSTILE, insertHostile } from './hostile.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let board: Board
const TYPES = ['clients', 'vendors']
const LOOK = 'look-at-it-0123456789'
const ACT = 'act-on-it-0123456789'

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  board = await openBoard(database.url)
  await worker.run(TYPES)
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
})

afterAll(async () => {
  await board?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** Nothing of a text became an element or an attribute, and no character of it turns or hides what is beside it. */
function expectHarmless(body: string): void {
  expect(body).not.toMatch(/<img|alert\(1\)<\/script>|<script>/)
  expect(body.replaceAll('<script src="/live.js" defer></script>', '')).not.toContain('<script')
  expect(body).not.toMatch(/<[^>"]*(?:"[^"]*"[^>"]*)*\son\w+=/)
  expect(body).not.toMatch(/[\p{Cf}\p{Zl}\p{Zp}]/u)
  expect(body).not.toContain('\u0007')
  expect(body.length).toBeLessThan(200_000)
}

const keyOn = (body: string): string => /name="key" value="([^"]*)"/.exec(body)![1]!

async function conflict(mine: string, theirs: string, at = 0): Promise<number> {
  const { id } = sim.records.list('clients')[at]!
  await worker.sql`update scopestack.clients set name = ${mine} where id = ${id}`
  sim.records.update('clients', id, { attributes: { name: theirs } })
  await worker.push()
  return await newestId(worker.sql)
}

test('texts of the remote are shown and harmless, whatever they hold, on every page', async () => {
  const id = await conflict(`Mine ${HOSTILE}`, `Theirs ${HOSTILE} ${'x'.repeat(1_000_000)}`)
  await insertHostile(worker.sql)
  for (const path of ['/', '/changes', '/runs', '/runs/1', '/resources/clients']) {
    const { status, body } = await board.get(path)
    expect(status, path).toBe(200)
    expectHarmless(body)
  }
  // The overview may be a second old.
  await until(
    async () => (await board.get('/resources/clients')).text.includes('What no release describes'),
    'the member to be among those that no release describes',
  )
  const { text, body } = await board.get('/resources/clients')
  expectHarmless(body)
  expect(text).toContain(
    '<script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)\' autofocus onfocus=alert(4) \\u202e\\u0007',
  )
  expect(text).toMatch(/… \(1,000,\d{3} characters\)/)
  expect((await board.get('/changes')).text).toContain(`Change ${id}: update of clients`)
  await deleteParked(worker.sql)
  await deleteDrift(worker.sql)
  await deleteProcesses(worker.sql)
})

test('a conflict shows both values side by side, and is decided with a button', async () => {
  const kept = await conflict('Mine', 'Theirs')
  const page = await board.get('/changes')
  expect(rowsOf(page.body)[1]!.slice(0, 3)).toEqual(['name', 'Mine', 'Theirs'])
  expect(page.text).toContain('(SYNC_PUSH_CONFLICT)')
  const done = await board.post('/changes', { decision: `keep local:${kept}` })
  expect(done).toMatchObject({ status: 200 })
  expect(done.text).toContain('Keep the local values: 1 change.')
  expect(await readStates(worker.sql)).toEqual(['waiting'])
  await worker.push()
  expect(sim.records.list('clients')[0]!.attributes['name']).toBe('Mine')

  const lost = await conflict('Mine again', 'Theirs again')
  const key = keyOn((await board.get('/changes')).body)
  expect((await board.post('/changes', { decision: `keep remote:${lost}` })).status).toBe(200)
  expect(await readStates(worker.sql)).toEqual(['sent', 'discarded'])
  // A second click, or another person, comes too late: nothing is half done.
  const late = await board.post('/changes', { decision: `keep remote:${lost}`, key })
  expect(late.status).toBe(409)
  expect(late.text).toContain('is discarded already')
  const who = { asked: 1, tokenMay: 'none asked for', from: '127.0.0.1' }
  expect(board.lines.slice(-3)).toMatchObject([
    { level: 30, action: 'keep local', changes: [kept], done: 1, ...who },
    { level: 30, action: 'keep remote', changes: [lost], done: 1, ...who },
    { level: 40, action: 'keep remote', done: 0, ...who, msg: expect.stringMatching(/is discarded already/) as string },
  ])
})

test('what has changed since it was seen is not decided: it is shown again', async () => {
  const id = await conflict('Mine once more', 'Theirs once more')
  const { body } = await board.get('/changes')
  const seen = [...body.matchAll(/name="seen"\s+value="([^"]+)"/g)].map(([, value]) => value!)
  expect(seen).toEqual([expect.stringMatching(new RegExp(`^${id}:[\\w-]{16}$`))])
  // Another person has it tried again, and meanwhile the remote has yet another value.
  const [client] = sim.records.list('clients')
  sim.records.update('clients', client!.id, { attributes: { name: 'Theirs by now' } })
  await board.post('/changes', { decision: `retry:${id}`, seen })
  await worker.push()
  expect(await readStates(worker.sql)).toEqual(['parked'])
  for (const decision of ['keep local', 'keep remote', 'retry', 'discard']) {
    const page = await board.post('/changes', { decision: `${decision}:${id}`, seen })
    expect(page.status, decision).toBe(409)
    expect(page.text).toContain(`Change ${id} is another one since the page was made, so it was left alone.`)
    expect(page.text).toContain('Theirs by now')
  }
  expect(await readStates(worker.sql)).toEqual(['parked'])
  const again = [...(await board.get('/changes')).body.matchAll(/name="seen"\s+value="([^"]+)"/g)].map((one) => one[1]!)
  expect((await board.post('/changes', { decision: `keep local:${id}`, seen: again })).status).toBe(200)
  await worker.push()
  expect(sim.records.list('clients')[0]!.attributes['name']).toBe('Mine once more')
})

test('many of one reason are decided at once: those selected, or all', async () => {
  await insertEdits(worker.sql, sim.records.list('vendors')[0]!.id, 5)
  await parkOf(worker.sql, 'vendors')
  const { body } = await board.get('/changes')
  const all = [...body.matchAll(/name="all" value="(\d+)"/g)].map(([, id]) => id!)
  expect(all).toHaveLength(5)
  expect((await board.post('/changes', { decision: 'retry:selected' })).text).toContain('No change is selected.')
  const some = await board.post('/changes', { decision: 'retry:selected', id: all.slice(0, 2), all })
  expect(some.text).toContain('Retry: 2 changes.')
  expect(await readStates(worker.sql)).toEqual(['waiting', 'waiting', 'parked', 'parked', 'parked'])
  expect((await board.post('/changes', { decision: 'discard:all', all: all.slice(2) })).text).toContain('Discard: 3')
  expect(await readStates(worker.sql)).toEqual(['waiting', 'waiting', 'discarded', 'discarded', 'discarded'])
  for (const decision of ['', 'drop:all', 'retry:1 or true', 'retry:', 'retry'])
    expect((await board.post('/changes', { decision })).status, decision).toBe(400)
})

test('a form of another site, and of a session that may only look, changes nothing', async () => {
  const id = await conflict('Mine', 'Theirs')
  const decision = `discard:${id}`
  const refused = async (fields: Record<string, string>, headers?: Record<string, string>) => {
    expect((await board.post('/changes', { decision, ...fields }, headers)).status).toBe(403)
    expect(await readStates(worker.sql)).toEqual(['parked'])
  }
  await refused({ key: '' })
  await refused({ key: 'guessed' })
  await refused({}, { 'sec-fetch-site': 'cross-site' })
  await refused({}, { 'sec-fetch-site': 'same-site' })
  await refused({}, { origin: 'https://evil.example' })
  await refused({}, { origin: 'null' })

  await using guarded = await openBoard(database.url, {
    access: { host: '127.0.0.1', tokens: { look: LOOK, act: ACT } },
  })
  const looks = { authorization: `Bearer ${LOOK}` }
  const looking = await guarded.get('/changes', looks)
  expect(looking.text).toContain(`Change ${id}`)
  expect(looking.body).not.toContain('<button name=')
  expect((await guarded.post('/changes', { decision }, looks)).status).toBe(403)
  expect((await guarded.post('/changes', { decision })).status).toBe(401)
  const cookie = (await guarded.post('/sign-in', { token: ACT })).headers['set-cookie']![0]!.split(';')[0]!
  // The key of one session is none of another.
  const key = keyOn(looking.body)
  expect((await guarded.post('/changes', { decision, key }, { cookie })).status).toBe(403)
  expect(await readStates(worker.sql)).toEqual(['parked'])
  const proxied = { cookie, 'x-forwarded-for': `203.0.113.9 ${'x'.repeat(1_000)}` }
  expect((await guarded.post('/changes', { decision }, proxied)).status).toBe(200)
  expect(await readStates(worker.sql)).toEqual(['discarded'])
  const [signedIn, ...actions] = guarded.lines.toSorted((one) => (one['msg'] === 'signed in to the dashboard' ? -1 : 0))
  expect(signedIn).toMatchObject({ level: 30, tokenMay: 'act', from: '127.0.0.1', msg: 'signed in to the dashboard' })
  expect(actions).toMatchObject([
    { tokenMay: 'look', msg: 'refused by the dashboard: the token may look only' },
    { tokenMay: 'act', msg: 'refused by the dashboard: the form is of no page of ours, or its session is over' },
    { action: 'discard', changes: [id], asked: 1, done: 1, tokenMay: 'act', from: '127.0.0.1' },
  ])
  expect(String(actions[2]!['forwardedFor'])).toMatch(/^203\.0\.113\.9 x{188}$/)
})

test('a long message is cut, without the query of an address, and all of it is behind a click', async () => {
  const query = 'include=account%2Cquotes&page%5Bnumber%5D=1&page%5Bsize%5D=100'
  const message = `ScopeStack responded with 500 to https://api.example/v1/clients?${query}: ${'why '.repeat(250)}the end`
  await failOutcomes(worker.sql, message, 'clients')
  const { id } = (await readRuns(worker.sql, ['id'])).at(-1)!
  for (const path of ['/', `/runs/${id}`]) {
    const { body } = await board.get(path)
    const [, glance] = /<span class="clipped">(.*?)<\/span>/s.exec(body)!
    expect(glance!.length, path).toBeLessThan(500)
    expect(glance, path).toContain('500 to https://api.example/v1/clients?…: why')
    expect(body, path).toMatch(/<details class="whole" id="[\w-]+">\s*<summary>All of it<\/summary>[^]*the end/)
  }
  expect((await board.get('/resources/clients')).text).toContain('the end')
  await worker.run(TYPES)
})

test('of a run that goes on, the page names what is left', async () => {
  await insertOpenRun(worker.sql, 'tags')
  const { id } = (await readRuns(worker.sql, ['id'])).at(-1)!
  expect((await board.get(`/runs/${id}`)).text).toContain('Left tags')
  await endRuns(worker.sql)
  expect((await board.get(`/runs/${id}`)).text).not.toContain('Left')
})

test('a run is shown resource by resource, and a resource over its runs, with the figures of the tables', async () => {
  const report = await worker.run(TYPES)
  const run = (await readRuns(worker.sql, ['id'])).at(-1)
  const shown = rowsOf((await board.get(`/runs/${run!.id}`)).body).slice(1)
  const expected = report.outcomes.map((one) => `${one.resource} ${one.seen} ${one.unchanged}`)
  expect(new Set(shown.map((cells) => [cells[0], cells[3], cells[6]].join(' ')))).toEqual(new Set(expected))
  const resource = await board.get('/resources/clients')
  expect(resource.body).toContain(`href="/runs/${run!.id}"`)
  const [rows] = await worker.sql<{ rows: number }[]>`
    select rows::int as rows from scopestack.sync_status where resource = 'clients'`
  expect(resource.text).toContain(`Rows ${rows!.rows} Data as of`)
  for (const path of ['/runs/999999', '/runs/x', '/resources/none', '/resources/../../etc/passwd'])
    expect((await board.get(path)).status, path).toBe(404)
  for (const type of catalog.keys()) expect(type).toMatch(/^[a-z-]+$/)
})
