/** Who may see the dashboard, who may act, and which requests of other sites are refused. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bindAccount } from '../../../src/store/fleet/account.ts'
import { SESSION_SECONDS, createAccess } from '../../../src/web/access.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'
import { openBoard, type Board } from './board.ts'

const LOOK = 'look-at-it-0123456789'
const ACT = 'act-on-it-0123456789'
let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})

afterAll(() => database?.[Symbol.asyncDispose]())

async function open(changes: Parameters<typeof openBoard>[1] = {}): Promise<Board> {
  const board = await openBoard(database.url, changes)
  onTestFinished(() => board[Symbol.asyncDispose]())
  return board
}

const withTokens = (host = '127.0.0.1') => open({ access: { host, tokens: { look: LOOK, act: ACT } } })
const cookieOf = (header: unknown): string => String(header).split(';')[0]!

test('without a token it answers to the names of this machine, and to no other', async () => {
  const board = await open()
  const { port } = new URL(board.url)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`])
    expect((await board.get('/', { host })).status).toBe(200)
  for (const host of ['rebound.example', `127.0.0.1.example:${port}`, 'localhost.example', `192.168.1.4:${port}`]) {
    const page = await board.get('/', { host })
    expect(page).toMatchObject({ status: 421 })
    expect(page.text).not.toContain('Nothing was read')
    expect((await board.get('/live', { host })).status).toBe(421)
    expect((await board.post('/changes', { key: '' }, { host })).status).toBe(421)
  }
  // Probers name a host as they like.
  expect((await board.get('/healthz', { host: 'pod.internal' })).status).toBe(200)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET / HTTP/1.0\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /)
})

test('without a token nothing is served by a proxy, which anyone may reach; with one it is', async () => {
  const board = await open()
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host']) {
    const page = await board.get('/', { [name]: 'for=203.0.113.9' })
    expect(page.status, name).toBe(403)
    expect(page.text).toContain('came by a proxy')
  }
  const guarded = await withTokens()
  const given = { 'x-forwarded-for': '203.0.113.9', host: 'localhost:8080' }
  // The proxy put its own Host, so that Origin has another one.
  const browser = { ...given, 'sec-fetch-site': 'same-origin', origin: 'https://sync.example' }
  expect((await guarded.post('/sign-in', { token: ACT }, browser)).status).toBe(303)
  for (const other of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
    expect((await guarded.post('/sign-in', { token: ACT }, { ...given, ...other })).status).toBe(403)
})

test('whose account it is, is not shown to those who have not signed in', async () => {
  const board = await withTokens()
  await bindAccount(board.sql, { id: '1', slug: 'the-slug-of-it' })
  expect((await board.get('/', { authorization: `Bearer ${LOOK}` })).body).toContain('the-slug-of-it')
  for (const path of ['/', '/sign-in', '/nowhere']) expect((await board.get(path)).body).not.toContain('the-slug-of-it')
})

test('a field may have any name, and a form a quarter of a megabyte', async () => {
  const board = await withTokens()
  expect((await board.post('/sign-in', { token: 'x'.repeat(256 * 1024) })).status).toBe(413)
  for (const name of ['__proto__', 'constructor', 'toString'])
    expect((await board.post('/sign-in', { [name]: 'x', token: ACT })).status, name).toBe(303)
})

test('on another address it is closed without a token, and /healthz is not', async () => {
  const board = await open({ access: { host: '0.0.0.0', tokens: undefined } })
  const page = await board.get('/')
  expect(page.status).toBe(403)
  expect(page.text).toContain('DASHBOARD_TOKEN is not set')
  expect((await board.get('/healthz')).status).toBe(200)
  const withOne = await withTokens('0.0.0.0')
  expect((await withOne.get('/', { host: 'sync.example' })).status).toBe(401)
})

test('a page is shown to who signed in, or sends the token, and to no other', async () => {
  const board = await withTokens()
  const anyone = await board.get('/')
  expect(anyone.status).toBe(401)
  expect(anyone.text).toContain('The token that DASHBOARD_TOKEN has')
  expect(anyone.text).not.toContain('Nothing was read')
  for (const path of ['/live', '/changes', '/runs', '/resources/clients', '/requests', '/schedule'])
    expect((await board.get(path)).status, path).toBe(401)
  for (const token of ['', 'wrong', `${ACT} `.slice(0, -2), `${ACT}x`, 'é'.repeat(30)]) {
    expect((await board.post('/sign-in', { token })).status).toBe(401)
  }
  expect((await board.get('/', { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await board.get('/', { authorization: `Bearer ${LOOK}` })).text).toContain('may look, and not act')
  expect((await board.get('/', { authorization: `Bearer ${ACT}` })).text).not.toContain('may look, and not act')

  const signedIn = await board.post('/sign-in', { token: ACT })
  expect(signedIn).toMatchObject({ status: 303, headers: { location: '/' } })
  const [header] = signedIn.headers['set-cookie']!
  expect(header).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  expect(header).not.toContain(ACT)
  const cookie = cookieOf(header)
  expect((await board.get('/', { cookie })).status).toBe(200)
  const https = await board.post('/sign-in', { token: LOOK }, { 'x-forwarded-proto': 'https' })
  expect(https.headers['set-cookie']![0]).toMatch(/; Secure$/)
  const out = await board.post('/sign-out', { key: '' }, { cookie })
  expect(out.headers['set-cookie']![0]).toMatch(/^scopestack_sync=; .*Max-Age=0/)
})

test('who tries what is no token is logged and counted, a few times a minute, and never what was tried', async () => {
  const board = await open({
    access: { host: '127.0.0.1', tokens: { look: LOOK, act: ACT } },
    signInsGatheredMs: 1_500,
  })
  const guess = (token: string, headers: Record<string, string> = {}) => board.post('/sign-in', { token }, headers)
  await guess('first-guess-0123456789')
  for (let times = 0; times < 30; times++)
    await guess('next-guess-0123456789', { 'x-forwarded-for': `203.0.113.${times}` })
  await board.get('/', { authorization: 'Bearer third-guess-0123456789' })
  await guess(LOOK)
  // Its time is over, which is no guess.
  await board.get('/', { cookie: 'scopestack_sync=look.1.x' })
  // That of a proxy before it, which sends it with each request.
  await board.get('/', { authorization: 'Basic YTpi' })
  const refused = () => board.lines.filter(({ signIns }) => signIns !== undefined)
  const counted = () => refused().reduce((sum, { signIns }) => sum + Number(signIns), 0)
  await until(() => counted() === 32, 'all that were gathered')
  expect(refused()[0]).toMatchObject({
    level: 40,
    signIns: 1,
    from: [{ from: '127.0.0.1' }],
    msg: 'A sign-in to the dashboard was refused: not the token',
  })
  // On a machine that is busy they may fall into more than one time of gathering; each is a line.
  expect(refused().length).toBeLessThan(32)
  const gathered = refused()[1]!
  expect(gathered['msg']).toBe(`${String(gathered['signIns'])} sign-ins to the dashboard were refused: not the token`)
  expect((gathered['from'] as unknown[])[0]).toEqual({ from: '127.0.0.1', forwardedFor: '203.0.113.0', times: 1 })
  for (const { from } of refused()) expect((from as unknown[]).length).toBeLessThanOrEqual(10)
  expect(board.lines).toContainEqual(expect.objectContaining({ msg: 'signed in to the dashboard', tokenMay: 'look' }))
  expect(JSON.stringify(board.lines)).not.toMatch(/guess|look-at-it/)
  expect(board.meter.read('signIns')).toEqual([
    { labels: { outcome: 'refused' }, value: 32 },
    { labels: { outcome: 'ok' }, value: 1 },
  ])
})

test('a session cannot be made, raised or prolonged, and ends with its time and with the token', async () => {
  const now = Date.now()
  const access = createAccess({ host: '127.0.0.1', tokens: { look: LOOK, act: ACT } })
  const { cookie } = access.signIn(LOOK, now)!
  const sessionOf = (value: string, at = now) =>
    access.sessionOf({ cookie: `a=b; scopestack_sync=${value}`, authorization: undefined }, at)
  expect(sessionOf(cookie)).toMatchObject({ right: 'look', signedIn: true })
  const [, end, signature] = cookie.split('.')
  for (const forged of [
    `act.${end}.${signature}`,
    `look.${Number(end) + 1}.${signature}`,
    `look.${end}.`,
    `look.${end}`,
    `look.NaN.${signature}`,
    '',
    `${cookie}.x`,
  ])
    expect(sessionOf(forged), forged).toBeNull()
  expect(sessionOf(cookie, now + SESSION_SECONDS * 1000 - 1)).not.toBeNull()
  expect(sessionOf(cookie, now + SESSION_SECONDS * 1000)).toBeNull()
  const acting = access.signIn(ACT, now)!.cookie
  const changed = [
    [cookie, { look: `${LOOK}2`, act: ACT }],
    [cookie, { look: undefined, act: ACT }],
    [acting, { look: LOOK, act: `${ACT}2` }],
  ] as const
  for (const [value, tokens] of changed) {
    const other = createAccess({ host: '127.0.0.1', tokens })
    expect(other.sessionOf({ cookie: `scopestack_sync=${value}`, authorization: undefined }, now)).toBeNull()
  }
  // Another process with the same tokens knows it.
  const same = createAccess({ host: '0.0.0.0', tokens: { look: LOOK, act: ACT } })
  expect(same.sessionOf({ cookie: `scopestack_sync=${cookie}`, authorization: undefined }, now)?.right).toBe('look')
})

test('nothing that who may look is given depends on the token to act, so that it cannot be guessed from it', () => {
  const now = Date.now()
  const [given, same] = [ACT, 'another-to-act-012345'].map((act) => {
    const access = createAccess({ host: '127.0.0.1', tokens: { look: LOOK, act } })
    const { cookie } = access.signIn(LOOK, now)!
    const signedIn = access.sessionOf({ cookie: `scopestack_sync=${cookie}`, authorization: undefined }, now)
    return { cookie, signedIn, sent: access.sessionOf({ cookie: undefined, authorization: `Bearer ${LOOK}` }, now) }
  })
  expect(given!.sent).toMatchObject({ right: 'look' })
  expect(given).toEqual(same)
})

test('no page may be framed, and no script or style but our own two files may run', async () => {
  const board = await open()
  for (const path of ['/', '/style.css', '/nowhere']) {
    const { headers, body } = await board.get(path)
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
    expect(body).not.toMatch(/<script>|<style|\sstyle=|\son\w+=|https?:\/\//)
  }
  expect((await board.get('/')).headers['cache-control']).toBe('no-store')
  expect((await board.get('/nowhere')).status).toBe(404)
  expect((await board.get('/%00')).status).toBe(404)
})
