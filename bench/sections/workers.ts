/**
 * One long list that one, two and four processes of `start` read together from a server that takes its time. What is measured is
 * the time of the resource in its run, without the start of any process.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../src/store/connection/database.ts'
import type { Measured } from '../machine/measure.ts'
import { withDatabase } from '../machine/postgres.ts'
import { cpuMsOf, rssOf } from '../machine/processes.ts'
import { startRemote, type Remote } from '../machine/remote.ts'
import { startService, UNMEASURED, type Service } from '../machine/service.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { PLAIN } from './runner.ts'

const RECORDS = 20_000

export async function workers(context: Context): Promise<Series[]> {
  const { options, server } = context
  const records = Math.min(options.records, RECORDS)
  const latency = options.latency?.[0] ?? (options.quick ? 20 : 200)
  const inFlight = options.inFlight?.[0] ?? 2
  const remote = await startRemote({ plain: records })
  try {
    await remote.switch({ latency })
    const own = { ...context, options: options.roundsGiven ? options : { ...options, rounds: 1 } }
    const found = await rounds(own, `workers, ${latency} ms, ${inFlight} in flight each`, async (_, add) => {
      for (const count of [1, 2, 4]) {
        add(`workers${count}`, await together(context, remote, inFlight, count))
      }
    })
    const circumstances = { postgres: server.major, shape: 'plain', latency, inFlight, records }
    return [{ section: 'workers', circumstances, rounds: found }]
  } finally {
    await remote.close()
  }
}

async function together({ server }: Context, remote: Remote, inFlight: number, count: number): Promise<Measured> {
  const database = await server.create('shared')
  const settings = {
    SYNC_RESOURCES: PLAIN.join(','),
    SYNC_CONCURRENCY: String(inFlight),
    SYNC_SCHEDULE: '0 0 1 1 *',
    SYNC_INCREMENTAL_SCHEDULE: 'off',
  }
  const services: Service[] = []
  const begin = async (only: string): Promise<void> => {
    services.push(await startService({ remote, database, settings, args: ['--only', only] }, '"started"'))
  }
  try {
    for (let one = 0; one < count; one++) await begin('worker')
    await remote.resetCounts()
    const cpu = (): number => services.reduce((sum, { pid }) => sum + (cpuMsOf(pid) ?? 0), 0)
    const before = cpu()
    await begin('scheduler')
    const { seconds, seen } = await withDatabase(database, firstRun)
    const { requests, bytes, statuses } = await remote.counts()
    return {
      ...UNMEASURED,
      ms: seconds * 1000,
      cpuMs: cpu() - before,
      records: seen,
      peakRss: Math.max(...services.map(({ pid }) => rssOf(pid) ?? 0)),
      requests,
      bytes,
      statuses,
    }
  } finally {
    await Promise.all(services.map(({ close }) => close()))
  }
}

interface Outcome {
  readonly seconds: number
  readonly outcome: string
  readonly seen: number
}

async function firstRun(sql: Database): Promise<Outcome> {
  for (;;) {
    const [row] = await sql<Outcome[]>`
      select extract(epoch from o.finished_at - o.started_at)::float8 as seconds, o.outcome, o.seen::int as seen
      from sync.run_outcomes o join sync.runs r on r.id = o.run_id where r.finished_at is not null`
    if (row !== undefined && row.outcome !== 'ok') throw new Error(`The run was ${row.outcome}.`)
    if (row !== undefined) return row
    await wait(50)
  }
}
