/** The facts that take more than one question. */
import { statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { catalog } from '../../catalog/registry.ts'
import { hasCode, reason } from '../../errors/sync-error.ts'
import { readSilence } from '../../jobs/alerts/silence.ts'
import { connectionsToStart } from '../../jobs/backends.ts'
import { hostAheadOfRemote, hostClockNotice, remoteClockNotice } from '../../jobs/clock.ts'
import { isQueueMigrated } from '../../jobs/queue-tables.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import { readAddress, tlsOf } from '../../store/connection/address.ts'
import { quote } from '../../store/connection/database.ts'
import { readBoundAccount, readInstalledAt } from '../../store/fleet/account.ts'
import { assertOwnSchemas } from '../../store/schema/foreign-schemas.ts'
import { readLiveViews, type LiveViewState } from '../../store/schema/live/live-views.ts'
import { migratedSchemaGone } from '../../store/schema/migrate.ts'
import { migrationSpan } from '../../store/schema/migration-files.ts'
import { readTableState } from '../../store/schema/table-state.ts'
import { readClock } from '../../store/server/clock.ts'
import { readServerVersion } from '../../store/server/fitness.ts'
import { readRights, readSizes } from '../../store/server/server-facts.ts'
import { probeAccess, type Access } from '../../sync/discover/privileges.ts'
import { readSupport } from '../../sync/discover/support.ts'
import { NotChecked } from './check.ts'
import type { Connections, Rights, Sizes } from './decide-database.ts'
import type { Disk } from './decide-host.ts'
import type { SchemaFacts, SuccessFacts } from './decide-mirror.ts'
import type { AccountFacts, RemoteClockFacts, TokenFacts } from './decide-scopestack.ts'
import type { Reached, Subject } from './subject.ts'

export const serverVersion = async (subject: Subject) => await readServerVersion((await subject.store()).sql)

export async function tls(subject: Subject) {
  const { databaseUrl } = subject.settings.config
  const mode = databaseUrl === undefined ? null : tlsOf(readAddress(databaseUrl)).mode
  return { ...(await subject.server()), mode }
}

export async function rights(subject: Subject): Promise<Rights> {
  const { sql } = await subject.store()
  // The tables of BullMQ are of no use to who keeps the queue in Redis.
  const withQueue = subject.settings.config.redisUrl === undefined
  const all = await readRights(sql)
  const found = {
    ...all,
    schemas: all.schemas.filter(({ name }) => withQueue || name !== 'bullmq'),
    lacking: all.lacking.filter((name) => withQueue || !name.startsWith('bullmq.')),
  }
  if (found.lacking.length > 0 || found.schemas.some(({ usable }) => !usable)) return { ...found, tables: [] }
  const { applied, newest } = await subject.schema()
  if (applied === null || applied < newest) return { ...found, tables: [] }
  const problems: (string | null)[] = []
  for (const resource of subject.resources) problems.push((await readTableState(sql, resource)).problem)
  return { ...found, tables: problems.filter((problem) => problem !== null) }
}

/** A pooler in transaction mode is reached, too. */
export async function reached(subject: Subject): Promise<Reached> {
  const found = await subject.reach().catch(() => undefined)
  if (found === undefined) throw new NotChecked('The database cannot be reached.')
  if (found === null) throw new NotChecked('There is no database yet.')
  return found
}

export async function connections(subject: Subject): Promise<Connections> {
  const { concurrency, redisUrl } = subject.settings.config
  const found = await reached(subject)
  const processes = await subject.overview().then(
    (overview) => overview.processes,
    () => [],
  )
  const live = processes.filter(({ alive }) => alive).length
  return { reached: found, need: connectionsToStart(concurrency, redisUrl), live }
}

export async function sizes(subject: Subject): Promise<Sizes> {
  const { sql } = await subject.store()
  const found = await readSizes(sql)
  const { applied, newest } = await subject.schema()
  const installed = applied === null || applied < newest ? null : await readInstalledAt(sql)
  const { now } = await readClock(sql)
  return { ...found, installedDaysAgo: installed === null ? null : (now - installed.getTime()) / 86_400_000 }
}

export const replication = async (subject: Subject) => ({ ...(await subject.server()), ...(await subject.fitness()) })

export async function queue(subject: Subject) {
  await subject.redis()
  if (subject.settings.config.redisUrl !== undefined) return { migrated: null }
  return { migrated: await isQueueMigrated((await subject.store()).sql) }
}

export const hostClock = async (subject: Subject) => hostClockNotice(await readClock((await subject.store()).sql))

const FIRST_RESPONSE_MS = 15_000

export async function remoteClock(subject: Subject, signal: AbortSignal): Promise<RemoteClockFacts> {
  const probe = await subject.probe()
  // A refusal has a date, too. The lines below report it, and a server that does not respond.
  await Promise.race([subject.account(signal).catch(() => {}), sleep(FIRST_RESPONSE_MS, undefined, { ref: false })])
  const remote = probe.time()
  if (remote === null) return { known: false, notice: null, hostAhead: null }
  const reading = await subject.store().then(
    ({ sql }) => readClock(sql),
    () => null,
  )
  // Read again: reading the other clock has taken time.
  const now = probe.time() ?? remote
  return reading === null
    ? { known: true, notice: null, hostAhead: hostAheadOfRemote(now) }
    : { known: true, notice: remoteClockNotice(now, reading), hostAhead: null }
}

export async function token(subject: Subject, signal: AbortSignal): Promise<TokenFacts> {
  const probe = await subject.probe()
  const { issuedAt, expiresAt } = await probe.token(signal)
  return { lifetimeMs: expiresAt - issuedAt, shared: probe.shared }
}

export async function account(subject: Subject, signal: AbortSignal): Promise<AccountFacts | null> {
  const found = await subject.account(signal).catch((error: unknown) => {
    if (hasCode(error, 'SYNC_FORBIDDEN')) return null
    throw error
  })
  if (found === null) return null
  try {
    if ((await subject.reach()) === null) return { found, bound: null }
    const { applied } = await subject.schema()
    return { found, bound: applied === null ? null : await readBoundAccount((await subject.store()).sql) }
  } catch {
    return { found, bound: undefined }
  }
}

export async function privileges(subject: Subject, signal: AbortSignal): Promise<Access[]> {
  const { client } = await subject.probe()
  const { slug } = await subject.account(signal).catch(() => {
    throw new NotChecked('The account is not known.')
  })
  const deps = { client, slug, catalog, someId: someIdOf(subject, slug, signal) }
  const known = new Map(await supportOrNone(subject))
  const found: Access[] = []
  const waiting = [...subject.resources]
  const next = async (): Promise<void> => {
    for (let resource = waiting.shift(); resource !== undefined; resource = waiting.shift()) {
      const from = known.get(resource.type)
      const first = resource.readMethods.find((method) => method.from === from)
      found.push(await probeAccess(deps, resource, first, signal))
    }
  }
  await Promise.all([next(), next()])
  return found.toSorted((one, other) => (one.resource.type < other.resource.type ? -1 : 1))
}

const supportOrNone = async (subject: Subject) =>
  await subject.overview().then(
    async () => (await readSupport((await subject.store()).sql)).map(({ resource, from }) => [resource, from] as const),
    () => [],
  )

/** From the mirror, or else from the list of the parent. */
function someIdOf(subject: Subject, slug: string, signal: AbortSignal): (type: string) => Promise<string | null> {
  const known = new Map<string, Promise<string | null>>()
  const find = async (type: string): Promise<string | null> => {
    const table = catalog.get(type)?.table ?? type
    const mirrored = await subject.overview().then(
      async () =>
        await (
          await subject.store()
        ).sql.unsafe<{ id: string }[]>(
          `select id from scopestack.${quote(table)} where sync_deleted_at is null and id !~ '^local-' limit 1`,
        ),
      () => [],
    )
    if (mirrored[0] !== undefined) return mirrored[0].id
    const { client } = await subject.probe()
    const path = `/${slug}/v1/${type}?page%5Bsize%5D=1`
    return await client.get(path, parseDocument, signal).then(
      ({ records }) => records[0]?.id ?? null,
      () => null,
    )
  }
  return async (type) => {
    const finding = known.get(type) ?? find(type)
    known.set(type, finding)
    return await finding
  }
}

/** One request each, by the rate limit, and as long again for the workers that use it meanwhile. */
export function secondsForPrivileges({ settings: { config }, resources }: Subject): number {
  const rate = config.rate === 0 ? 10 : Math.min(1, config.rate)
  return 60 + Math.ceil((2 * resources.length) / rate)
}

export async function support(subject: Subject) {
  await subject.overview()
  return await readSupport((await subject.store()).sql)
}

export async function success(subject: Subject): Promise<SuccessFacts> {
  const overview = await subject.overview()
  const full = scheduleOf(subject)
  const silence = full === undefined ? null : await readSilence((await subject.store()).sql, full, overview.at)
  return { ...overview, silence }
}

function scheduleOf(subject: Subject) {
  try {
    return subject.schedules().find(({ name }) => name === 'full')
  } catch (error) {
    if (error instanceof NotChecked) return undefined
    throw error
  }
}

export async function disk(subject: Subject): Promise<Disk> {
  const { embedded, sql } = await subject.store()
  if (embedded === undefined) return { free: null, database: 0 }
  const { bavail, bsize } = await statfs(embedded)
  return { free: bavail * bsize, database: (await readSizes(sql)).bytes }
}

export async function schema(subject: Subject): Promise<SchemaFacts> {
  const { sql } = await subject.store()
  const found = await subject.schema()
  const foreign = await assertOwnSchemas(sql, migrationSpan().first).then(() => null, reason)
  const gone = found.applied === null || found.applied < found.newest ? null : await migratedSchemaGoneOrNull(subject)
  return { ...found, problem: foreign ?? gone }
}

export async function views(subject: Subject): Promise<LiveViewState> {
  const { applied, newest } = await subject.schema()
  if (applied === null || applied < newest) throw new NotChecked('The schema is of an older version.')
  return await readLiveViews((await subject.store()).sql)
}

async function migratedSchemaGoneOrNull(subject: Subject): Promise<string | null> {
  const { sql } = await subject.store()
  const [view] = await sql<{ there: boolean }[]>`select to_regclass('scopestack.sync_status') is not null as there`
  return view?.there === true ? null : reason(await migratedSchemaGone(sql))
}
