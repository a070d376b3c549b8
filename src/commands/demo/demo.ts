/**
 * "demo": a simulated account, the embedded Postgres and a pull, in a folder that is removed at the end; then a report, and
 * time to look around.
 */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWorker, type Worker } from '../../assemble/worker.ts'
import { catalog } from '../../catalog/registry.ts'
import { readConfig, type Config } from '../../config/config.ts'
import { demoStopped } from '../../errors/commands.ts'
import { embeddedFailed } from '../../errors/database.ts'
import { EXIT } from '../../errors/sync-error.ts'
import { thousands } from '../../report/words.ts'
import { onTerminal, stdout } from '../../screen/streams.ts'
import { startSimulator, type Simulator } from '../../simulator/server.ts'
import { openDatabase, type Database } from '../../store/connection/database.ts'
import { startEmbeddedPostgres } from '../../store/embedded/embedded.ts'
import { isSuccess } from '../../store/runs/runs.ts'
import { pull } from '../../sync/run/run.ts'
import { textTable } from '../output/format.ts'
import { chooseProgress } from '../output/progress.ts'
import { chooseResources } from '../settings.ts'
import { wholeNumber, type Call } from '../verb.ts'
import { showEdit } from './demo-edit.ts'
import { keepPushing } from './demo-push.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const projects = wholeNumber(options, 'projects', 1) ?? 300
  if (signal.aborted) throw demoStopped()
  const remote = await startSimulator({ projects })
  try {
    say(`A simulated ScopeStack account with ${thousands(projects)} projects answers at ${remote.url}.`)
    const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-demo-'))
    const postgres = await startEmbeddedPostgres({ folder, temporary: true, signal }).catch((error: unknown) => {
      throw embeddedFailed(error)
    })
    const sql = openDatabase(postgres.url)
    try {
      say(['An embedded Postgres is up. Pulling the account into it:', ''])
      const store = { url: postgres.url, sql, embedded: postgres.folder, close: async () => {} }
      const worker = await openWorker(configFor(remote), store, signal, () => {})
      try {
        const allOk = await pullAll(worker, signal)
        say(await report(sql))
        say(await showEdit(worker, remote, signal))
        if (options['exit'] !== true) {
          say(stayingUp(postgres.url, remote.url))
          await keepPushing(worker, signal, say)
        }
        return allOk ? EXIT.ok : EXIT.notAllOk
      } finally {
        await worker.close()
      }
    } finally {
      await sql.end({ timeout: 5 })
      await postgres.stop()
    }
  } catch (error) {
    throw signal.aborted ? demoStopped() : error
  } finally {
    await remote.close()
  }
}

const { say } = stdout

const configFor = (remote: Simulator): Config =>
  readConfig(
    { credentials: true },
    {
      SCOPESTACK_CLIENT_ID: remote.credentials.clientId,
      SCOPESTACK_CLIENT_SECRET: remote.credentials.clientSecret,
      SCOPESTACK_AUTH_URL: remote.url,
      SCOPESTACK_API_URL: remote.url,
      SYNC_RATE: '0',
    },
  )

async function pullAll(worker: Worker, signal: AbortSignal): Promise<boolean> {
  const terminal = onTerminal()
  const progress = chooseProgress({ json: false, terminal })
  try {
    const result = await pull(worker, {
      resources: chooseResources(catalog, undefined),
      signal,
      onEvent: (event) => progress.event(event),
    })
    progress.finish(result)
    return result.outcomes.every(({ outcome }) => isSuccess(outcome))
  } catch (error) {
    progress.abandon(error)
    throw error
  }
}

interface PipelineRow {
  readonly status: string
  readonly projects: number
  readonly revenue: number | null
  readonly margin: number | null
  readonly hours: number | null
}

/** What a manager would ask first, from the views that every installation has. */
async function report(sql: Database): Promise<string[]> {
  const pipeline = await sql<PipelineRow[]>`
    select status, projects::float8 as projects, round(contract_revenue)::float8 as revenue,
      (100 * contract_margin)::float8 as margin, round(hours)::float8 as hours
    from scopestack.report_project_pipeline order by stage`
  const clients = await sql<{ client: string; won: number; revenue: number; open: number }[]>`
    select client_name as client, won_projects::float8 as won, round(won_revenue)::float8 as revenue,
      round(open_revenue)::float8 as open
    from scopestack.report_client_revenue order by won_revenue desc nulls last limit 5`
  const [asOf] = await sql<{ at: Date }[]>`select min(data_as_of) as at from scopestack.sync_status`
  return [
    '',
    'Pipeline (scopestack.report_project_pipeline)',
    '',
    ...textTable([
      ['status', 'projects', 'revenue', 'margin', 'hours'],
      ...pipeline.map(({ status, projects, revenue, margin, hours }) => [
        status.replaceAll('_', ' '),
        projects,
        revenue,
        margin === null ? null : `${margin.toFixed(1)} %`,
        hours,
      ]),
    ]),
    '',
    'Best clients (scopestack.report_client_revenue)',
    '',
    ...textTable([
      ['client', 'projects won', 'revenue won', 'still open'],
      ...clients.map(({ client, won, revenue, open }) => [client, won, revenue, open]),
    ]),
    '',
    `Data as of ${asOf?.at.toISOString() ?? 'never'} (scopestack.sync_status)`,
  ]
}

const stayingUp = (postgresUrl: string, remoteUrl: string): string[] => [
  '',
  'Both stay up until Ctrl-C. Look around:',
  `  psql ${postgresUrl}`,
  `  curl ${remoteUrl}/_control/stats`,
  'What you edit in a client, a project or another table that can be written is sent as you make it, and shown here:',
]
