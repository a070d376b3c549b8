import { expect, test } from 'vitest'
import { readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { startProxy } from '../support/proxy.ts'
import { fillClients, jsonLines, open, type Setting } from '../support/setting.ts'

/** Fifty pages of clients, each delayed enough for an event in between. */
const LONG = { SYNC_PAGE_SIZE: '10' }

async function openLongList(options: Parameters<typeof open>[0] = {}): Promise<Setting> {
  const setting = await open({ latency: 10, ...options })
  // Fewer than those of a list that is first requested in two ways.
  fillClients(setting.sim, 450)
  return setting
}

const served = ({ sim }: Setting, pages: number) =>
  until(() => (sim.stats().pages['clients']?.length ?? 0) >= pages, `${pages} pages being served`)

// Tests that watch the server during a run come last, in sequence: `until` belongs to the running test.

test.concurrent('a wrong secret is sent once, and not again within the cool-down', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  const wrong = { SCOPESTACK_CLIENT_SECRET: 'wrong' }
  for (const attempt of [1, 2]) {
    const { code, stdout, stderr } = await run('pull', wrong)
    expect(code, `attempt ${attempt}`).toBe(77)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /refused the credentials .*invalid_client.* Check SCOPESTACK_CLIENT_ID and SCOPESTACK_CLIENT_SECRET/,
    )
    expect(stderr).toContain('(SYNC_CREDENTIALS_REFUSED)')
    expect(sim.stats().tokenRequests).toBe(1)
  }
  expect(await readRuns(sql, [])).toHaveLength(0)
  // The cool-down is for the wrong secret only.
  expect((await run('pull tags')).code).toBe(0)
})

test.concurrent('one token serves many runs', async () => {
  await using setting = await open()
  await setting.run('pull tags')
  await setting.run('pull tags')
  expect(setting.sim.stats().tokenRequests).toBe(1)
})

test.concurrent('a server that sends 401 for every token stops the run', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  sim.addFault({ kind: '401', count: 'always', match: { path: '/demo/v1/' } })
  const { code, stderr } = await run('pull', { SYNC_CONCURRENCY: '1' })
  expect(code).toBe(77)
  expect(stderr).toMatch(
    /responded with 401 to .* with a token that it had just issued.* look it up under Settings → Users/,
  )
  expect(stderr).toContain('(SYNC_UNAUTHORIZED)')
  expect(sim.stats().tokenRequests).toBe(2)
  expect(await readRuns(sql, ['outcome', 'error'])).toMatchObject([
    { outcome: 'failed', error: expect.stringContaining('responded with 401') as string },
  ])
})

test.concurrent('403 with a token that was replaced meanwhile does not count as a refusal of the role', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  let first: string | undefined
  const late: (() => void)[] = []
  let refused = false
  await using proxy = await startProxy(sim.url, {
    async before({ url, headers: { authorization } }) {
      if (!url?.includes('/clients')) return undefined
      first ??= authorization
      const page = Number(/page%5Bnumber%5D=(\d+)/.exec(url)?.[1])
      if (authorization !== first) {
        // The token has been replaced: now the other responses to the first token arrive.
        for (const answer of late) answer()
        return undefined
      }
      if (page === 1) return undefined
      // One chain is refused at once, the pages of the others are in flight.
      if (refused) await new Promise<void>((resolve) => late.push(resolve))
      refused = true
      return { status: 403, body: '' }
    },
  })
  const { code, stdout, stderr } = await run('pull clients', { ...LONG, SCOPESTACK_API_URL: proxy.url })
  expect(late.length).toBeGreaterThan(0)
  expect(code, stdout + stderr).toBe(0)
  expect(sim.stats().tokenRequests).toBe(2)
})

test.concurrent('a token address that is down is named, and not requested for a while', async () => {
  await using setting = await open()
  await using proxy = await startProxy(setting.sim.url, { before: () => ({ status: 503, body: '' }) })
  const env = { SCOPESTACK_AUTH_URL: proxy.url }
  const first = await setting.run('pull', env)
  expect(first.code).toBe(1)
  expect(first.stderr).toContain(
    `No token could be obtained. ScopeStack responded with 503 to ${proxy.url}/oauth/token.`,
  )
  const second = await setting.run('pull', env)
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(
    /The last token request failed, and the next one is sent in \d+ s .* responded with 503/,
  )
})

test('tokens revoked in the middle of a run cost one token request each', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  const pull = run('pull clients', LONG)
  await served(setting, 10)
  expect(sim.revokeTokens()).toBe(1)
  await served(setting, 30)
  expect(sim.revokeTokens()).toBe(1)
  const { code, stdout, stderr } = await pull
  expect(code, stdout + stderr).toBe(0)
  expect(sim.stats()).toMatchObject({ tokenRequests: 3, statuses: { 401: expect.any(Number) as number } })
})

test('a token that expires early is replaced', async () => {
  let ahead = 0
  await using setting = await openLongList({ now: () => Date.now() + ahead })
  const { sim, run } = setting
  const pull = run('pull clients', LONG)
  await served(setting, 10)
  ahead = 25 * 60 * 60_000
  const { code, stdout, stderr } = await pull
  expect(code, stdout + stderr).toBe(0)
  expect(sim.stats().tokenRequests).toBe(2)
})

test('a list that fails does not abort the token request that it began', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  let release = (): void => {}
  const clientsFailed = new Promise<void>((resolve) => (release = resolve))
  let tokenRequests = 0
  const secondIsAsked = () => until(() => tokenRequests === 2, 'the second token request')
  let tagsAsked = false
  let tagsRefused = false
  const asked = new Set<string>()
  await using proxy = await startProxy(sim.url, {
    async before({ url = '' }) {
      const page = /page%5Bnumber%5D=(\d+)/.exec(url)?.[1] ?? '1'
      if (url.includes('/clients') && page !== '1') asked.add(page)
      const [one, other] = asked
      // One chain needs another token, which is delayed until another chain has failed for another reason.
      if (url === '/oauth/token' && ++tokenRequests === 2) await clientsFailed
      if (url.includes('/clients') && page === one && tokenRequests === 1) {
        // Later, the pages that wait for the token would occupy all places in flight.
        await until(() => tagsAsked, 'the other list being asked for')
        return { status: 401, body: '' }
      }
      if (url.includes('/clients') && page === other) {
        await until(() => tagsRefused, 'the other list being refused')
        return { status: 409, body: '{"errors":[]}' }
      }
      // Meanwhile another list needs that token too.
      if (url.includes('/tags') && !tagsRefused) {
        tagsAsked = true
        await secondIsAsked()
        tagsRefused = true
        return { status: 401, body: '' }
      }
      return undefined
    },
  })
  const { code, stdout, stderr } = await run(
    'pull clients tags --json',
    { ...LONG, SCOPESTACK_API_URL: proxy.url, SCOPESTACK_AUTH_URL: proxy.url },
    { onStdout: (text) => text.includes('SYNC_REQUEST_REFUSED') && release() },
  )
  expect(code, stdout + stderr).toBe(2)
  expect(jsonLines(stdout).all.filter(({ type }) => type === 'end')).toMatchObject([
    { resource: 'clients', outcome: 'failed', code: 'SYNC_REQUEST_REFUSED' },
    { resource: 'tags', outcome: 'ok' },
  ])
})
