import { expect, test } from 'vitest'
import { readLeases } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'
import { startProxy } from '../support/proxy.ts'
import { fillClients, jsonLines, open } from '../support/setting.ts'

test('of two pulls at once, one reads a resource and the other reports which process holds it', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  fillClients(sim, 100)
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  let waiting = false
  await using proxy = await startProxy(sim.url, {
    async before({ url = '' }) {
      if (!url.includes('/clients') || url.includes('page%5Bnumber%5D=1&')) return undefined
      waiting = true
      await gate
      return undefined
    },
  })
  const first = run('pull clients tags', { SYNC_PAGE_SIZE: '10', SCOPESTACK_API_URL: proxy.url })
  await until(() => waiting, 'the first run being held up in the middle of clients')

  const second = await run('pull clients vendors --json')
  expect(second.code).toBe(2)
  const [busy, other] = jsonLines(second.stdout).all.filter(({ type }) => type === 'end')
  expect(busy).toMatchObject({ resource: 'clients', outcome: 'failed', code: 'SYNC_BUSY', seen: 0 })
  expect(busy!['message']).toMatch(/^clients is in use by .*, process \d+ since .*Wait until it ends, or stop it first/)
  expect(other).toMatchObject({ resource: 'vendors', outcome: 'ok' })

  release()
  const { code, stdout, stderr } = await first
  expect(code, stdout + stderr).toBe(0)
  expect(await sql`select from scopestack.clients`).toHaveLength(100)
})

test('a run whose process is killed does not lock out the next one', async () => {
  await using setting = await open({ latency: 20 })
  const { sim, sql, run } = setting
  fillClients(sim, 300)
  const killed = run('pull clients', { SYNC_PAGE_SIZE: '10' })
  await until(async () => (await readLeases(sql, [], { isHeld: true })).length > 0, 'its lease')
  killed.kill('SIGKILL')
  await killed
  const { code, stdout, stderr } = await run('pull clients', { SYNC_PAGE_SIZE: '100' })
  expect(code, stdout + stderr).toBe(0)
})
