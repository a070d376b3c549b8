/** The real worker inside the test's process, put together as the program does it, against a simulated ScopeStack. */
import { openMigratedWorker, openPusher, openWorker, type Worker } from '../../../src/assemble/worker.ts'
import type { Resource } from '../../../src/catalog/resource.ts'
import type { Config } from '../../../src/config/config.ts'
import type { Client } from '../../../src/remote/client.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import type { ChangeResult } from '../../../src/sync/push/attempt.ts'
import { push } from '../../../src/sync/push/push.ts'
import type { ReadOptions, PullEvent } from '../../../src/sync/run/resource-run.ts'
import { pull, type PullReport } from '../../../src/sync/run/run.ts'
import type { Sharing } from '../../../src/sync/snapshot/snapshot-options.ts'
import { takeAsMigrated } from '../postgres/database.ts'
import { keepPool, takePool } from '../postgres/kept-pools.ts'
import { configFor, QUICKLY, type Remote } from './config.ts'

export type { Remote } from './config.ts'

export type TestWorker = AsyncDisposable &
  Worker & {
    /** One run over these types; without types, over all of the catalog. */
    run(types?: readonly string[], options?: RunOptions): Promise<PullReport>
    /** One run over a resource that is declared otherwise than in the catalog. */
    runResource(resource: Resource, how?: ReadOptions): Promise<PullReport>
    /** Pushes all changes that may be sent now. */
    push(options?: { signal?: AbortSignal; through?: (client: Client) => Client }): Promise<ChangeResult[]>
  }

/**
 * Of its pool. A statement waits there for its turn, so fewer than the product's do; each costs Postgres a process. One is left
 * for a test that holds a transaction open, and one for what it looks at meanwhile.
 */
const CONNECTIONS = 3

type RunOptions = ReadOptions & {
  signal?: AbortSignal
  onEvent?: (event: PullEvent) => void
  /** Of this run, if it is not the worker's. */
  pageSize?: number
  /** Other workers help (`shared.ts`). */
  sharing?: Sharing
}

/** The real worker in this process, as the command line puts it together. */
export async function startWorker(
  remote: Remote,
  databaseUrl: string,
  changes: Partial<Config> = {},
): Promise<TestWorker> {
  const sql: Database = takePool(databaseUrl, CONNECTIONS)
  const store = { url: databaseUrl, sql, embedded: undefined, close: () => keepPool(databaseUrl, sql) }
  const config = configFor(remote, databaseUrl, changes)
  const forever = new AbortController().signal
  const onRetry = (): void => {}
  // Nothing has used it yet, and the template was migrated.
  const opening = takeAsMigrated(databaseUrl)
    ? openMigratedWorker(config, store, {
        signal: forever,
        onRetry,
        policy: QUICKLY,
        lostEdits: null,
      })
    : openWorker(config, store, forever, onRetry, QUICKLY)
  const worker = await opening.catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const pusher = openPusher(worker, config)
  return {
    ...worker,
    async push({ signal = new AbortController().signal, through = (client: Client) => client } = {}) {
      const settled: ChangeResult[] = []
      const onResult = (one: ChangeResult) => void settled.push(one)
      await push({ ...pusher, client: through(pusher.client) }, { signal, onResult, patient: true })
      return settled
    },
    run: (
      types,
      { signal = new AbortController().signal, onEvent = () => {}, pageSize = worker.pageSize, sharing, ...how } = {},
    ) =>
      pull(
        { ...worker, pageSize, sharing },
        {
          resources:
            types === undefined ? [...worker.catalog.values()] : types.map((type) => worker.catalog.get(type)!),
          ...how,
          signal,
          onEvent,
        },
      ),
    runResource: (resource, how = {}) =>
      pull(worker, { resources: [resource], ...how, signal: new AbortController().signal, onEvent: () => {} }),
    async [Symbol.asyncDispose]() {
      await worker.close()
      await store.close()
    },
  }
}
