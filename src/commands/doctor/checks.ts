/** All that `doctor` checks, from top to bottom: where the fact comes from, and what decides on it. */
import { VERSION } from '../../assemble/remote.ts'
import { catalog } from '../../catalog/registry.ts'
import { historyTables, readHistoryState, type HistoryState } from '../../store/schema/history.ts'
import { check, NotChecked, type Check } from './check.ts'
import * as database from './decide-database.ts'
import { decideHistory } from './decide-history.ts'
import * as host from './decide-host.ts'
import * as mirror from './decide-mirror.ts'
import * as remote from './decide-scopestack.ts'
import * as read from './read-facts.ts'
import type { Subject } from './subject.ts'

const DATABASE = { source: 'database' } as const
const REMOTE = { source: 'ScopeStack' } as const

/** With several hosts in DATABASE_URL each may use up its time-out; the embedded Postgres may have to recover from a crash. */
const TO_REACH = 60
/** A question for each table. */
const PER_TABLE = 60
/** A request is sent twice, each with its time-outs. */
const TO_ASK = 60

// prettier-ignore
export const CHECKS: readonly Check[] = [
  check({ name: 'configuration', title: 'Configuration', read: ({ settings }) => settings, decide: host.decideSettings }),

  check({ name: 'database', title: 'Database', ...DATABASE, seconds: () => TO_REACH, read: (it) => it.reach(), decide: database.decideConnection }),
  check({ name: 'database.version', title: 'Server version', ...DATABASE, read: read.serverVersion, decide: database.decideVersion }),
  check({ name: 'database.tls', title: 'Encryption', ...DATABASE, read: read.tls, decide: database.decideTls }),
  check({ name: 'database.rights', title: 'Rights', ...DATABASE, seconds: () => PER_TABLE, read: read.rights, decide: database.decideRights }),
  check({ name: 'database.encoding', title: 'Encoding', ...DATABASE, read: (it) => it.fitness(), decide: database.decideEncoding }),
  check({ name: 'database.timeZone', title: 'Time zone', ...DATABASE, read: (it) => it.server(), decide: database.decideTimeZone }),
  check({ name: 'database.connections', title: 'Connections', ...DATABASE, read: read.connections, decide: database.decideConnections }),
  check({ name: 'database.size', title: 'Size', ...DATABASE, read: read.sizes, decide: database.decideSize }),
  check({ name: 'database.replication', title: 'Replication', ...DATABASE, read: read.replication, decide: database.decideReplication }),
  check({ name: 'database.pooler', title: 'Pooler', ...DATABASE, read: read.reached, decide: database.decidePooler }),

  check({ name: 'queue', title: 'Queue', source: 'queue', read: read.queue, decide: database.decideQueue }),

  check({ name: 'clock.host', title: 'Host clock', ...DATABASE, read: read.hostClock, decide: host.decideHostClock }),
  check({ name: 'clock.scopestack', title: 'ScopeStack clock', ...REMOTE, seconds: () => TO_ASK, read: read.remoteClock, decide: remote.decideRemoteClock }),
  check({ name: 'token', title: 'Token', ...REMOTE, seconds: () => TO_ASK, read: read.token, decide: remote.decideToken }),
  check({ name: 'account', title: 'Account', ...REMOTE, seconds: () => TO_ASK, read: read.account, decide: remote.decideAccount }),
  check({ name: 'privileges', title: 'Privileges', ...REMOTE, seconds: read.secondsForPrivileges, read: read.privileges, decide: remote.decidePrivileges }),
  check({ name: 'support', title: 'Server support', ...DATABASE, read: read.support, decide: remote.decideSupport }),

  check({ name: 'drift', title: 'Drift', ...DATABASE, read: (it) => it.overview(), decide: mirror.decideDrift }),
  check({ name: 'parked', title: 'Parked records', ...DATABASE, read: async (it) => (await it.overview()).parked, decide: mirror.decideParkedRecords }),
  check({ name: 'edits', title: 'Local edits', ...DATABASE, read: edits, decide: mirror.decideEdits }),
  check({ name: 'schedule', title: 'Schedule', read: schedule, decide: mirror.decideSchedule }),
  check({ name: 'processes', title: 'Processes', ...DATABASE, read: processes, decide: mirror.decideProcesses }),
  check({ name: 'success', title: 'Last success', ...DATABASE, read: read.success, decide: mirror.decideSuccess }),
  check({ name: 'disk', title: 'Disk', ...DATABASE, read: read.disk, decide: host.decideDisk }),
  check({ name: 'schema', title: 'Schema', ...DATABASE, read: read.schema, decide: mirror.decideSchema }),
  check({ name: 'views', title: 'Living views', ...DATABASE, read: read.views, decide: mirror.decideViews }),
  check({ name: 'history', title: 'History', ...DATABASE, read: history, decide: decideHistory }),
]

async function edits(subject: Subject) {
  return { ...(await subject.overview()), push: subject.settings.config.push }
}

async function processes(subject: Subject) {
  return { ...(await subject.overview()), own: VERSION }
}

async function schedule(subject: Subject) {
  const now = await subject.overview().then(
    ({ at }) => at,
    () => new Date(),
  )
  return { schedules: subject.schedules(), timeZone: subject.settings.config.timezone, now }
}

async function history({ settings, ...subject }: Subject): Promise<HistoryState> {
  const { applied, newest } = await subject.schema()
  if (applied === null || applied < newest) throw new NotChecked('The schema is of an older version.')
  if (settings.wrong.has('SYNC_HISTORY')) throw new NotChecked('SYNC_HISTORY is wrong.')
  const wanted = historyTables(settings.config.history, catalog.values())
  const state = await readHistoryState((await subject.store()).sql, wanted, catalog.values())
  if (state === null) throw new NotChecked('This role may not read schema scopestack_history.')
  return state
}
