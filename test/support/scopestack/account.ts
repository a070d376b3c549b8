/** A simulated account with a worker beside it: what most tests of pull and push begin with. */
import type { Config } from '../../../src/config/config.ts'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/server.ts'
import type { ResourceOutcome } from '../../../src/store/runs/runs.ts'
import type { ReadOptions } from '../../../src/sync/run/resource-run.ts'
import { startRelay, type Alter } from '../network/relay.ts'
import { createDatabase } from '../postgres/database.ts'
import { onTestFinished } from '../run/test-context.ts'
import { readCheckpoints } from '../tables/progress.ts'
import { startWorker, type TestWorker } from './worker.ts'

interface Account {
  readonly sim: Simulator
  readonly worker: TestWorker
  readonly databaseUrl: string
}

/**
 * An account and its worker, until the test ends. Pages have 10 records, so that a list of a small account has some.
 *
 * @param alter changes the simulator's lists; they are sent without an `ETag`.
 */
export async function openAccount(
  options: SimulatorOptions = {},
  alter?: Alter['list'],
  config: Partial<Config> = {},
  one?: Alter['one'],
): Promise<Account> {
  const sim = await startSimulator({ projects: 12, ...options })
  onTestFinished(() => sim.close())
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const given = { ...(alter === undefined ? {} : { list: alter }), ...(one === undefined ? {} : { one }) }
  const relay = alter === undefined && one === undefined ? undefined : await startRelay(sim, given)
  onTestFinished(() => relay?.[Symbol.asyncDispose]())
  const worker = await startWorker(relay ?? sim, database.url, { pageSize: 10, concurrency: 1, ...config })
  onTestFinished(() => worker[Symbol.asyncDispose]())
  return { sim, worker, databaseUrl: database.url }
}

/** A run over one resource. */
export async function pullOne(worker: TestWorker, type: string, how: ReadOptions = {}): Promise<ResourceOutcome> {
  const { outcomes } = await worker.run([type], how)
  return outcomes[0]!
}

export const livingIds = async ({ sql }: TestWorker, table: string): Promise<string[]> =>
  (
    await sql<{ id: string }[]>`
      select id from scopestack.${sql(table)} where sync_deleted_at is null order by length(id), id`
  ).map(({ id }) => id)

export const asOf = async ({ sql }: TestWorker, type: string): Promise<Date | null> =>
  (await readCheckpoints(sql, ['asOf'], { resource: type }))[0]!.asOf

export const remoteIds = ({ records }: Simulator, type: string): string[] =>
  records
    .list(type)
    .map(({ id }) => id)
    .toSorted((a, b) => Number(a) - Number(b))
