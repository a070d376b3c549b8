/** Puts the parts together for whoever moves data: the one place that knows both the remote and the store. */
import { hostname } from 'node:os'
import pkg from '../package.json' with { type: 'json' }
import type { Config } from './config.ts'
import { embeddedFailed, embeddedGone, stopped } from './errors.ts'
import { catalog } from './registry.ts'
import { type Account, fetchAccount } from './remote/account.ts'
import { createClient, type Client } from './remote/client.ts'
import { requestToken } from './remote/grants.ts'
import { createHttp } from './remote/http.ts'
import { createPace } from './remote/pace.ts'
import { RETRY } from './remote/retry.ts'
import { createSeal } from './remote/seal.ts'
import { createTokens } from './remote/tokens.ts'
import { bindAccount } from './store/account.ts'
import { explainDatabase, openDatabase, type Database } from './store/database.ts'
import { lastWords } from './store/embedded-cluster.ts'
import { startEmbeddedPostgres } from './store/embedded.ts'
import { openLeases } from './store/leases.ts'
import { migrate } from './store/migrate.ts'
import { openTokenStore } from './store/tokens.ts'
import type { PullDeps } from './sync/pull.ts'
import { SyncError } from './sync-error.ts'

export const VERSION = pkg.version
/** Where the embedded Postgres keeps its data, below the current directory. */
const EMBEDDED_FOLDER = '.scopestack-sync'

export interface Store {
  readonly url: string
  readonly sql: Database
  /** The folder of the embedded Postgres; undefined when DATABASE_URL names a server. */
  readonly embedded: string | undefined
  close(): Promise<void>
}

/** Opens the database of the configuration, or an embedded one. */
export async function openStore({ databaseUrl }: Pick<Config, 'databaseUrl'>, signal: AbortSignal): Promise<Store> {
  const embedded =
    databaseUrl === undefined
      ? await startEmbeddedPostgres({ folder: EMBEDDED_FOLDER }).catch((error: unknown) => {
          // Ctrl-C in a terminal also ends initdb, which is no failure then.
          throw signal.aborted ? stopped() : embeddedFailed(error)
        })
      : undefined
  const url = databaseUrl ?? embedded!.url
  const sql = openDatabase(url)
  return {
    url,
    sql,
    embedded: embedded?.folder,
    async close() {
      await sql.end({ timeout: 5 })
      await embedded?.stop()
    },
  }
}

/** The database's failures in our words. An embedded server that went away is nobody's to check but ours: it says why. */
export async function explainStore(error: unknown, { url, embedded }: Store): Promise<unknown> {
  const explained = explainDatabase(error, url)
  const gone = explained instanceof SyncError && explained.code === 'SYNC_DATABASE_UNREACHABLE'
  return gone && embedded !== undefined
    ? embeddedGone({ folder: embedded, said: await lastWords(embedded) }, error)
    : explained
}

export interface Worker extends PullDeps {
  readonly account: Account
  readonly client: Client
  close(): Promise<void>
}

/**
 * Migrates, authenticates, and holds the database to its account.
 *
 * @throws SyncError before anything is written when the credentials, the account or the database are wrong.
 */
export async function openWorker(
  config: Config,
  store: Store,
  signal: AbortSignal,
  onRetry: (error: SyncError) => void,
): Promise<Worker> {
  await migrate(store.url)
  const userAgent = `scopestack-sync/${VERSION}`
  const http = createHttp({ connections: config.concurrency })
  const seal = createSeal(config)
  const tokens = createTokens({
    store: openTokenStore(store.sql, seal.keyId),
    seal,
    policy: RETRY,
    request: (requestSignal) => requestToken(http, config, userAgent, requestSignal),
  })
  const pace = createPace(config)
  const client = createClient({ http, tokens, pace, policy: RETRY, apiUrl: config.apiUrl, userAgent, onRetry })
  const holder = `${hostname()}, process ${process.pid}`
  try {
    const account = await fetchAccount(client, signal)
    await bindAccount(store.sql, account)
    const leases = await openLeases(store.sql, holder)
    return {
      sql: store.sql,
      client,
      account,
      slug: account.slug,
      catalog,
      leases,
      holder,
      version: VERSION,
      pageSize: config.pageSize,
      concurrency: config.concurrency,
      async close() {
        await leases.close()
        await http.close()
      },
    }
  } catch (error) {
    await http.close()
    throw error
  }
}
