import { isUtf8 } from 'node:buffer'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startSimulator } from '../../../src/simulator/server.ts'
import { until } from '../../support/until.ts'
import { mediaType, open, type Account, type Json } from './account.ts'

let account: Account
beforeAll(async () => {
  account = await open({ projects: 12 })
})
afterAll(() => account.sim.close())
afterEach(() => {
  account.sim.removeFault()
})

const control = (path: string, method = 'GET', body?: unknown): Promise<Response> =>
  fetch(`${account.sim.url}/_control/${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
const posted = async (path: string, body: unknown): Promise<Json> =>
  (await (await control(path, 'POST', body)).json()) as Json

describe('faults', () => {
  test.each(['401', '403', '404', '408', '425', '429', '500', '502', '503', '504'])('%s is sent once', async (kind) => {
    await posted('faults', { kind, match: { type: 'tags' }, retryAfter: 3 })
    expect((await account.call('phases')).status).toBe(200)
    const hit = await account.call('tags')
    expect([hit.status, hit.headers.get('retry-after')]).toEqual([Number(kind), '3'])
    expect((await account.call('tags')).status).toBe(200)
  })

  test('reset and truncate break the connection', async () => {
    account.sim.addFault({ kind: 'reset', match: { path: '/v1/tags' } })
    await expect(account.call('tags')).rejects.toThrow('fetch failed')
    account.sim.addFault({ kind: 'truncate', match: { path: '/\\/v1\\/ta.s$/' }, afterBytes: 40 })
    const cut = await account.call('tags')
    expect(cut.status).toBe(200)
    await expect(cut.text()).rejects.toThrow('terminated')
  })

  test('html has status 200, and slow delays the response', async () => {
    account.sim.addFault({ kind: 'html' })
    expect(await (await account.call('tags')).text()).toContain('<html>')
    account.sim.addFault({ kind: 'slow', ms: 60 })
    const from = performance.now()
    expect((await account.call('tags')).status).toBe(200)
    expect(performance.now() - from).toBeGreaterThan(55)
  })

  test.each([
    ['html', /<html>.*Access denied/s],
    ['text', /^Blocked/],
    ['json', /^\{"message"/],
    ['empty', /^$/],
  ] as const)('403 as a proxy in front of the server sends it, with the body %s', async (body, expected) => {
    await posted('faults', { kind: '403', body })
    const hit = await account.call('tags')
    expect([hit.status, await hit.text()]).toEqual([403, expect.stringMatching(expected)])
    // The response of a proxy has no header of the application behind it.
    expect([hit.headers.has('x-runtime'), (await account.call('tags')).headers.has('x-runtime')]).toEqual([false, true])
  })

  test('a redirect, bytes that are not UTF-8, a body of many values, and one with a long number', async () => {
    account.sim.addFault({ kind: '302' })
    const moved = await account.call('tags', { redirect: 'manual' })
    expect([moved.status, moved.headers.get('location')]).toEqual([302, '/users/sign_in'])
    const whole = await (await account.call('tags')).text()
    const bytes = async (kind: 'bad-utf8' | 'many-nodes' | 'long-number', afterBytes?: number) => {
      account.sim.addFault({ kind, ...(afterBytes === undefined ? {} : { afterBytes }) })
      return Buffer.from(await (await account.call('tags')).arrayBuffer())
    }
    const bad = await bytes('bad-utf8')
    expect([bad.length, isUtf8(bad)]).toEqual([Buffer.byteLength(whole), false])
    const padded = JSON.parse((await bytes('many-nodes', 3_000)).toString()) as Json
    expect(padded).toEqual({ padding: Array.from({ length: 1_001 }, () => ({})), ...(JSON.parse(whole) as Json) })
    expect((await bytes('long-number')).toString()).toMatch(/^\{"padding":7{200000},/)
  })

  test('trickle sends one byte at a time', async () => {
    account.sim.addFault({ kind: 'trickle', ms: 1 })
    const slowly = await account.call('tags')
    const sizes: number[] = []
    for await (const chunk of slowly.body!) if (sizes.push(chunk.length) === 20) break
    expect(Math.max(...sizes)).toBeLessThan(20)
  })

  test('compression follows Accept-Encoding, or is sent unasked', async () => {
    const encodingOf = async (accepted: string) => {
      const headers = { 'accept-encoding': accepted }
      const response = await account.call('tags', { headers })
      await response.arrayBuffer()
      return response.headers.get('content-encoding')
    }
    const [gzip, br, none] = ['gzip', 'br;q=0.9, gzip', 'gzip;q=0, identity']
    expect(await encodingOf(gzip)).toBeNull()
    account.sim.resetStats()
    const { length } = await (await account.call('tags')).text()
    expect(account.sim.stats().bytesSent).toBe(length)
    account.sim.setSwitches({ compression: 'negotiated' })
    expect([await encodingOf(gzip), await encodingOf(br), await encodingOf(none)]).toEqual(['gzip', 'br', null])
    account.sim.setSwitches({ compression: 'unasked' })
    account.sim.resetStats()
    expect(await encodingOf(none)).toBe('gzip')
    expect(account.sim.stats().bytesSent).toBeLessThan(length)
    account.sim.setSwitches({ compression: 'off' })
  })

  test('stall sends headers and no body', async () => {
    account.sim.addFault({ kind: 'stall' })
    const given = new AbortController()
    const stalled = await account.call('tags', { signal: given.signal })
    expect(stalled.status).toBe(200)
    let end = 'none'
    const body = stalled.text().then(
      () => (end = 'whole'),
      (error: unknown) => (end = String(error)),
    )
    // On a connection of its own a whole response comes meanwhile.
    expect(await (await account.call('phases')).text()).not.toBe('')
    expect(end).toBe('none')
    given.abort()
    expect(await body).toContain('AbortError')
  })

  test('hold waits before the request is done, and hold-answer behind it, until the fault is removed', async () => {
    const named = (name: string) =>
      account.sim.records.list('clients').filter(({ attributes }) => attributes['name'] === name).length
    for (const [kind, made] of [
      ['hold', 0],
      ['hold-answer', 1],
    ] as const) {
      const { id } = account.sim.addFault({ kind, match: { method: 'POST' } })
      const sent = account.send('POST', 'clients', { type: 'clients', attributes: { name: kind } })
      await until(() => account.sim.faults().some((fault) => fault.id === id && fault.met === 1), 'it to be held')
      if (made === 1) await until(() => named(kind) === 1, 'the record')
      expect(named(kind)).toBe(made)
      account.sim.removeFault(id)
      expect((await sent).status).toBe(201)
      expect(named(kind)).toBe(1)
    }
  })

  test('a gzip bomb is a small body that becomes a large one', async () => {
    account.sim.addFault({ kind: 'gzip-bomb', afterBytes: 1_000_000 })
    account.sim.resetStats()
    const bomb = await account.call('tags')
    expect(bomb.headers.get('content-encoding')).toBe('gzip')
    expect((await bomb.text()).length).toBe(1_000_000)
    expect(account.sim.stats().bytesSent).toBeLessThan(10_000)
  })

  test('lost-answer does the write and sends no response', async () => {
    account.sim.addFault({ kind: 'lost-answer', match: { method: 'post' } })
    await expect(
      account.send('POST', 'clients', { type: 'clients', attributes: { name: 'Lost but made' } }),
    ).rejects.toThrow('fetch failed')
    expect(account.sim.records.list('clients').at(-1)?.attributes['name']).toBe('Lost but made')
  })

  test('a fault applies by page, by count, always, or by rate', async () => {
    account.sim.addFault({ kind: '500', match: { type: 'project-subservices', page: 2 }, count: 2 })
    const statuses = async (path: string, times: number): Promise<number[]> => {
      const got: number[] = []
      for (let at = 0; at < times; at += 1) got.push((await account.call(path)).status)
      return got
    }
    expect(await statuses('project-subservices?page[size]=10', 1)).toEqual([200])
    expect(await statuses('project-subservices?page[size]=10&page[number]=2', 3)).toEqual([500, 500, 200])
    const fault = account.sim.addFault({ kind: '429', count: 'always', rate: 0.5 })
    const many = await statuses('tags', 60)
    expect(many.filter((status) => status === 429).length).toBeGreaterThan(15)
    expect(many.filter((status) => status === 200).length).toBeGreaterThan(15)
    expect((await control(`faults/${fault.id}`, 'DELETE')).status).toBe(204)
    expect(await statuses('tags', 3)).toEqual([200, 200, 200])
  })
})

describe('the control API', () => {
  test('stats counts requests by pattern, statuses, bytes and pages', async () => {
    await control('stats', 'DELETE')
    const body = await (await account.call('project-phases?page[size]=10&page[number]=2')).text()
    await account.call('projects/1')
    const stats = (await (await control('stats')).json()) as Json
    expect(stats).toMatchObject({
      requests: { 'GET /{account}/v1/project-phases': 1, 'GET /{account}/v1/projects/{id}': 1 },
      statuses: { 200: 1, 404: 1 },
      tokenRequests: 0,
      pages: { 'project-phases': [2] },
      records: { projects: 12 },
    })
    expect(Number(stats['bytesSent'])).toBeGreaterThan(Buffer.byteLength(body))
  })

  test('records stores raw values and returns them', async () => {
    const made = await posted('records/clients', {
      id: 'odd/id',
      attributes: { name: 42, active: 'yes', surprise: { a: 1 } },
      relationships: { 'rate-table': { type: 'lobs', id: 7 } },
    })
    expect(made).toMatchObject({
      id: 'odd/id',
      attributes: { name: 42, surprise: { a: 1 } },
      relationships: { 'rate-table': { type: 'lobs', id: '7' } },
    })
    const shown = await account.one('clients/odd%2Fid?include=rate-table')
    expect(shown).toMatchObject({
      id: 'odd/id',
      attributes: { name: 42, surprise: { a: 1 } },
      relationships: { 'rate-table': { data: { type: 'lobs', id: '7' } } },
    })
    const path = `records/clients/${encodeURIComponent('odd/id')}`
    expect(await (await control(path, 'PATCH', { attributes: { name: 'plain' } })).json()).toMatchObject({
      attributes: { name: 'plain', active: 'yes' },
    })
    expect(((await (await control('records/clients')).json()) as unknown[]).length).toBe(
      account.sim.stats().records['clients'],
    )
    expect((await control(path, 'DELETE')).status).toBe(204)
    expect((await control(path)).status).toBe(404)
  })

  test('a project is deleted with its parts, or without them', async () => {
    const [first, second] = account.sim.records.list('projects').map(({ id }) => id)
    const parts = (id: string | undefined): number =>
      account.sim.records.list('project-phases').filter(({ relationships }) => relationships['project'] === id).length
    await control(`records/projects/${first ?? ''}`, 'DELETE')
    expect(parts(first)).toBe(0)
    await control(`records/projects/${second ?? ''}?cascade=false`, 'DELETE')
    expect(parts(second)).toBeGreaterThan(0)
  })

  test('script creates and deletes records while page 2 is read', async () => {
    const [first] = account.sim.records.list('project-contacts')
    await posted('script', {
      when: { type: 'project-contacts', page: 2 },
      do: [
        { delete: { type: 'project-contacts', id: first?.id } },
        { create: { type: 'project-contacts', attributes: { name: 'Late' } } },
      ],
    })
    const one = await account.list('project-contacts?page[size]=5')
    expect(one.data[0]?.id).toBe(first?.id)
    const before = account.sim.records.list('project-contacts').map(({ id }) => id)
    const two = await account.list('project-contacts?page[size]=5&page[number]=2')
    expect(two.data.map(({ id }) => id)).toEqual(before.slice(6, 11))
    expect(two.meta['record-count']).toBe(before.length)
    expect(account.sim.records.list('project-contacts').at(-1)?.attributes['name']).toBe('Late')
  })

  test('switches forbid types, refuse includes and filters, and limit the page', async () => {
    expect(
      await posted('switches', {
        forbidden: ['surveys'],
        refusedIncludes: { projects: ['client'] },
        refusedFilters: { phases: ['active'] },
        pageMax: 50,
      }),
    ).toMatchObject({ forbidden: ['surveys'] })
    expect(await account.problem('surveys')).toMatchObject({ http: 403, title: 'Forbidden' })
    expect(await account.problem('projects?include=client')).toMatchObject({ http: 400, code: '112' })
    expect(await account.problem('phases?filter[active]=true')).toMatchObject({ http: 400, code: '102' })
    expect(await account.problem('tags?page[size]=51')).toMatchObject({
      http: 400,
      code: '118',
      detail: 'size exceeds maximum page size of 50.',
    })
    await posted('switches', { pageOverflow: 'clamped' })
    expect((await account.list('project-subservices?page[size]=99')).data).toHaveLength(50)
    await posted('switches', {
      forbidden: [],
      refusedIncludes: {},
      refusedFilters: {},
      pageMax: 250,
      pageOverflow: 'refused',
    })
  })

  test('tokens/revoke revokes every access token', async () => {
    const other = await open({ projects: 0 })
    expect(await (await fetch(`${other.sim.url}/_control/tokens/revoke`, { method: 'POST' })).json()).toEqual({
      revoked: 1,
    })
    expect((await other.call('tags')).status).toBe(401)
    await other.sim.close()
  })

  test.each<[string, unknown, string]>([
    ['faults', { kind: 'boom' }, 'kind takes one of 302, 401'],
    ['faults', { kind: '500', count: 0 }, "'always'"],
    ['faults', { kind: '500', match: { path: '/(.*/' } }, 'regular expression'],
    ['faults', '[]', 'JSON object'],
    ['faults', '{', 'not JSON'],
    ['faults', { kind: '500', foo: 1 }, 'not foo'],
    ['switches', { nope: 1 }, 'there are dateFilter'],
    ['switches', { dateFilter: 'maybe' }, 'effective, ignored, refused'],
    ['records/nope', {}, 'no resource is called nope'],
    ['records/clients', { relationships: { nope: '1' } }, 'has no relationship nope'],
    ['script', { when: {}, do: [] }, 'when takes'],
    ['script', { when: { type: 'tags' }, do: [{ explode: {} }] }, 'a step takes'],
    ['tokens/revoke', { grant: 'x' }, 'grant takes one of'],
  ])('%s refuses %j', async (path, body, sentence) => {
    const response = await control(path, 'POST', body)
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: string }).error).toContain(sentence)
  })
})

test('the library profile has bare bodies, links without the account, and lax writes', async () => {
  const library = await open({ projects: 5, profile: 'library' })
  const bare = await fetch(`${library.sim.url}/demo/v1/tags`, { headers: { Accept: mediaType } })
  expect([bare.status, bare.headers.get('content-type'), await bare.text()]).toEqual([401, 'text/html', ''])
  library.sim.setSwitches({ forbidden: ['tags'] })
  expect(await (await library.call('tags')).text()).toBe('')
  const lost = await library.call('nothing-here')
  expect([lost.status, await lost.text()]).toEqual([404, ''])
  expect(await library.problem('projects/1')).toMatchObject({ http: 404, code: '404' })
  const [project] = library.sim.records.list('projects')
  expect((await library.one(`projects/${project?.id ?? ''}`)).links['self']).toBe(
    `${library.sim.url}/v1/projects/${project?.id ?? ''}`,
  )
  expect(await library.problem('projects?page[size]=101')).toMatchObject({ http: 400, code: '118' })
  expect(await library.problem('projects?filter[updated-at.after]=2026-01-01')).toMatchObject({
    http: 400,
    code: '102',
  })
  const dangling = {
    type: 'projects',
    attributes: { 'project-name': 'P' },
    relationships: { client: { data: { type: 'clients', id: '1' } } },
  }
  expect((await library.send('POST', 'projects', dangling)).status).toBe(201)
  await library.sim.close()
})

describe('nothing crashes it', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let got = ''
      const socket = connect(account.sim.port, '127.0.0.1', () => socket.write(text))
      socket.on('data', (part) => {
        got += part.toString('latin1')
      })
      socket.on('close', () => {
        resolve(got)
      })
      socket.on('error', () => {
        resolve(got)
      })
    })

  test('it survives bytes that are not HTTP, malformed paths, and bodies without an end', async () => {
    expect(await raw('\u0000\u0001garbage\r\n\r\n')).toContain('400')
    expect((await fetch(`${account.sim.url}/demo/v1/%E0%A4%A/%/x`)).status).toBe(404)
    expect((await account.call('tags/__proto__')).status).toBe(400)
    expect((await account.call('__proto__')).status).toBe(404)
    for (const query of [
      'include=__proto__',
      'sort=constructor',
      'filter[constructor]=1',
      'fields[projects]=toString',
      'fields[__proto__]=x',
    ]) {
      expect((await account.call(`projects?${query}`)).status, query).toBe(400)
    }
    expect((await account.call('projects/1/relationships/constructor')).status).toBe(404)
    await new Promise<void>((resolve) => {
      const socket = connect(account.sim.port, '127.0.0.1', () => {
        socket.write(`POST /demo/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`)
        socket.destroy()
        resolve()
      })
    })
    const huge = await account.send('POST', 'clients', 'x'.repeat(17 * 1024 * 1024))
    expect(huge.status).toBe(413)
    expect((await account.send('POST', 'clients', '[1,2')).status).toBe(400)
    expect((await account.send('POST', 'clients', 'null')).status).toBe(400)
    expect((await account.call('tags')).status).toBe(200)
  })

  test('close is prompt while responses are delayed or stalled', async () => {
    const slow = await open({ projects: 0 })
    slow.sim.addFault({ kind: 'stall', match: { type: 'tags' } })
    const stalled = await slow.call('tags')
    slow.sim.setSwitches({ latency: 60_000 })
    const waiting = slow.call('phases').then(
      () => 'answered',
      () => 'cut',
    )
    const bodyCut = stalled.text().then(
      () => 'answered',
      () => 'cut',
    )
    while (slow.sim.stats().requests['GET /{account}/v1/phases'] === undefined) await new Promise(setImmediate)
    const from = performance.now()
    await slow.sim.close()
    expect(performance.now() - from).toBeLessThan(1000)
    expect(await Promise.all([waiting, bodyCut])).toEqual(['cut', 'cut'])
  })

  test('a port that is taken is an error for the caller', async () => {
    await expect(startSimulator({ projects: 0, port: account.sim.port })).rejects.toThrow('EADDRINUSE')
  })
})

describe('more requests at once than the server works on', () => {
  afterEach(() => account.sim.setSwitches({ latency: 0, worksOn: null, overloaded: 'queue' }))
  const statuses = async (count: number): Promise<number[]> =>
    (await Promise.all(Array.from({ length: count }, () => account.call('tags')))).map(({ status }) => status)

  test('wait for their turn, or take longer', async () => {
    account.sim.setSwitches({ latency: 2, worksOn: 1 })
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
    account.sim.setSwitches({ overloaded: 'slow' })
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
  })

  test('are refused with 429', async () => {
    account.sim.setSwitches({ latency: 3_600_000, worksOn: 1, overloaded: 'refuse' })
    const asked = account.sim.stats().requests['GET /{account}/v1/tags'] ?? 0
    const stop = new AbortController()
    const first = account.call('tags', { signal: stop.signal }).catch(() => 'stopped')
    await until(() => account.sim.stats().requests['GET /{account}/v1/tags'] === asked + 1, 'the first request')
    expect(await statuses(2)).toEqual([429, 429])
    stop.abort()
    expect(await first).toBe('stopped')
  })
})
