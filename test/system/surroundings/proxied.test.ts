import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CERTIFICATE } from '../../support/network/certificate.ts'
import { startConnectProxy, type ConnectProxy } from '../../support/network/connect-proxy.ts'
import { startWebhook } from '../../support/network/webhook.ts'
import { until } from '../../support/until.ts'
import { open, type Setting } from '../support/setting.ts'
import { ended, openUnattended } from '../support/unattended.ts'

const SECRET = 'p@ss:word-of-the-proxy'
const ENCODED = encodeURIComponent(SECRET)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-ca-'))
  await writeFile(join(folder, 'ca.pem'), CERTIFICATE)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Names that do not resolve: only the proxy reaches them. */
const outside = (proxy: ConnectProxy, user = '') => ({
  SCOPESTACK_AUTH_URL: 'https://app.scopestack.test',
  SCOPESTACK_API_URL: 'https://api.scopestack.test',
  NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
  HTTPS_PROXY: `http://${user === '' ? '' : `${user}@`}${proxy.host}`,
})

const withProxy = async (): Promise<{ setting: Setting; proxy: ConnectProxy } & AsyncDisposable> => {
  const setting = await open()
  const proxy = await startConnectProxy(setting.sim.url)
  return {
    setting,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await setting[Symbol.asyncDispose]()
    },
  }
}

test.concurrent('ScopeStack is reached through the proxy, with and without a password, and the token address as well', async () => {
  await using both = await withProxy()
  const { setting, proxy } = both
  const plain = await setting.run('pull tags', outside(proxy))
  expect(plain.code, plain.stderr).toBe(0)
  expect(new Set(proxy.asked)).toEqual(new Set(['app.scopestack.test:443', 'api.scopestack.test:443']))

  proxy.wants = `user:${SECRET}`
  const known = await setting.run('pull tags', outside(proxy, `user:${ENCODED}`))
  expect(known.code, known.stderr).toBe(0)
})

test.concurrent('a proxy that refuses is reported in one sentence, without its password', async () => {
  await using both = await withProxy()
  const { setting, proxy } = both
  proxy.wants = 'user:another'
  const outsider = await setting.run('pull tags', outside(proxy, `user:${ENCODED}`))
  expect(outsider.code).toBe(1)
  expect(outsider.stderr).toMatch(
    /^The proxy 127\.0\.0\.1:\d+ responded with 407 to a connection to app\.scopestack\.test\. .*HTTPS_PROXY.* \(SYNC_PROXY_REFUSED\)\n$/,
  )
  expect(outsider.stdout + outsider.stderr).not.toMatch(/p@ss|p%40ss/)
})

test.concurrent('a proxy that forbids the host is reported in another sentence', async () => {
  await using both = await withProxy()
  const { setting, proxy } = both
  proxy.refuses = 403
  const forbidden = await setting.run('pull tags', outside(proxy))
  expect(forbidden.code).toBe(1)
  expect(forbidden.stderr).toMatch(/responded with 403 to a connection to app\.scopestack\.test\. .*NO_PROXY/)
})

test.concurrent('a proxy that is down is named', async () => {
  await using both = await withProxy()
  const { setting, proxy } = both
  const env = outside(proxy, `user:${ENCODED}`)
  await proxy[Symbol.asyncDispose]()
  const { code, stderr } = await setting.run('pull tags', env)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /The proxy 127\.0\.0\.1:\d+, the way to app\.scopestack\.test, cannot be reached: .*ECONNREFUSED/,
  )
  expect(stderr).not.toMatch(/p@ss|p%40ss/)
})

test.concurrent('requests to this machine and to hosts of NO_PROXY bypass the proxy', async () => {
  await using both = await withProxy()
  const { setting, proxy } = both
  const { HTTPS_PROXY } = outside(proxy)
  // The simulator runs on this machine.
  const own = await setting.run('pull tags', { https_proxy: HTTPS_PROXY })
  expect(own.code, own.stderr).toBe(0)
  const direct = await setting.run('pull tags', { ...outside(proxy), no_proxy: 'example.org,.scopestack.test' })
  expect(direct.code).toBe(1)
  expect(direct.stderr).toMatch(/https:\/\/app\.scopestack\.test\S* cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/)
  expect(proxy.asked).toEqual([])
})

test('alerts reach the webhook through the proxy', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  await using proxy = await startConnectProxy(webhook.url)
  setting.sim.addFault({ kind: '403', match: { type: 'tags' }, count: 'always' })
  const { HTTPS_PROXY, NODE_EXTRA_CA_CERTS } = outside(proxy)
  setting.start({
    SYNC_RESOURCES: 'tags',
    ALERT_WEBHOOK_URL: 'https://hooks.scopestack.test/hook/secret-path',
    HTTPS_PROXY,
    NODE_EXTRA_CA_CERTS,
  })
  await ended(setting)
  await until(() => webhook.received.length > 0, 'the alert')
  expect(webhook.received[0]).toMatchObject({ event: 'failure' })
  expect(new Set(proxy.asked)).toEqual(new Set(['hooks.scopestack.test:443']))
})
