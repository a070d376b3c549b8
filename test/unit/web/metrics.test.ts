import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { createMeter } from '../../../src/meter.ts'
import { cachedFor, KEPT_MS } from '../../../src/web/cached-for.ts'
import { OF_FLEET } from '../../../src/web/metrics-table.ts'
import { createMetrics } from '../../../src/web/metrics.ts'
import { OF_PROCESS } from '../../../src/web/process-metrics.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

const own = () => ({
  version: '1',
  meter: createMeter(),
  connections: () => ({ busy: 1, idle: 2 }),
  isStarted: () => true,
})

test('without the database a process shows what it knows itself', async () => {
  const process = own()
  process.meter.add('requests', { target: 'api', method: 'GET', status: '200' })
  process.meter.add('requests', { target: 'api', method: 'GET', status: '200' })
  const metrics = createMetrics({ ...process, readFleet: () => Promise.reject(new Error('away')) })
  const { contentType, text } = await metrics()
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toContain('\nscopestack_sync_process_database_up 0\n')
  expect(text).toContain('\nscopestack_sync_process_requests_total{target="api",method="GET",status="200"} 2\n')
  expect(text).not.toContain('freshness')
})

test('a database that does not answer is waited for four seconds, and the page does without it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const metrics = createMetrics({ ...own(), readFleet: () => new Promise(() => {}) })
  let page: string | undefined
  const shown = metrics().then(({ text }) => (page = text))
  await vi.advanceTimersByTimeAsync(3_999)
  expect(page).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  expect(await shown).toContain('\nscopestack_sync_process_database_up 0\n')
})

test('however many ask at once, the database is read once', async () => {
  let reads = 0
  const metrics = createMetrics({ ...own(), readFleet: cachedFor(KEPT_MS, async () => (reads++, null)) })
  await Promise.all(Array.from({ length: 100 }, () => metrics()))
  expect(reads).toBe(1)
})

test('docs/metrics.md has each metric, its type and its labels, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8')
  const documented = [...text.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*?) *\|/gm)].map((row) => row.slice(1, 4))
  const shown = [...OF_FLEET, ...OF_PROCESS].map(({ name, type, labels }) => [name, type, labels.join(', ')])
  expect(documented).toEqual(shown)
})
