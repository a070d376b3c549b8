/**
 * The guarantees (ARCHITECTURE.md), checked from outside: each is an SQL statement that finds what breaks it, or a comparison with
 * what the simulator holds. Those `always` hold at any moment, however the operation ended; those `at rest` once it was done
 * without a fault. For any suite that has a simulator and a database.
 */
import type postgres from 'postgres'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { DEPARTED, SETTLED } from '../../../src/store/changes/states.ts'
import { unequal } from '../scopestack/truth.ts'

export interface Evidence {
  readonly sql: postgres.Sql
  readonly sim: Simulator
  readonly types: readonly string[]
  /** What a person made here. */
  readonly made: {
    readonly changes: number
    readonly rows: readonly { readonly type: string; readonly name: string }[]
    readonly gone: readonly { readonly type: string; readonly id: string }[]
  }
  /** What a fault made wait: not one attempt may be spent. */
  readonly onlyWaited?: boolean
}

export interface Invariant {
  readonly guarantee: string
  readonly says: string
  readonly holds: 'always' | 'at rest'
  /** @returns what breaks it. */
  readonly broken: (evidence: Evidence) => Promise<readonly unknown[]>
}

const listed = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ')
export const tableOf = (type: string): string => catalog.get(type)!.table

/** Of each table that the operation writes. */
const ofTables = async (
  { sql, types }: Evidence,
  select: (table: string, type: string) => string,
): Promise<readonly unknown[]> => await sql.unsafe(types.map((type) => select(tableOf(type), type)).join(' union all '))

export const INVARIANTS: readonly Invariant[] = [
  {
    guarantee: 'S1',
    says: 'each id of a page that a checkpoint counts as written has its row, or is parked',
    holds: 'always',
    async broken(evidence) {
      const missing = (await ofTables(
        evidence,
        (table, type) => `
          select '${type}' as type, id from (
            select unnest(ids) as id from sync.seen_pages where resource = '${type}'
            union select unnest(ids) from sync.known_pages where resource = '${type}') page
          where not exists (select from scopestack.${table} t where t.id = page.id)
            and not exists (select from sync.parked p where p.resource = '${type}' and p.record_id = page.id)`,
      )) as { type: string; id: string }[]
      const gone = new Set(evidence.made.gone.map(({ type, id }) => `${type} ${id}`))
      return missing.filter(({ type, id }) => !gone.has(`${type} ${id}`))
    },
  },
  {
    guarantee: 'S1',
    says: 'no watermark is ahead of what the mirror holds, nor a snapshot left open',
    holds: 'at rest',
    broken: ({ sql, types }) => sql`
      select resource, snapshot_started_at from sync.cursors
      where snapshot_started_at is not null and resource = any(string_to_array(${types.join()}, ','))`,
  },
  {
    guarantee: 'S3',
    says: 'the outbox has the changes that a person made, and no other',
    holds: 'always',
    broken: async ({ sql, made }) => {
      const changes = await sql`select id, resource, op, made_by from sync.outbox`
      return changes.length === made.changes ? [] : [{ made: made.changes, changes }]
    },
  },
  {
    guarantee: 'S4',
    says: 'a change that is settled says when, and one that is not does not',
    holds: 'always',
    broken: ({ sql }) =>
      sql.unsafe(`
        select id, state, settled_at from sync.outbox
        where (state in (${listed(SETTLED)})) <> (settled_at is not null) and state not in ('parked', 'unknown', 'unsettled')`),
  },
  {
    guarantee: 'S4',
    says: 'every change is sent, superseded, parked or discarded',
    holds: 'at rest',
    broken: ({ sql }) =>
      sql.unsafe(
        `select id, op, state, code from sync.outbox where state not in (${listed(SETTLED)}, 'parked', 'unknown', 'unsettled')`,
      ),
  },
  {
    guarantee: 'S5',
    says: 'of a record one change at most is on its way',
    holds: 'always',
    broken: ({ sql }) =>
      sql.unsafe(`
        select resource, record_id, count(*)::int as n from sync.outbox where state in (${listed(DEPARTED)})
        group by 1, 2 having count(*) > 1`),
  },
  {
    guarantee: 'S6',
    says: 'no row is marked deleted whose record lives',
    holds: 'always',
    broken: async (evidence) => {
      const marked = (await ofTables(
        evidence,
        (table, type) => `select '${type}' as type, id from scopestack.${table} where sync_deleted_at is not null`,
      )) as { type: string; id: string }[]
      const own = new Set(evidence.made.gone.map(({ type, id }) => `${type} ${id}`))
      return marked.filter(({ type, id }) => !own.has(`${type} ${id}`) && evidence.sim.records.read(type, id) !== null)
    },
  },
  {
    guarantee: 'S7',
    says: 'no lease is held for longer than its minute',
    holds: 'always',
    broken: ({ sql }) => sql`
      select resource, holder, expires_at from sync.leases
      where expires_at > now() + interval '61 seconds' and expires_at < 'infinity'`,
  },
  {
    guarantee: 'S7',
    says: 'every lease is free',
    holds: 'at rest',
    broken: ({ sql }) => sql`
      select resource, holder from sync.leases l where expires_at > now()
        and exists (select from pg_stat_activity a where a.pid = l.backend_pid)`,
  },
  {
    guarantee: 'S8',
    says: 'no record and no change was parked by a fault',
    holds: 'at rest',
    broken: ({ sql, types }) => sql`
      select resource, record_id, reason from sync.parked where settled_at is null and resource = any(string_to_array(${types.join()}, ','))
      union all select resource, record_id, reason from sync.outbox where state in ('parked', 'unknown', 'unsettled')`,
  },
  {
    guarantee: 'S9',
    says: 'of a run each resource has one outcome, and none after its end',
    holds: 'always',
    broken: ({ sql }) => sql`
      select run_id, resource, count(*)::int as n from sync.run_outcomes group by 1, 2 having count(*) > 1`,
  },
  {
    guarantee: 'S10',
    says: 'what only waited has spent no attempt',
    holds: 'always',
    broken: async ({ sql, onlyWaited = false }) =>
      onlyWaited
        ? await sql`select id, op, attempts, code from sync.outbox where attempts > 0 and state = 'waiting'`
        : [],
  },
  {
    guarantee: 'S12',
    says: 'no table has a secret or a token in clear',
    holds: 'at rest',
    broken: async ({ sql, sim }) => {
      const tables = await sql<{ name: string }[]>`
        select format('%I.%I', table_schema, table_name) as name from information_schema.tables
        where table_schema in ('scopestack', 'scopestack_history', 'sync', 'bullmq') and table_type = 'BASE TABLE'`
      const looks = tables.map(
        ({ name }) => `select '${name}' as place from ${name} t where exists (
          select from json_array_elements_text($1::text::json) secret where strpos(t::text, secret) > 0)`,
      )
      return await sql.unsafe(looks.join(' union all '), [JSON.stringify(sim.secrets())])
    },
  },
  {
    guarantee: 'S13',
    says: 'every living row equals its record, and every record has its row',
    holds: 'at rest',
    broken: async ({ sql, sim, types }) =>
      (await Promise.all(types.map((type) => unequal(sql, sim, catalog.get(type)!)))).flat(),
  },
  {
    guarantee: 'S14',
    says: 'of a new row ScopeStack has one record at most',
    holds: 'always',
    broken: async ({ sim, made }) =>
      made.rows.filter(
        ({ type, name }) => sim.records.list(type).filter(({ attributes }) => attributes['name'] === name).length > 1,
      ),
  },
  {
    guarantee: 'S14',
    says: 'every new row has the id of its record',
    holds: 'at rest',
    broken: (evidence) =>
      ofTables(evidence, (table) => `select '${table}' as place, id from scopestack.${table} where id like 'local-%'`),
  },
]
