import postgres from 'postgres'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/server.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { runCli, type CliOptions, type CliRun } from '../../support/process/cli.ts'

/** An account, a database, and the commands of an operator. */
export interface Setting extends AsyncDisposable {
  readonly sim: Simulator
  readonly sql: postgres.Sql
  readonly databaseUrl: string
  readonly env: Record<string, string>
  /** A value given as undefined is not set. */
  readonly run: (command: string, env?: Record<string, string | undefined>, options?: CliOptions) => CliRun
  /** Pulls in this process, where the command is not what is tested: a process of its own would take 0.4 s of CPU. */
  readonly pull: (...types: string[]) => Promise<void>
}

/** Small, because most of a run's time is the start of its process. */
const PROJECTS = 3

export async function open(
  options: SimulatorOptions = {},
  database: Promise<TestDatabase> = createNewDatabase(),
): Promise<Setting> {
  const sim = await startSimulator({ projects: PROJECTS, ...options })
  const { url, [Symbol.asyncDispose]: drop } = await database
  const sql = postgres(url, { max: 3, onnotice: () => {} })
  const env: Record<string, string> = {
    SCOPESTACK_CLIENT_ID: sim.credentials.clientId,
    SCOPESTACK_CLIENT_SECRET: sim.credentials.clientSecret,
    SCOPESTACK_AUTH_URL: sim.url,
    SCOPESTACK_API_URL: sim.url,
    DATABASE_URL: url,
    SYNC_RATE: '0',
  }
  return {
    sim,
    sql,
    databaseUrl: url,
    env,
    run(command, more = {}, rest = {}) {
      const given = Object.entries({ ...env, ...more }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      )
      return runCli(command.split(' '), { ...rest, env: Object.fromEntries(given) })
    },
    async pull(...types) {
      // Only for tests that ask for it: the whole product.
      const { startWorker } = await import('../../support/scopestack/worker.ts')
      await using worker = await startWorker(sim, url)
      const { outcome } = await worker.run(types)
      if (outcome !== 'ok') throw new Error(`The pull of ${types.join(', ')} ended as ${outcome}`)
    },
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 5 })
      await sim.close()
      await drop()
    },
  }
}

/** Creates clients up to this number. */
export function fillClients({ records }: Simulator, count: number): void {
  for (let number = records.list('clients').length; number < count; number++) {
    records.create('clients', { attributes: { name: `Client ${number}` } })
  }
}

interface Digest {
  readonly table: string
  readonly rows: number
  readonly digest: string
}

/** The content of each table of the mirror. */
export const contents = (sql: postgres.Sql): Promise<Digest[]> =>
  ofEachTable(sql, `md5(coalesce(string_agg(${VALUES}, ',' order by ${VALUES}), ''))`)

const VALUES = `(to_jsonb(t) - 'sync_changed_at')::text`

/** Changes with every new version of any row, even one with the same values, and with every row lock. */
export const versions = (sql: postgres.Sql): Promise<Digest[]> =>
  ofEachTable(sql, `md5(coalesce(string_agg(concat_ws(' ', ctid, xmin, xmax), ',' order by ctid), ''))`)

async function ofEachTable(sql: postgres.Sql, digest: string): Promise<Digest[]> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'scopestack' and table_type = 'BASE TABLE' order by 1`
  const parts = tables.map(
    ({ name }) => `select '${name}' as "table", count(*)::int as rows, ${digest} as digest from scopestack."${name}" t`,
  )
  return await sql.unsafe<Digest[]>(`${parts.join(' union all ')} order by 1`)
}

/** The last line of `pull --json`, and all of them. */
export function jsonLines(stdout: string): { all: Record<string, unknown>[]; last: Record<string, unknown> } {
  const all = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { all, last: all.at(-1) ?? {} }
}
