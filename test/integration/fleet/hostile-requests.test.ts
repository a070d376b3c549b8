/** A client that reaches one of our ports may send anything: other clients do not notice. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLoopback } from '../../../src/remote/auth/loopback.ts'
import { createRedactor } from '../../../src/remote/redact/redact.ts'
import { startSimulator } from '../../../src/simulator/server.ts'
import { startWeb } from '../../../src/web/health.ts'
import { until } from '../../support/until.ts'

interface Place {
  readonly url: string
  /** What is answered so whatever else goes on. */
  readonly path: string
  readonly status: number
  /** The simulator, which stands on no service's machine, takes as many connections as come. */
  readonly unbounded?: boolean
  close(): Promise<void>
}

const never = new AbortController().signal

/** A login that waits. */
async function loginWaiting(): Promise<Place> {
  const loopback = await openLoopback(0)
  const { origin, pathname } = new URL(loopback.redirectUri)
  const over = new AbortController()
  const arrival = loopback
    .waitForCallback({ state: 'right', timeoutMs: 60_000, signal: over.signal, redact: (shown) => shown })
    .catch((error: unknown) => error)
  return {
    url: origin,
    path: `${pathname}?code=x&state=wrong`,
    status: 400,
    async close() {
      over.abort()
      await arrival
      await loopback.close()
    },
  }
}

const PLACES: readonly [name: string, open: () => Promise<Place>][] = [
  [
    'health',
    async () => {
      const web = await startWeb({ host: '127.0.0.1', port: 0, elsewhere: false, checks: () => ({}) })
      return { path: '/healthz', status: 200, ...web }
    },
  ],
  [
    'the simulator',
    async () => {
      const sim = await startSimulator({ projects: 1 })
      return { ...sim, path: '/_control/stats', status: 200, unbounded: true }
    },
  ],
  ['the page that a login waits at', loginWaiting],
]

const ODD: readonly string[] = [
  'GET http://[',
  'GET http://[::1',
  'GET //',
  'GET //[',
  'GET ///callback?state=right&code=x',
  'GET *',
  'OPTIONS *',
  'OPTIONS /',
  'GET http://elsewhere.example/callback?code=x&state=wrong',
  'GET https://user:password@127.0.0.1:99999/healthz',
  'CONNECT elsewhere.example:443',
  'CONNECT [',
  'GET /%',
  'GET /%ff%fe%00',
  'GET /callback?%=%&state=%ff',
  'GET /callback?state=wrong&state=right&code=x',
  'GET /callback/../callback',
  'GET ?',
  'GET /\\\\..\\',
  `GET /${'a'.repeat(12_000)}`,
  'TRACE /healthz',
  'BREW /callback',
  'POST /readyz',
  'GET /\u0000',
  '\u0000\u0001\u0002',
  'GET',
]

function socketTo({ url }: Pick<Place, 'url'>): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname).on('error', () => {})
}

/** What comes back until the server ends the connection. */
async function ask(place: Pick<Place, 'url'>, line: string, host = 'x'): Promise<string> {
  const socket = socketTo(place)
  socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 'latin1')
  return await text(socket).catch(() => '')
}

/** Whole or not: nothing follows. */
async function send(place: Place, bytes: string): Promise<void> {
  const socket = socketTo(place)
  socket.end(bytes, 'latin1')
  await text(socket).catch(() => '')
}

describe.each(PLACES)('%s', (_, open) => {
  let place: Place
  beforeEach(async () => {
    place = await open()
  })
  afterEach(() => place.close())

  const isWell = async (): Promise<void> => {
    const answer = await ask(place, `GET ${place.path}`, new URL(place.url).host)
    expect(answer.split('\r\n')[0]).toContain(` ${place.status} `)
  }

  test('outlives every odd request line', async () => {
    for (const line of ODD) {
      const answer = await ask(place, line)
      expect(answer, JSON.stringify(line.slice(0, 60))).not.toMatch(/^HTTP\/1\.1 (200|302|5)/)
    }
    await isWell()
  })

  test('outlives odd headers, half requests and unexpected bodies', async () => {
    const asked = place.path.split('?')[0]!
    for (const bytes of [
      `GET ${asked} HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\n${'X: y\r\n'.repeat(3_000)}\r\n`,
      `GET ${asked} HTTP/1.1\r\nHost: a\u0000b\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\n\r\n`,
      `GET ${asked} HTTP/9.9\r\nHost: a\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n`,
      `POST ${asked} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"half`,
      `POST ${asked} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `GET ${asked} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n`,
      `GET ${asked} HTTP/1.1\r\nHo`,
      `GET ${asked}`,
      '',
      '\r\n'.repeat(5_000),
    ]) {
      await send(place, bytes)
    }
    await isWell()
  })

  test('responds while hundreds of connections send nothing', async () => {
    const silent = Array.from({ length: 300 }, () => socketTo(place))
    let ended = 0
    for (const socket of silent) socket.resume().once('close', () => ended++)
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    await isWell()
    // Those that were there first have made room.
    if (place.unbounded !== true) await until(() => ended > 100, 'the oldest being closed')
    for (const socket of silent) socket.destroy()
  })

  test('is not disturbed by clients that leave before the response', async () => {
    for (let time = 0; time < 20; time++) {
      const socket = socketTo(place)
      socket.write(`GET ${time % 2 ? '/readyz' : '/callback?state=wrong'} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await once(socket, 'connect')
      socket.resetAndDestroy()
    }
    await isWell()
  })
})

describe('a login', () => {
  test('is finished or ended only by a request that brings its state to its own address', async () => {
    const loopback = await openLoopback(0)
    const { origin: url, host } = new URL(loopback.redirectUri)
    let strays = 0
    const arrival = loopback.waitForCallback({
      state: 'right',
      timeoutMs: 60_000,
      signal: never,
      onStray: () => strays++,
      redact: (shown) => shown,
    })
    let over = false
    void arrival.finally(() => (over = true))
    for (const [line, name] of [
      ['GET /callback?code=x&state=wrong', host],
      ['GET /callback?error=access_denied&state=wrong', host],
      ['GET /callback?error=access_denied', host],
      ['GET /callback?state=wrong&state=right&code=x', host],
      ['GET /callback?code=x&state=right', 'evil.example'],
      ['GET /callback?error=access_denied&state=right', 'evil.example'],
      ['GET http://evil.example/callback?code=x&state=right', host],
      ['GET //evil.example/callback?code=x&state=right', host],
      ['POST /callback?code=x&state=right', host],
      ['HEAD /callback?code=x&state=right', host],
    ]) {
      expect(await ask({ url }, line!, name), line).toMatch(/^HTTP\/1\.1 40[04] /)
    }
    expect(over).toBe(false)
    expect(strays, 'one line on the terminal, however many come').toBe(1)

    const came = ask({ url }, 'GET /callback?code=the-code&state=right', host)
    const arrived = await arrival
    expect(arrived.code).toBe('the-code')
    const again = await ask({ url }, 'GET /callback?code=other&state=right', host)
    expect(again).toMatch(/^HTTP\/1\.1 400 /)
    await arrived.respond({ ok: true, title: 'You are logged in', text: '' })
    expect(await came).toMatch(/^HTTP\/1\.1 200 /)
    await loopback.close()
  })

  test('that is denied gives the reason, without text that the redirect quotes', async () => {
    const loopback = await openLoopback(0)
    const { origin: url, host } = new URL(loopback.redirectUri)
    const { text: redact } = createRedactor({ clientSecret: 'kept/secret+4711-0815' })
    const arrival = loopback.waitForCallback({ state: 'right', timeoutMs: 60_000, signal: never, redact }).catch(String)
    const query = new URLSearchParams({
      state: 'right',
      error: 'invalid kept%2Fsecret%2B4711-0815',
      error_description: `${'x'.repeat(290)}kept/secret+4711-0815`,
    })
    const page = await ask({ url }, `GET /callback?${query.toString()}`, host)
    const said = await arrival
    expect(said).toContain('ScopeStack answered invalid [secret] (xxx')
    for (const shown of [page, said]) expect(shown).not.toMatch(/kept|4711/)
    await loopback.close()
  })

  test('ends although its browser has left before the response', async () => {
    const loopback = await openLoopback(0)
    const { origin: url, host } = new URL(loopback.redirectUri)
    const arrival = loopback.waitForCallback({
      state: 'right',
      timeoutMs: 60_000,
      signal: never,
      redact: (shown) => shown,
    })
    const socket = socketTo({ url })
    socket.write(`GET /callback?code=the-code&state=right HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    const arrived = await arrival
    socket.destroy()
    // Another exchange, so that the server has noticed.
    await until(async () => (await ask({ url }, 'GET /')) !== '', 'an answer')
    await arrived.respond({ ok: true, title: 'You are logged in', text: '' })
    await loopback.close()
  })
})

test('one query of the database serves all probes that arrive meanwhile', async () => {
  let looks = 0
  let end = (): void => {}
  const check = async (): Promise<void> => {
    looks++
    await new Promise<void>((resolve) => (end = resolve))
  }
  const web = await startWeb({ host: '127.0.0.1', port: 0, elsewhere: false, checks: () => ({ database: check }) })
  let heads = 0
  const asked = Array.from({ length: 20 }, () => fetch(`${web.url}/readyz`).then(({ status }) => (heads++, status)))
  await until(async () => (await fetch(`${web.url}/healthz`)).ok && looks > 0, 'the look')
  end()
  const first = await Promise.race(asked)
  expect(first).toBe(200)
  // A probe that came later made another query.
  await until(() => (end(), heads === 20), 'all answers')
  expect(looks).toBeLessThan(20)
  await web.close()
})
