/** Opens the database, which every command but the demo and the simulator needs. Loads nothing that speaks to ScopeStack. */
import type { Config } from '../config/config.ts'
import { stopped } from '../errors/commands.ts'
import { embeddedFailed, embeddedGone, statementRejected } from '../errors/database.ts'
import { hasCode, reason } from '../errors/sync-error.ts'
import { explainDatabase, openDatabase, type Database } from '../store/connection/database.ts'
import { isRejectedByDatabase } from '../store/mirror/rejections.ts'
import { checkConnectionPathIfReachable } from '../store/server/connection-path.ts'
import { connectionsNeeded, poolSize } from '../sync/run/connections.ts'

type OfStore = Pick<Config, 'databaseUrl' | 'concurrency'>
/** Where the embedded Postgres keeps its data, below the current directory. */
export const EMBEDDED_FOLDER = '.scopestack-sync'

export interface Store {
  readonly url: string
  readonly sql: Database
  /** The folder of the embedded Postgres; undefined when DATABASE_URL names a server. */
  readonly embedded: string | undefined
  close(): Promise<void>
}

/**
 * Opens the database of the configuration, or an embedded one. A server that is away fails the first query, and not this.
 *
 * @throws SyncError SYNC_POOLED; SYNC_CONNECTIONS where data are to be moved.
 */
export async function openStore(config: OfStore, signal: AbortSignal, { moves = false } = {}): Promise<Store> {
  const { databaseUrl, concurrency } = config
  const embedded = databaseUrl === undefined ? await startEmbedded(signal) : undefined
  const url = databaseUrl ?? embedded!.url
  if (embedded === undefined) await checkConnectionPathIfReachable(url, moves ? connectionsNeeded(concurrency) : 0)
  const sql = openDatabase(url, { connections: poolSize(concurrency) })
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

interface Use {
  /** Data are to be moved, which takes more connections than reading a few rows. */
  readonly moves?: boolean
  /** Shows a failure, also one to open the database; what it returns is thrown. */
  readonly onFailure?: (error: unknown) => unknown
}

/** The database, open for as long as `act` takes; what fails meanwhile leaves in our words. */
export async function withStore<T>(
  config: OfStore,
  signal: AbortSignal,
  act: (store: Store) => Promise<T>,
  { moves = false, onFailure = (error) => error }: Use = {},
): Promise<T> {
  let store: Store | undefined
  try {
    store = await openStore(config, signal, { moves })
    return await act(store)
  } catch (error) {
    throw onFailure(store === undefined ? error : await explainStoreError(error, store))
  } finally {
    await store?.close()
  }
}

async function startEmbedded(signal: AbortSignal) {
  const { startEmbeddedPostgres } = await import('../store/embedded/embedded.ts')
  return await startEmbeddedPostgres({ folder: EMBEDDED_FOLDER, signal }).catch((error: unknown) => {
    throw signal.aborted ? stopped() : embeddedFailed(error)
  })
}

/** The database's failures in our words. Why an embedded server went away is read from its log. */
export async function explainStoreError(error: unknown, { url, embedded }: Store): Promise<unknown> {
  const known = explainDatabase(error, url)
  const explained = isRejectedByDatabase(known) ? statementRejected({ said: reason(known) }, known) : known
  const gone = hasCode(explained, 'SYNC_DATABASE_UNREACHABLE')
  if (!gone || embedded === undefined) return explained
  const { lastFatalMessage } = await import('../store/embedded/cluster.ts')
  return embeddedGone({ folder: embedded, said: await lastFatalMessage(embedded) }, error)
}
