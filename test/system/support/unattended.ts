import { inject } from 'vitest'
import type { CliRun } from '../../support/process/cli.ts'
import { QUEUE_KINDS, type TestQueue } from '../../support/redis/queue-kinds.ts'
import { readStates } from '../../support/tables/outbox.ts'
import { readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { fillClients, open, type Setting } from './setting.ts'

export type QueueKind = keyof typeof QUEUE_KINDS
export const KINDS = Object.keys(QUEUE_KINDS) as QueueKind[]

export interface Unattended extends Setting {
  readonly queue: TestQueue
  /** A process of `start`; settings that are not given suit a test's time limits. */
  readonly start: (env?: Record<string, string>, only?: string) => Started
}

export interface Started {
  readonly run: CliRun
  /** All lines of its log. */
  readonly log: () => Record<string, unknown>[]
  readonly kill: (signal: NodeJS.Signals) => void
}

/** Never again during a test. */
export const YEARLY = '0 0 1 1 *'
export const PAGES = 60
const PAGE_SIZE = 10

/** A long list of clients with pages slow enough for an event in between. */
export async function openUnattended(
  kind: QueueKind,
  options: Parameters<typeof open>[0] = {},
  database?: Parameters<typeof open>[1],
): Promise<Unattended> {
  const setting = await open(options, database)
  const queue = await QUEUE_KINDS[kind](setting.sql)
  const runs: Started[] = []
  return {
    ...setting,
    queue,
    start(env = {}, only) {
      let stderr = ''
      const given = {
        SYNC_SCHEDULE: YEARLY,
        SYNC_INCREMENTAL_SCHEDULE: 'off',
        // On a machine that is busy, a process that lives must not seem dead: its jobs would be taken over.
        SYNC_TAKEOVER: String(Math.round(2 * inject('crowd'))),
        SYNC_PAGE_SIZE: String(PAGE_SIZE),
        SYNC_RESOURCES: 'clients',
        HTTP_PORT: '0',
        ...queue.env,
        ...env,
      }
      const run = setting.run(only === undefined ? 'start' : `start --only ${only}`, given, {
        onStderr: (text) => (stderr = text),
      })
      const started: Started = {
        run,
        log: () =>
          stderr
            .split('\n')
            .slice(0, -1)
            .filter((line) => line.startsWith('{'))
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        kill: (signal) => run.kill(signal),
      }
      runs.push(started)
      return started
    },
    async [Symbol.asyncDispose]() {
      for (const { kill } of runs) {
        kill('SIGCONT')
        kill('SIGKILL')
      }
      await Promise.all(runs.map(({ run }) => run))
      await queue[Symbol.asyncDispose]()
      await setting[Symbol.asyncDispose]()
    },
  }
}

export async function openLongList(kind: QueueKind): Promise<Unattended> {
  const setting = await openUnattended(kind, { latency: 40 })
  fillClients(setting.sim, PAGES * PAGE_SIZE)
  return setting
}

/** The page by which a first read also counts the records that its filters may hide. */
export const COUNTED = 1

export const pagesServed = ({ sim }: Setting): number[] => sim.stats().pages['clients'] ?? []

export const served = (setting: Setting, count: number) =>
  until(() => pagesServed(setting).length >= count, `${count} pages being served`)

export const addressOf = (process: Started) =>
  until(
    () => process.log().find(({ url }) => url !== undefined)?.['url'] as string | undefined,
    'its address in the log',
  )

type Sides = Pick<Setting, 'sql' | 'sim'>

/** Makes an edit and a new row. `arrive` waits until both are sent, each once; `arriveAt` with a server other than the one of the edit. */
export async function edits(made: Sides): Promise<{ arrive(): Promise<void>; arriveAt(now: Sides): Promise<void> }> {
  const [client] = made.sim.records.list('clients')
  const name = `New ${performance.now()}`
  await made.sql`update scopestack.clients set domain = ${name} where id = ${client!.id}`
  await made.sql`insert into scopestack.clients (name) values (${name})`
  const arriveAt = async ({ sql, sim }: Sides): Promise<void> => {
    const count = () => sim.records.list('clients').filter(({ attributes }) => attributes['name'] === name).length
    await until(
      () => count() > 0 && sim.records.read('clients', client!.id)?.attributes['domain'] === name,
      'the edits to arrive',
    )
    await until(async () => (await readStates(sql)).every((state) => state === 'sent'), 'the edits to be settled')
    if (count() !== 1) throw new Error(`The new row was made ${count()} times`)
  }
  return { arrive: () => arriveAt(made), arriveAt }
}

export const runsOf = ({ sql }: Pick<Setting, 'sql'>) => readRuns(sql, ['id', 'outcome', 'startedAt', 'finishedAt'])

export const ended = (setting: Setting, count = 1) =>
  until(async () => {
    const runs = await runsOf(setting)
    return runs.filter((run) => run.finishedAt !== null).length >= count ? runs : undefined
  }, `${count} runs to end`)

/** Compares the pages that were sent with the rows: nothing is lost, nothing is duplicated. */
export async function clientIds({ sql, sim }: Setting): Promise<{ mirrored: string[]; remote: string[] }> {
  const rows = await sql<{ id: string }[]>`select id from scopestack.clients`
  const sorted = (ids: readonly string[]) => [...ids].sort()
  return { mirrored: sorted(rows.map(({ id }) => id)), remote: sorted(sim.records.list('clients').map(({ id }) => id)) }
}
