/**
 * Local edits on their way to ScopeStack: how many a second, with one, four and sixteen in flight, and how long one edit takes from
 * its COMMIT to the arrival of its PATCH, while `start` runs and nothing else happens.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Measured } from '../machine/measure.ts'
import { withDatabase } from '../machine/postgres.ts'
import { cpuMsOf, rssOf } from '../machine/processes.ts'
import { startRemote, type Remote } from '../machine/remote.ts'
import { startService, UNMEASURED } from '../machine/service.ts'
import { median, quantile } from '../machine/statistics.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { runnerFor } from './runner.ts'

const EDITS = 1000
const CLIENTS = ['clients']

export async function push(context: Context): Promise<Series[]> {
  const { options, server } = context
  const edits = Math.min(EDITS, Math.max(20, Math.round(options.records / 100)))
  const remote = await startRemote({ clients: edits, reportsWrites: true })
  const all: Series[] = []
  try {
    const url = await server.create('edited')
    await runnerFor(context, remote, { inFlight: 8, types: CLIENTS })('pull', url)
    for (const latency of options.latency ?? (options.quick ? [0] : [0, 50])) {
      await remote.switch({ latency })
      for (const inFlight of options.inFlight ?? (options.quick ? [4] : [1, 4, 16])) {
        const run = runnerFor(context, remote, { inFlight, types: CLIENTS })
        // One in flight at 50 ms needs two minutes for a thousand.
        const some = latency > 0 ? Math.min(edits, 100 * inFlight) : edits
        const found = await rounds(oneRound(context), `push, ${latency} ms, ${inFlight} in flight`, async (_, add) => {
          await edit(url, some)
          add('push', await run('push', url))
        })
        all.push({
          section: 'push',
          circumstances: { postgres: server.major, latency, inFlight, edits: some },
          rounds: found,
        })
      }
    }
    await remote.switch({ latency: 0 })
    all.push(await commitToPatch(context, remote, url))
    return all
  } finally {
    await remote.close()
  }
}

const oneRound = (context: Context): Context =>
  context.options.roundsGiven ? context : { ...context, options: { ...context.options, rounds: 1 } }

const edit = (url: string, count: number): Promise<void> =>
  withDatabase(
    url,
    async (sql) =>
      void (await sql`
        update scopestack.clients set domain = gen_random_uuid()::text || '.test'
        where id in (select id from scopestack.clients order by id limit ${count})`),
  )

const SAMPLES = 100

async function commitToPatch(context: Context, remote: Remote, url: string): Promise<Series> {
  const { server, options } = context
  const found = await rounds(oneRound(context), 'push, COMMIT to PATCH', async (_, add) => {
    const settings = { SYNC_SCHEDULE: 'off', SYNC_INCREMENTAL_SCHEDULE: 'off' }
    const service = await startService({ remote, database: url, settings }, '"started"')
    try {
      add('commitToPatch', await sampled(service.pid, remote, url, options.quick ? 5 : SAMPLES))
    } finally {
      await service.close()
    }
  })
  return { section: 'push', circumstances: { postgres: server.major, latency: 0 }, rounds: found }
}

async function sampled(pid: number, remote: Remote, url: string, samples: number): Promise<Measured> {
  const delays: number[] = []
  const begun = performance.now()
  const cpu = cpuMsOf(pid)
  await remote.resetCounts()
  await withDatabase(url, async (sql) => {
    const ids = await sql<{ id: string }[]>`select id from scopestack.clients order by id limit ${samples}`
    for (const { id } of ids) {
      const arrived = new Promise<number>((resolve) => {
        remote.onWrite(({ written, at }) => {
          if (written.includes(id)) resolve(at)
        })
      })
      await sql`update scopestack.clients set domain = gen_random_uuid()::text || '.test' where id = ${id}`
      const committed = performance.timeOrigin + performance.now()
      delays.push((await arrived) - committed)
      // The next edit is made while nothing is under way, as a person makes it.
      await wait(50)
    }
  })
  const { requests, bytes, statuses } = await remote.counts()
  return {
    ...UNMEASURED,
    ms: performance.now() - begun,
    cpuMs: (cpuMsOf(pid) ?? 0) - (cpu ?? 0),
    records: delays.length,
    peakRss: rssOf(pid) ?? 0,
    requests,
    bytes,
    statuses,
    more: { medianMs: median(delays), p95Ms: quantile(delays, 0.95), mostMs: Math.max(...delays) },
  }
}
