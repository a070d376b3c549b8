/**
 * What a statement has to look at does not grow with what else is there: the same work in a database and in one with six
 * times as much. Pages and rows are counted, and no time is taken, so it says the same on a machine at a load of 20. On
 * PostgreSQL 15 to 17 with JIT (TEST_POSTGRES=15) it holds what 18 hides.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { RemoteRecord } from '../../../src/catalog/resource.ts'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { openFleetState } from '../../../src/report/fleet-state.ts'
import { readOverview } from '../../../src/report/overview.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { openLeases } from '../../../src/store/fleet/leases.ts'
import { readProcesses } from '../../../src/store/fleet/processes.ts'
import { holdsJobs, readQueueDepths } from '../../../src/store/fleet/queue-depths.ts'
import { readRateState } from '../../../src/store/fleet/rate-limit.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { rowsToRestore, rowsExcept, unsettledRows } from '../../../src/store/mirror/local-edits.ts'
import { markDeleted, countLiving, findUnseen, unseenWithin } from '../../../src/store/mirror/tombstones.ts'
import {
  countChanges,
  listChanges,
  listOpenChanges,
  oldestOpenChange,
  oldestParkedAt,
  readPendingChanges,
  readSendBlockers,
} from '../../../src/store/outbox/changes.ts'
import { replaceLocalId } from '../../../src/store/outbox/local-ids.ts'
import { nextBatch } from '../../../src/store/outbox/next-batch.ts'
import { readDue } from '../../../src/store/outbox/notify.ts'
import { raiseParkedAlert } from '../../../src/store/outbox/parked-alerts.ts'
import { readPulse } from '../../../src/store/outbox/pulse.ts'
import { recordChangedParents, recordPushedProjects } from '../../../src/store/progress/changed-projects.ts'
import { readFindings } from '../../../src/store/progress/findings.ts'
import { claimAlert, lastAlerts, lastSuccess } from '../../../src/store/runs/alerts.ts'
import { readTicks } from '../../../src/store/runs/operator.ts'
import { readRequests } from '../../../src/store/runs/requests.ts'
import { findRun, listRuns, readOutcomesOfResource, readOutcomesOfRun } from '../../../src/store/runs/run-history.ts'
import { lastTicks, readOpenRuns } from '../../../src/store/runs/scheduled-runs.ts'
import { readStatus } from '../../../src/store/runs/status.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { readConnections } from '../../../src/store/server/connection-path.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { watchPlans, type Watched, type Work } from '../../support/postgres/plans.ts'
import { emptyOutbox, fillOutbox, insertEdits, insertUpdates } from '../../support/tables/outbox.ts'
import {
  fillChangedProjects,
  fillLocalIds,
  insertCheckpoint,
  insertCompleteRead,
} from '../../support/tables/progress.ts'
import { fillRuns, fillScreen } from '../../support/tables/runs.ts'

/** So that an index is of the same height in both. */
const FEW = 2_000
const TIMES = 6

const resource = catalog.get('projects')!
const services = catalog.get('project-services')!
const fields = (n: number, suffix = '') =>
  Array.from({ length: n }, (_, at) => ({ name: `field_${at}`, label: `Field ${at}`, value: `${at}${suffix}` }))
const project = (id: number, name: string): RemoteRecord => ({
  type: 'projects',
  id: String(id),
  attributes: { 'project-name': name, active: true, 'project-variables': fields(3) },
})

async function fill(sql: Database, n: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`insert into scopestack.clients (id, name, sync_hash) select n::text, 'Client', 'x' from generate_series(1, ${n}::int) n`
    await tx`
      insert into scopestack.projects (id, project_name, client_id, project_variables, sync_hash)
      select n::text, 'Project', n::text, ${tx.json(fields(3))}, 'x' from generate_series(1, ${n}::int) n`
    await tx`
      update scopestack.projects set project_variables = ${tx.json(fields(20))} where id = '7'`
    await tx`
      insert into scopestack.project_services (id, project_id, name, sync_hash)
      select n::text, n::text, 'Service', 'x' from generate_series(1, ${n}::int) n`
  })
  // Settled changes are kept for 90 days; as many wait, are parked or are to be noted in both.
  await fillOutbox(sql, n)
  await fillLocalIds(sql, n)
  await fillChangedProjects(sql, n)
  await insertCompleteRead(sql, 'clients')
  await insertCheckpoint(sql, 'forbidden-things')
  await fillRuns(sql, n)
  await fillScreen(sql, n)
}

interface Filled {
  readonly database: TestDatabase
  readonly watched: Watched
}

async function make(n: number): Promise<Filled> {
  const database = await createNewDatabase()
  await migrateQueue(database.url)
  const watched = await watchPlans(database.url)
  await fill(watched.sql, n)
  await watched.sql`vacuum (analyze)`
  return { database, watched }
}

let both: readonly [few: Filled, many: Filled]
beforeAll(async () => {
  both = [await make(FEW), await make(FEW * TIMES)]
})
afterAll(async () => {
  for (const { database, watched } of both) {
    await watched.sql.end()
    await database[Symbol.asyncDispose]()
  }
})

/** In a database and in one with six times as much. Twice, since the first look at a table reads its catalog entries. */
async function compare(act: (sql: Database) => Promise<unknown>): Promise<{ few: Work; many: Work }> {
  const [few, many] = await Promise.all(
    both.map(async ({ watched: { sql, workOf } }) => {
      const undone = () =>
        sql.begin((tx) => act(tx as unknown as Database).then(() => Promise.reject(UNDO))).catch(undo)
      await undone()
      return await workOf(undone)
    }),
  )
  return { few: few!, many: many! }
}

const UNDO = new Error('undone')
const undo = (error: unknown): void => {
  if (error !== UNDO) throw error
}

const row = (sql: Database, set: string, id: string) =>
  sql.unsafe(`update scopestack.projects set ${set} where id = '${id}'`)
const load = (sql: Database, records: readonly RemoteRecord[]) => createMirror(resource).load(sql as never, records)
const ids = (from: number, n: number) => Array.from({ length: n }, (_, at) => String(from + at))

const EDITS: Record<string, (sql: Database) => Promise<unknown>> = {
  'an edit of one date': (sql) => row(sql, `msa_date = '2027-01-31'`, '5'),
  'an edit of 20 user-defined fields': (sql) =>
    sql`update scopestack.projects set project_variables = ${sql.json(fields(20, ' new'))} where id = '7'`,
  'an edit of a reference': (sql) => row(sql, `client_id = '9'`, '5'),
  'a new row': (sql) => sql`insert into scopestack.projects (project_name, client_id) values ('New', '9')`,
  'an edit by sync.enqueue_change': (sql) =>
    sql`select sync.enqueue_change('projects', 'update', '5', '{"project-name": "Other"}')`,
}

const OURS: Record<string, (sql: Database) => Promise<unknown>> = {
  'a page of new rows': (sql) =>
    load(
      sql,
      ids(900_001, 10).map((id) => project(Number(id), 'New')),
    ),
  'a page of changed rows': (sql) =>
    load(
      sql,
      ids(101, 10).map((id) => project(Number(id), 'Changed')),
    ),
  'noting which projects changed': (sql) => recordChangedParents(sql as never, 'projects', ids(1, 10)),
  'noting which projects were written from here': (sql) => recordPushedProjects(sql as never),
  'burying rows': async (sql) => {
    await disableCapture(sql as never)
    await markDeleted(sql as never, resource, { ids: ids(101, 10), list: {} as never })
  },
  'the rows of some projects that a list lacks': (sql) => unseenWithin(sql, services, ids(101, 10), ids(101, 9)),
  'the rows to bring back': (sql) => rowsToRestore(sql, 'projects', 10),
  'rows that differ because of an edit': (sql) => unsettledRows(sql, 'projects', ids(1, 10)),
  'the id of a new row': async (sql) => {
    await disableCapture(sql as never)
    await replaceLocalId(sql as never, catalog, catalog.get('clients')!, 'local-1', '900001')
  },
  'whether there is anything to send': readDue,
  'how many changes there are': countChanges,
  'the list of changes': (sql) => listChanges(sql, { all: false, limit: 10 }),
  'the plan of a push': (sql) => listOpenChanges(sql, 10),
  'what waits, and for what': async (sql) =>
    readSendBlockers(
      sql,
      (await readPendingChanges(sql, 10)).map(({ id }) => id),
    ),
  'telling of parked changes': (sql) => raiseParkedAlert(asDatabase(sql), 10, () => ({})),
  'the alert to be sent next': claimAlert,
  'what was reported last': (sql) => lastAlerts(sql, ['full', 'none of this name', 'silence']),
  'when a run ended well': (sql) => lastSuccess(sql, 'full'),
  status: readStatus,
  'the first screen': async (sql) => {
    const fleet = openFleetState(sql, { redisUrl: undefined, keyId: () => '' })
    const { queue } = await readOverview(sql, {
      schedules: [],
      rate: 5,
      resources: { full: [], incremental: [] },
      fleet,
    })
    expect(queue.depths).toHaveLength(10)
  },
  'what an idle process looks at': async (sql) => {
    await readPulse(sql, 'x')
    await readOpenRuns(sql)
    await lastTicks(sql, ['full', 'incremental'])
    await holdsJobs(sql, 'sync')
  },
  'the queue and the rate as they are shown': async (sql) => {
    await readQueueDepths(sql, ['sync', 'pushes'])
    await readRateState(sql)
    await readConnections(sql)
    await readProcesses(sql)
  },
  'the last runs': (sql) => listRuns(sql, 40),
  'a run': async (sql) => {
    await findRun(sql, 7)
    await readOutcomesOfRun(sql, 7)
  },
  'the reads of a resource': (sql) => readOutcomesOfResource(sql, 'forbidden-things', 40),
  'what was found of a resource': (sql) => readFindings(sql, 'clients', { limit: 20, bodyLength: 1_000 }),
  'the last requests': (sql) => readRequests(sql, 200),
  'the last ticks': (sql) => readTicks(sql, 20),
  'the oldest edits that are parked': oldestParkedAt,
  'the oldest edit that is not sent': oldestOpenChange,
}

/** `begin` of a transaction that is open. */
const asDatabase = (sql: Database): Database =>
  Object.assign((...given: Parameters<Database>) => sql(...given), sql, {
    begin: (act: (tx: Database) => Promise<unknown>) => act(sql),
  })

/** By where the rows happen to lie, and where the table has room for them: 40 pages more or less of 1,000. */
const PAGES = 60
const ROWS = 20

describe('the work of', () => {
  it.each(Object.entries(EDITS))('%s does not grow with the tables, and compiles nothing', async (_, act) => {
    const { few, many } = await compare(act)
    expect(many.buffers).toBeLessThan(few.buffers * 1.3 + PAGES)
    expect(many.rows).toBeLessThan(few.rows * 1.3 + ROWS)
    expect([few.compiled, many.compiled]).toEqual([0, 0])
  })

  it.each(Object.entries(OURS))('%s does not grow with the tables', async (_, act) => {
    const { few, many } = await compare(act)
    expect(many.buffers).toBeLessThan(few.buffers * 1.3 + PAGES)
    expect(many.rows).toBeLessThan(few.rows * 1.3 + ROWS)
  })

  it('a batch to send does not grow with the tables', async () => {
    const works = await Promise.all(
      both.map(async ({ watched: { sql, workOf } }) => {
        const leases = await openLeases(sql, 'test')
        try {
          const lease = await leases.acquire('push')
          return await workOf(() => nextBatch(catalog, lease, 5))
        } finally {
          await leases.close()
        }
      }),
    )
    expect(works[1]!.buffers).toBeLessThan(works[0]!.buffers * 1.3 + PAGES)
    expect(works[1]!.rows).toBeLessThan(works[0]!.rows * 1.3 + ROWS)
  })
})

it('a batch to send grows with the edits of one record, and not with their square', async () => {
  const [{ watched }] = both
  const leases = await openLeases(watched.sql, 'test')
  try {
    const lease = await leases.acquire('push')
    const ofEdits = async (count: number): Promise<number> => {
      await emptyOutbox(watched.sql)
      await insertEdits(watched.sql, '1', count)
      return (await watched.workOf(() => nextBatch(catalog, lease, 5))).rows
    }
    const few = await ofEdits(100)
    expect(await ofEdits(600)).toBeLessThan(few * 8)
  } finally {
    await leases.close()
  }
})

describe('with what the planner knows in the middle of a first load', () => {
  /** Of many columns: without statistics it is taken for few rows, of which one in 200 is living. */
  const wide = catalog.get('project-subservices')!
  const LISTS: Record<string, (sql: Database) => Promise<unknown>> = {
    'the sweep': (sql) => findUnseen(sql, wide.type, wide.table, 1000),
    'the count of living rows': (sql) => countLiving(sql, wide),
    "verify's search for rows that are too much": (sql) =>
      rowsExcept(sql, wide, sql`select unnest(ids) as id from sync.seen_pages`),
  }

  async function misled(n: number): Promise<Filled> {
    const database = await createNewDatabase()
    const watched = await watchPlans(database.url)
    const { sql } = watched
    const list = (from: number, to: number, type: string) =>
      sql.begin(async (tx) => {
        await tx`select set_config('sync.origin', 'pull', true)`
        if (type === wide.type)
          await tx`insert into scopestack.project_subservices (id, sync_hash) select n::text, 'x' from generate_series(${from}::int, ${to}::int) n`
        await tx`
        insert into sync.seen_pages (resource, pass, page, ids)
        select ${type}, ${from}, n / 100, array_agg(n::text) from generate_series(${from}::int, ${to}::int) n group by n / 100`
        if (type === wide.type) await insertUpdates(tx, type, from, to)
      })
    await sql`alter table scopestack.project_subservices set (autovacuum_enabled = off)`
    await sql`alter table sync.seen_pages set (autovacuum_enabled = off)`
    await sql`alter table sync.outbox set (autovacuum_enabled = off)`
    await list(1, 100_000, 'projects')
    await sql`analyze sync.seen_pages, sync.outbox`
    await list(1, n, wide.type)
    return { database, watched }
  }

  it.each(Object.entries(LISTS))('%s is linear in the rows', async (_, act) => {
    const [few, many] = await Promise.all(
      [FEW, FEW * TIMES].map(async (n) => {
        const { database, watched } = await misled(n)
        try {
          return await watched.workOf(() => act(watched.sql))
        } finally {
          await watched.sql.end()
          await database[Symbol.asyncDispose]()
        }
      }),
    )
    // A sort where it was a hash is a step more; a loop would be 36 times as much.
    expect(many!.rows).toBeLessThan(few!.rows * TIMES * 2)
    expect(many!.buffers).toBeLessThan(few!.buffers * TIMES * 2)
  })
})
