import { expect, test } from 'vitest'
import { scrape, sumOf } from '../../support/network/exposition.ts'
import { lockWait, lockWaits } from '../../support/postgres/lock-waits.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { insertParked } from '../../support/tables/progress.ts'
import { readPurposes, type KeptRequest } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import type { Setting } from '../support/setting.ts'
import { addressOf, ended, openUnattended } from '../support/unattended.ts'

const SENDING = 'scopestack_sync_local_edits{state="sending"}'
const COUNTERS = /^scopestack_sync_process_.*_total/

test.concurrent('/metrics shows the same of the fleet in every process, and of each process what only grows', async () => {
  await using setting = await openUnattended('postgres')
  const { sim, sql, start } = setting
  sim.addFault({ kind: '503', match: { type: 'clients' }, count: 2 })
  const processes = [start({ SYNC_RATE: '50' }), start({ SYNC_RATE: '50' })]
  await ended(setting)
  await insertParked(sql, { resource: 'clients', reason: 'no reason' })
  const urls = await Promise.all(processes.map(addressOf))
  const pages = await until(async () => {
    const found = await Promise.all(urls.map(scrape))
    return found.every((one) => sumOf(one, 'scopestack_sync_processes', 'alive') === 2) ? found : undefined
  }, 'both processes to show both')

  const count = sim.records.list('clients').length
  for (const page of pages) {
    const of = (key: string) => page.samples.get(`scopestack_sync_${key}`)
    expect([...page.types.keys()][0]).toBe('scopestack_sync_freshness_seconds')
    expect(of('freshness_seconds{resource="clients"}')).toBeLessThan(600)
    expect(of('rows{resource="clients"}')).toBe(count)
    expect(of('last_outcome{outcome="ok",resource="clients"}')).toBe(1)
    expect(of('parked_records{resource="clients"}')).toBe(1)
    expect(of('local_edits{state="sending"}')).toBe(0)
    expect(of('outbox_oldest_seconds')).toBe(0)
    expect(of('problems')).toBeGreaterThan(0)
    expect(of('run_outcome{kind="full",outcome="ok"}')).toBe(1)
    expect(of('run_duration_seconds{kind="full"}')).toBeGreaterThan(0)
    expect(of('schedule_interval_seconds{schedule="full"}')).toBeGreaterThan(364 * 86_400)
    expect(of('queue_jobs{queue="sync",state="failed"}')).toBe(0)
    expect(of('process_database_up')).toBe(1)
    expect(of('process_database_connections{state="idle"}')).toBeGreaterThan(0)
  }
  const sum = (name: string, ...labels: string[]) =>
    pages.reduce((total, page) => total + sumOf(page, `scopestack_sync_process_${name}`, ...labels), 0)
  expect(sum('rows_total', 'action="inserted"')).toBe(count)
  expect(sum('pulls_total', 'outcome="ok"')).toBe(1)
  expect(sum('retries_total')).toBe(2)
  expect(sum('rate_limit_wait_seconds_total')).toBeGreaterThan(0)
  expect(sum('token_renewals_total', 'outcome="ok"')).toBe(sim.stats().tokenRequests)
  // By the account's own count, each request once, in whichever process.
  const { statuses } = sim.stats()
  const counted = Object.keys(statuses).map((status) => [status, sum('requests_total', `status="${status}"`)])
  expect(Object.fromEntries(counted)).toEqual(statuses)

  sim.addFault({ kind: 'stall', match: { method: 'PATCH' } })
  await sql`update scopestack.clients set domain = 'edited.example' where id = (select min(id) from scopestack.clients)`
  const later = await until(async () => {
    const found = await Promise.all(urls.map(scrape))
    return found.every(({ samples }) => samples.get(SENDING) === 1) ? found : undefined
  }, 'both processes to show the edit')
  for (const page of later) expect(sumOf(page, 'scopestack_sync_outbox_oldest_seconds')).toBeGreaterThan(0)
  for (const [index, page] of pages.entries()) {
    const shrunk = [...page.samples].filter(
      ([key, value]) => COUNTERS.test(key) && !((later[index]!.samples.get(key) ?? -1) >= value),
    )
    expect(shrunk).toEqual([])
    for (const [name, type] of page.types)
      expect([name, type]).toEqual([name, name.endsWith('_total') ? 'counter' : 'gauge'])
  }
  await expectPurposes(setting)
  await expectOneReader(setting, urls[0]!)
})

/** Each request has what it was sent for: the run and its resource, or the local edit. */
async function expectPurposes({ sql }: Setting): Promise<void> {
  const isOfEdit = ({ run, path }: KeptRequest): boolean => run === null && path.includes('/clients/')
  const kept = await until(async () => {
    const all = await readPurposes(sql, ['path', 'run', 'resource'])
    return all.some(isOfEdit) ? all : undefined
  }, 'the requests of the edit')
  const listed = kept.filter(({ path }) => path.includes('/v1/clients?'))
  expect(listed.length).toBeGreaterThan(2)
  expect(new Set(listed.map(({ run, resource }) => `${run} ${resource}`))).toEqual(new Set(['1 clients']))
  expect(new Set(kept.filter(isOfEdit).map(({ resource }) => resource))).toEqual(new Set(['clients']))
}

/** While the read of a page that is open waits, /metrics waits for the same one, and does without it in the end. */
async function expectOneReader({ sql }: Setting, url: string): Promise<void> {
  const closing = new AbortController()
  onTestFinished(() => closing.abort())
  await fetch(`${url}/live`, { signal: closing.signal })
  const waits = await sql.begin(async (tx) => {
    // Nothing else reads it.
    await tx`lock table sync.account in access exclusive mode`
    await lockWait(sql, 'sync.account')
    await until(async () => sumOf(await scrape(url), 'scopestack_sync_process_database_up') === 0, '/metrics to wait')
    return (await lockWaits(sql, 'sync.account')).length
  })
  expect(waits).toBe(1)
}
