/**
 * What `doctor` looks at. Each thing is read once, when the first check needs it, and whatever cannot be read fails that check
 * alone: the others say that they were not made. Nothing here takes a lease, migrates, or binds the database to an account.
 */
import { openProbe, type Fleet, type Probe } from '../../assemble/probe.ts'
import { EMBEDDED_FOLDER, openStore, type Store } from '../../assemble/store.ts'
import { catalog } from '../../catalog/registry.ts'
import type { Resource } from '../../catalog/resource.ts'
import type { InspectedConfig, SettingName } from '../../config/config.ts'
import { hasCode } from '../../errors/sync-error.ts'
import { readSchedules, type Schedule } from '../../jobs/schedule.ts'
import type { Account } from '../../remote/account.ts'
import { readOverview, type Overview, type OverviewDeps } from '../../report/overview.ts'
import { addressOf, codeOf, explainDatabase } from '../../store/connection/database.ts'
import { findLocation } from '../../store/embedded/location.ts'
import { checkRedis } from '../../store/redis/redis-check.ts'
import { readSchemaVersion, type SchemaVersion } from '../../store/schema/migrate.ts'
import { readConnectionPath, type ConnectionPath } from '../../store/server/connection-path.ts'
import { readFitness, type Fitness } from '../../store/server/fitness.ts'
import { readServerFacts, type ServerFacts } from '../../store/server/server-facts.ts'
import { chooseResources, unknownOf } from '../settings.ts'
import { NotChecked } from './check.ts'

export interface Reached {
  readonly where: string
  /** Null: it is the embedded Postgres. */
  readonly path: ConnectionPath | null
}

export interface Subject {
  readonly settings: InspectedConfig
  readonly resources: readonly Resource[]
  /** @throws NotChecked where a pattern or the time zone is wrong. */
  schedules(): readonly Schedule[]
  /** The way to the database. Null: there is no embedded Postgres yet. @throws SyncError */
  reach(): Promise<Reached | null>
  /** The others of the database throw NotChecked where that has failed. */
  store(): Promise<Store>
  server(): Promise<ServerFacts>
  fitness(): Promise<Fitness>
  schema(): Promise<SchemaVersion>
  /** @throws NotChecked where the schema is not of this version. */
  overview(): Promise<Overview>
  /** @throws SyncError where Redis cannot be used; nothing without REDIS_URL. */
  redis(): Promise<void>
  probe(): Promise<Probe>
  /** The first request. @throws NotChecked where there is no token. */
  account(signal: AbortSignal): Promise<Account>
  close(): Promise<void>
}

export function openSubject(settings: InspectedConfig, signal: AbortSignal): Subject {
  const { config, wrong } = settings
  const { redisUrl } = config
  const database = databaseOf(settings, signal)
  const redis = once(async () => {
    if (wrong.has('REDIS_URL')) throw new NotChecked('REDIS_URL is wrong.')
    if (redisUrl !== undefined) await checkRedis(redisUrl)
  })
  const probe = once(async () => {
    const bad = [...wrong].filter((name) => OF_SCOPESTACK.has(name))
    if (bad.length > 0)
      throw new NotChecked(`${bad.join(' and ')} ${bad.length === 1 ? 'is' : 'are'} missing or wrong.`)
    const fleet = await fleetOf(database, redis)
    if (fleet.sql === null && config.grant === 'authorization_code') {
      throw new NotChecked('The session of the login is in the database, which cannot be used.')
    }
    return await openProbe(config, fleet)
  })
  const account = onceFor(async (given) => {
    const asking = await probe()
    await asking.token(given).catch(() => {
      throw new NotChecked('There is no token.')
    })
    return await asking.account(given)
  })
  return {
    settings,
    resources:
      unknownOf(catalog, config.resources ?? []).length > 0
        ? chooseResources(catalog, undefined)
        : chooseResources(catalog, config.resources),
    schedules: () => schedulesOf(settings),
    ...database,
    overview: once(async () => {
      const { sql } = await database.store()
      const { applied, newest } = await database.schema()
      if (applied === null) throw new NotChecked('The database has no tables of scopestack-sync yet.')
      if (applied < newest) throw new NotChecked('The schema is of an older version.')
      const schedules = wrongSchedules(settings) ? [] : schedulesOf(settings)
      return await readOverview(sql, { ...OF_OTHER_CHECKS, schedules }).catch(unlessForbidden)
    }),
    redis,
    probe,
    account,
    async close() {
      await probe
        .opened()
        ?.then((one) => one.close())
        .catch(() => {})
      await database.close()
    },
  }
}

/** Redis, connections and requests have lines of their own. */
const OF_OTHER_CHECKS: Omit<OverviewDeps, 'schedules'> = {
  rate: 0,
  resources: { full: [], incremental: [] },
  fleet: { kind: 'postgres', depths: async () => [], rateState: async () => ({ heldUntil: null, share: 1 }) },
}

/** Settings without which ScopeStack cannot be asked. */
const OF_SCOPESTACK: ReadonlySet<SettingName> = new Set([
  'SCOPESTACK_CLIENT_ID',
  'SCOPESTACK_CLIENT_SECRET',
  'SCOPESTACK_GRANT',
  'SCOPESTACK_USERNAME',
  'SCOPESTACK_PASSWORD',
  'SCOPESTACK_AUTH_URL',
  'SCOPESTACK_API_URL',
  'HTTPS_PROXY',
] as const)

type OfDatabase = Pick<Subject, 'reach' | 'store' | 'server' | 'fitness' | 'schema' | 'close'>

function databaseOf({ config, wrong }: InspectedConfig, signal: AbortSignal): OfDatabase {
  const { databaseUrl } = config
  const reach = once(async (): Promise<Reached | null> => {
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL'] as const) {
      if (wrong.has(name)) throw new NotChecked(`${name} is missing or wrong.`)
    }
    if (databaseUrl === undefined) {
      const folder = await findLocation(EMBEDDED_FOLDER)
      if (folder === null) return null
      await opened()
      return { where: `the embedded Postgres in ${folder}`, path: null }
    }
    const where = addressOf(databaseUrl)
    try {
      return { where, path: await readConnectionPath(databaseUrl) }
    } catch (error) {
      throw explainDatabase(error, databaseUrl)
    }
  })
  // Two connections: one to ask, and one for the rate limit beside it.
  const opened = once(() => openStore({ databaseUrl, concurrency: 1 }, signal))
  const store = async (): Promise<Store> => {
    const reached = await reach().catch(() => undefined)
    if (reached === undefined) throw new NotChecked('The database cannot be reached.')
    if (reached === null) throw new NotChecked('There is no database yet.')
    if (reached.path?.kind === 'transaction pooler') {
      throw new NotChecked('The pooler in between gives sessions away.')
    }
    return await opened()
  }
  return {
    reach,
    store,
    server: once(async () => await readServerFacts((await store()).sql)),
    fitness: once(async () => await readFitness((await store()).sql)),
    schema: once(async () => await readSchemaVersion((await store()).sql).catch(unlessForbidden)),
    async close() {
      await opened
        .opened()
        ?.then((one) => one.close())
        .catch(() => {})
    },
  }
}

/** The line on rights has it. */
function unlessForbidden(error: unknown): never {
  throw codeOf(error) === '42501' ? new NotChecked('The role has too few rights.') : error
}

/** Token and rate limit are shared in a database that is migrated and writable, and with it in Redis where that is configured. */
async function fleetOf(database: OfDatabase, redis: () => Promise<void>): Promise<Fleet> {
  try {
    const { sql } = await database.store()
    const { applied, newest } = await database.schema()
    // No process has ever worked with it.
    if (applied === null) return { sql: null, others: false }
    await redis()
    const { standby, readOnly } = await database.fitness()
    return { sql: applied < newest || standby || readOnly !== null ? null : sql, others: true }
  } catch {
    return { sql: null, others: true }
  }
}

export const wrongSchedules = (settings: InspectedConfig): boolean => {
  try {
    schedulesOf(settings)
    return false
  } catch {
    return true
  }
}

function schedulesOf({ config, wrong }: InspectedConfig): readonly Schedule[] {
  if (wrong.has('SYNC_TIMEZONE')) throw new NotChecked('SYNC_TIMEZONE is wrong.')
  try {
    return readSchedules(config)
  } catch (error) {
    if (!hasCode(error, 'SYNC_CONFIG')) throw error
    throw new NotChecked('The pattern of a schedule is wrong.')
  }
}

interface Once<T> {
  (): Promise<T>
  /** What it has read, or is about to; undefined when it was never called. */
  opened(): Promise<T> | undefined
}

function once<T>(read: () => Promise<T>): Once<T> {
  let reading: Promise<T> | undefined
  const call = (): Promise<T> => {
    if (reading === undefined) {
      reading = read()
      reading.catch(() => {})
    }
    return reading
  }
  return Object.assign(call, { opened: () => reading })
}

/** The first caller's signal ends it for all. */
function onceFor<T>(read: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let reading: Promise<T> | undefined
  return (signal) => {
    if (reading === undefined) {
      reading = read(signal)
      reading.catch(() => {})
    }
    return reading
  }
}
