/** What each operation of the fault matrix does, in this process or in one of its own: without Vitest. */
import { openMigratedWorker, openPusher, type Worker } from '../../../src/assemble/worker.ts'
import type { Config } from '../../../src/config/config.ts'
import { errorCodeOf } from '../../../src/errors/sync-error.ts'
import { fetchAccount } from '../../../src/remote/account.ts'
import { explainDatabase, openDatabase } from '../../../src/store/connection/database.ts'
import { push } from '../../../src/sync/push/push.ts'
import { backfill } from '../../../src/sync/run/backfill.ts'
import type { ReadOptions } from '../../../src/sync/run/resource-run.ts'
import { pull } from '../../../src/sync/run/run.ts'
import { configFor, QUICKLY } from '../scopestack/config.ts'
import { readChanges } from '../tables/outbox.ts'
import type { OperationName } from './names.ts'

export interface Place {
  readonly remoteUrl: string
  readonly credentials: Pick<Config, 'clientId' | 'clientSecret' | 'username' | 'password'>
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** The resources of the operation. */
  readonly types: readonly string[]
}

export interface OpenWorker extends AsyncDisposable {
  readonly worker: Worker
  readonly config: Config
  readonly types: readonly string[]
}

const never = new AbortController().signal

/** Put together as the program does it, with the grant whose token is refreshed. */
export async function openAt(place: Place): Promise<OpenWorker> {
  const { remoteUrl, credentials, databaseUrl, redisUrl } = place
  const { clientId, clientSecret, username, password } = credentials
  const config = configFor({ url: remoteUrl, credentials: { clientId, clientSecret } }, databaseUrl, {
    grant: 'password',
    username,
    password,
    redisUrl,
    pageSize: 10,
    concurrency: 2,
    // With none, no worker would ask Redis for a place.
    rate: 1_000,
  })
  const sql = openDatabase(databaseUrl, { connections: 4 })
  const store = { url: databaseUrl, sql, embedded: undefined, close: () => sql.end({ timeout: 1 }) }
  try {
    const opening = { signal: never, onRetry: () => {}, policy: QUICKLY, lostEdits: null }
    const worker = await openMigratedWorker(config, store, opening)
    return {
      worker,
      config,
      types: place.types,
      async [Symbol.asyncDispose]() {
        await worker.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** @returns `ok`, or the code of the first failure. */
export async function perform(name: OperationName, { worker, config, types }: OpenWorker): Promise<string> {
  try {
    return await ACTS[name](worker, config, types)
  } catch (error) {
    const known = explainDatabase(error, config.databaseUrl!)
    const code = errorCodeOf(known) ?? (known as { code?: unknown }).code
    if (typeof code === 'string') return code
    throw error
  }
}

// --- internal ---

type Act = (worker: Worker, config: Config, types: readonly string[]) => Promise<string>

const read =
  (how: ReadOptions): Act =>
  async (worker, _, types) => {
    const resources = types.map((type) => worker.catalog.get(type)!)
    const { outcomes } = await pull(worker, { resources, ...how, signal: never, onEvent: () => {} })
    return firstFailure(outcomes)
  }

const send: Act = async (worker, config) => {
  await push(openPusher(worker, config), { signal: never, onResult: () => {}, patient: true })
  const changes = await readChanges(worker.sql, ['exactState', 'code'])
  const left = changes.filter(({ exactState }) => exactState !== 'sent' && exactState !== 'superseded')
  return left.length === 0 ? 'ok' : (left[0]!.code ?? left[0]!.exactState)
}

const ACTS: Readonly<Record<OperationName, Act>> = {
  'first pull': read({}),
  'unchanged pull': read({}),
  'detection of deletes': read({}),
  incremental: read({ changesOnly: true }),
  async backfill(worker, _, types) {
    const { outcomes, failed } = await backfill(worker, {
      resources: types.map((type) => worker.catalog.get(type)!),
      named: true,
      since: null,
      restart: false,
      allowMassDelete: false,
      signal: never,
      onBegin: async () => {},
      onEvent: () => {},
    })
    return failed.length > 0 ? firstFailure(outcomes) : 'ok'
  },
  'push of a new row': send,
  'push of an edit': send,
  'push of a deletion': send,
  async token(worker) {
    await fetchAccount(worker.client, never)
    return 'ok'
  },
  'schedule on Postgres': () => Promise.reject(new Error('It is done by processes of "start"')),
  'schedule on Redis': () => Promise.reject(new Error('It is done by processes of "start"')),
}

const firstFailure = (outcomes: readonly { outcome: string; code: string | null }[]): string => {
  const failed = outcomes.find(({ outcome }) => outcome !== 'ok')
  return failed === undefined ? 'ok' : (failed.code ?? failed.outcome)
}
