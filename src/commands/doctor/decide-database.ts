/** What facts of the database and the queue mean, and what to do about them. Pure: a fact comes in, a line goes out. */
import { many, thousands } from '../../report/words.ts'
import type { TlsMode } from '../../store/connection/address.ts'
import { findDatabaseProblem, OLDEST, type Fitness, type ServerVersion } from '../../store/server/fitness.ts'
import { grantTo, type RightsFacts, type ServerFacts, type SizeFacts } from '../../store/server/server-facts.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import type { Reached } from './subject.ts'

export function decideConnection(reached: Reached | null): Finding {
  if (reached === null) {
    return warn(
      'There is no database yet: DATABASE_URL is empty, and no embedded Postgres was made in this folder.',
      'Run "pull", which makes one in .scopestack-sync/, or set DATABASE_URL. Beside a running "start", run this in its folder.',
    )
  }
  const { where, path } = reached
  if (path === null) return ok(`${capital(where)} responds.`, { embedded: true }, { quotes: true })
  const how = path.kind === 'direct' ? '' : ', through a pooler'
  return ok(`${where} responds${how}.`, { embedded: false, pooler: path.kind !== 'direct' }, { quotes: true })
}

/** Not of a setting's name. */
const capital = (text: string): string => (/^[a-z]+\b(?!_)/.test(text) ? text[0]!.toUpperCase() + text.slice(1) : text)

export function decideVersion({ number, version }: ServerVersion): Finding {
  const short = /^[\d.]+/.exec(version)?.[0] ?? String(number)
  const facts = { version: short, oldest: OLDEST }
  if (Math.floor(number / 10_000) >= OLDEST)
    return ok(`PostgreSQL ${short}; ${OLDEST} is the oldest that is supported.`, facts)
  return fail(
    `PostgreSQL ${short} is too old: ${OLDEST} is the oldest that is supported.`,
    'Upgrade the server, or name a newer one in DATABASE_URL.',
    { code: 'SYNC_DATABASE_REFUSED', facts },
  )
}

/** @param mode null of the embedded Postgres. */
export function decideTls({ tls, from, mode }: Pick<ServerFacts, 'tls' | 'from'> & { mode: TlsMode | null }): Finding {
  const facts = { tls: tls !== null, mode, from }
  if (tls === null) {
    if (from === 'this machine') return ok('Not encrypted, and does not leave this machine.', facts)
    if (from === 'a private network') return ok('Not encrypted, within a private network.', facts)
    return warn(
      'The connection crosses a public network without encryption.',
      'Add ?sslmode=verify-full to DATABASE_URL (or require, where the certificate of the server cannot be checked).',
      { facts },
    )
  }
  const isVerified = mode === 'verify-ca' || mode === 'verify-full'
  const how = isVerified ? 'the certificate is verified' : 'the certificate is not verified (sslmode=verify-full does)'
  return ok(`${tls}; ${how}.`, facts)
}

export interface Rights extends RightsFacts {
  /** What is wrong with mirrored tables, by sentences that have the remedy. */
  readonly tables: readonly string[]
}

export function decideRights({ role, creates, schemas, lacking, tables }: Rights): readonly Finding[] {
  const present = schemas.map(({ name }) => name)
  const facts = {
    schemas: present,
    creates,
    owns: schemas.every(({ owned }) => owned),
    lacking: lacking.length + tables.length,
  }
  if (!present.includes('sync')) {
    if (creates) return [ok(`Role ${role} may create the schemas.`, facts, { quotes: true })]
    return [
      fail(
        `Role ${role} may not create schemas in this database, and those of scopestack-sync are not there.`,
        `Run "migrate" as another role, or grant it: grant create on database … to "${role}".`,
        { code: 'SYNC_DATABASE_REFUSED', facts, quotes: true },
      ),
    ]
  }
  const closed = schemas.filter(({ usable }) => !usable).map(({ name }) => name)
  if (closed.length > 0 || lacking.length > 0) {
    const what = closed.length > 0 ? `schema ${closed.join(' and ')}` : some(lacking)
    const where = closed.length > 0 ? closed : [...new Set(lacking.map((name) => name.split('.')[0]!))]
    return [
      fail(`Role ${role} may not read and write ${what}.`, `As its owner: ${grantTo(role, where)}.`, {
        code: 'SYNC_DATABASE_REFUSED',
        facts,
        quotes: true,
      }),
    ]
  }
  if (tables.length > 0) {
    return tables.map((problem) =>
      fail(problem, 'Repair the table as the message says.', {
        code: 'SYNC_TABLE_UNFIT',
        complete: true,
        quotes: true,
        facts,
      }),
    )
  }
  const owner = facts.owns ? 'and owns them' : 'and does not own them: another role has to run "migrate" first'
  return [ok(`Role ${role} may read and write all tables, ${owner}.`, facts, { quotes: true })]
}

const some = (names: readonly string[]): string =>
  names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${thousands(names.length - 3)} more tables`

export function decideEncoding({ encoding }: Pick<Fitness, 'encoding'>): Finding {
  const problem = findDatabaseProblem({ encoding, standby: false, readOnly: null, replica: null })
  if (problem === null) return ok(`${encoding}.`, { encoding })
  return fail(`${capital(problem.problem)}.`, `${problem.remedy}.`, {
    code: 'SYNC_DATABASE_UNFIT',
    facts: { encoding },
  })
}

export const decideTimeZone = ({ timeZone }: Pick<ServerFacts, 'timeZone'>): Finding =>
  ok(
    timeZone === 'UTC' || timeZone === 'Etc/UTC'
      ? 'UTC, as in this program.'
      : `${timeZone} for other sessions; this program uses UTC. Times are the same moments in both.`,
    { timeZone },
  )

export interface Connections {
  readonly reached: Reached
  /** What a "start" with these settings uses. */
  readonly need: number
  /** Processes of "start" that have theirs already. */
  readonly live: number
}

export function decideConnections({ reached: { path }, need, live }: Connections): Finding {
  if (path === null) return ok('The embedded Postgres has enough.', { need })
  if (path.kind !== 'direct') return ok('A pooler does not show how many it has left.', { need })
  const { room, most, limit } = path
  const facts = { need, room, most, live }
  const have = `${many(room, 'connection')} of ${thousands(most)} left (${limit})`
  if (room >= need) return ok(`${have}; a "start" uses ${need}.`, facts)
  const remedy =
    'Raise the limit, end other sessions, or need fewer: SYNC_CONCURRENCY=1, and a Redis for the queue (docs/deployment.md, "Connections").'
  if (live > 0)
    return warn(`${have}; the running "start" has its own, and another one would need ${need}.`, remedy, { facts })
  return fail(`${have}, and a "start" needs ${need}.`, remedy, { code: 'SYNC_CONNECTIONS', facts })
}

export interface Sizes extends SizeFacts {
  readonly installedDaysAgo: number | null
}

/** Fewer are no measure. */
const LEAST_DAYS = 1

export function decideSize({ bytes, largest, netRows, rows, countedDays, installedDaysAgo, bloated }: Sizes): Finding {
  const days = Math.min(countedDays ?? Infinity, installedDaysAgo ?? Infinity)
  const perDay =
    Number.isFinite(days) && days >= LEAST_DAYS && rows > 0
      ? Math.max(0, Math.round((netRows / days) * (bytes / rows)))
      : null
  const facts = { bytes, bytesPerDay: perDay, largest: largest.map(({ table }) => table) }
  const growth = perDay === null ? '' : `; it grows by about ${size(perDay)} a day`
  const top = largest
    .filter(({ bytes: its }) => its >= 1_000_000)
    .map(({ table, bytes: its }) => `${table} ${size(its)}`)
  const text = `${size(bytes)}${growth}.${top.length === 0 ? '' : ` The largest: ${top.join(', ')}.`}`
  if (bloated === null) return ok(text, facts)
  return warn(
    `${text} Of ${bloated.table} ${thousands(bloated.dead)} rows are dead, and ${thousands(bloated.rows)} live.`,
    `Let autovacuum run (show autovacuum; a long transaction holds it up, see pg_stat_activity), or: vacuum ${bloated.table}.`,
    { facts },
  )
}

export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value >= 10 || power === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${units[power]!}`
}

export type Replication = Fitness & Pick<ServerFacts, 'standbys' | 'synchronousStandbys' | 'seesStandbys' | 'waitsFor'>

export function decideReplication({
  standbys,
  synchronousStandbys,
  seesStandbys,
  waitsFor,
  ...fitness
}: Replication): Finding {
  const facts = { standby: fitness.standby, standbys, synchronousStandbys }
  const problem = findDatabaseProblem({ ...fitness, encoding: 'UTF8' })
  if (problem !== null) {
    return fail(`${capital(problem.problem)}.`, `${problem.remedy}.`, { code: 'SYNC_DATABASE_UNFIT', facts })
  }
  if (waitsFor !== '' && seesStandbys && synchronousStandbys === 0) {
    return fail(
      'synchronous_standby_names is set, and no standby streams: every commit waits for one.',
      'Start the standby, or take the setting back: alter system reset synchronous_standby_names; select pg_reload_conf().',
      { facts },
    )
  }
  return ok(
    standbys === 0
      ? 'A primary; no standby streams from it.'
      : `A primary; ${many(standbys, 'standby server')} ${standbys === 1 ? 'streams' : 'stream'} from it.`,
    facts,
  )
}

export function decidePooler({ path }: Reached): Finding {
  const facts = { kind: path?.kind ?? 'direct' }
  if (path?.kind === 'transaction pooler') {
    return fail(
      'DATABASE_URL leads to a pooler that gives a session away after each transaction or statement, and this program needs sessions of its own.',
      'Set DATABASE_DIRECT_URL to the address of the server itself, or use a port or a pool of the pooler with pool_mode = session.',
      { code: 'SYNC_POOLED', facts },
    )
  }
  return ok(path?.kind === 'session pooler' ? 'One that keeps sessions, as it should.' : 'None in between.', facts)
}

/** @param migrated null: it is kept in Redis, which could be used. */
export function decideQueue({ migrated }: { readonly migrated: boolean | null }): Finding {
  if (migrated === null) return ok('Kept in Redis, which can be used.', { kind: 'redis' })
  const facts = { kind: 'postgres', migrated }
  return ok(
    migrated
      ? 'Kept in Postgres; its tables are those of this version.'
      : 'Kept in Postgres; the next "start" makes its tables.',
    facts,
  )
}
