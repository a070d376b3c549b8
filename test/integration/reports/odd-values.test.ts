/** Reports over values that no account should have and one may have: each is shown, and none makes a report fail or lie. */
import { expect, it } from 'vitest'
import { startSimulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

async function withRows(act: (sql: Database) => Promise<void>): Promise<void> {
  const sim = await startSimulator({ projects: 1 })
  try {
    await using database = await createDatabase()
    await using worker = await startWorker(sim, database.url)
    await worker.sql.begin(async (tx) => {
      await tx`select set_config('sync.origin', 'pull', true)`
      await tx.unsafe(ROWS)
    })
    await act(worker.sql)
  } finally {
    await sim.close()
  }
}

const ROWS = `
  insert into scopestack.currencies (id, name, conversion_rate, "default", sync_hash) values
    ('1', 'USD', 1, true, ''), ('2', 'EUR', 0.8, false, ''), ('3', 'ZERO', 0, false, ''), ('4', 'LESS', -2, false, '');
  insert into scopestack.rate_tables (id, "default", currency_id, sync_hash) values
    ('r1', true, '1', ''), ('r2', false, '2', ''), ('r3', false, '3', ''), ('r4', false, '4', '');
  insert into scopestack.clients (id, name, sync_hash) values ('c1', 'Same', ''), ('c2', 'Same', '');
  insert into scopestack.projects (id, status, active, client_id, rate_table_id, contract_revenue, contract_cost, created_at, submitted_at,
    approved_at, updated_at, mrr_terms, service_start_date) values
    ('p1', 'won', true, 'c1', 'r1', 100, null, '2026-01-01', '2026-03-01', '2026-03-31 23:59:59.9Z', '2026-05-01', 0, '2026-01-31'),
    ('p2', 'won', true, 'c1', 'r1', 100, 50, '2026-01-01', null, '2026-03-31 12:00Z', '2026-05-01', null, null),
    ('p3', 'won', false, 'c2', 'r2', 80, 40, '2026-01-01', null, '2026-04-01 00:00Z', '2026-05-01', 12, null),
    ('p4', 'lost', true, null, 'r3', 10, 5, '2026-06-01', null, null, '2026-04-02', null, null),
    ('p5', 'building', true, null, 'r4', 10, 5, '2026-06-01', null, null, '2026-06-02', 9000000000, '2026-01-31');
  insert into scopestack.project_services (id, project_id, service_type, payment_frequency, active, calculated_pricing) values
    ('v1', 'p1', 'managed_services', 'monthly', true, '{"service_revenue": "10"}'),
    ('v2', 'p5', 'managed_services', 'monthly', true, '{"service_revenue": null}'),
    ('v3', 'p5', 'managed_services', 'by moon', true, '{"service_revenue": 9e99}'),
    ('v4', 'p3', 'managed_services', 'one_time', true, U&'{"service_revenue": "\\20037"}');
  insert into scopestack.project_subservices (id, project_id, project_service_id, active, calculated_pricing) values
    ('u1', 'p5', 'v2', true, '{"service_revenue": 8}');
  insert into scopestack.project_approvals (id, project_id, role, status, completed_at, sync_hash) values
    ('a1', 'p1', 'technical', 'approved', '2026-02-01', ''), ('a2', 'p1', 'technical', 'declined', '2026-02-05', ''),
    ('a3', 'p1', 'technical', 'approved', '2026-03-03', ''), ('a4', 'p1', 'business', 'skipped', null, '');`

it('a currency without a rate above 0 is not converted, nor is a share made of amounts that are not converted', async () => {
  await withRows(async (sql) => {
    expect([
      ...(await sql`
      select rate_table_id as id, to_default::float8 as rate from scopestack.report_base_rate_tables where rate_table_id ~ '^r.$' order by 1`),
    ]).toEqual([
      { id: 'r1', rate: 1 },
      { id: 'r2', rate: 1.25 },
      { id: 'r3', rate: null },
      { id: 'r4', rate: null },
    ])
    expect([
      ...(await sql`
      select month::text, won_projects::int as won, lost_projects::int as lost, win_rate::float8 as rate, win_rate_by_value::float8 as by_value
      from scopestack.report_win_rate order by 1`),
    ]).toEqual([
      { month: '2026-03-01', won: 2, lost: 0, rate: 1, by_value: 1 },
      { month: '2026-04-01', won: 1, lost: 1, rate: 0.5, by_value: null },
    ])
  })
})

it('two clients of one name are two, and what they bring is the same in both reports where a cost is not known', async () => {
  await withRows(async (sql) => {
    const wanted = [
      { client_id: 'c1', currency: 'USD', profit: 150, margin: 0.75 },
      { client_id: 'c2', currency: 'EUR', profit: 40, margin: 0.5 },
    ]
    expect([
      ...(await sql`
      select client_id, currency, won_profit::float8 as profit, won_margin::float8 as margin from scopestack.report_client_revenue order by 1`),
    ]).toEqual(wanted)
    expect([
      ...(await sql`
      select client_id, currency, profit::float8, margin::float8 from scopestack.report_revenue_by_client where outcome = 'won' order by 1`),
    ]).toEqual(wanted)
  })
})

it('a managed service has a value of the term where length and frequency are known, and none fails the report', async () => {
  await withRows(async (sql) => {
    expect([
      ...(await sql`
      select project_service_id as id, revenue_per_period::float8 as price, total_contract_value::float8 as tcv, service_end_date::text as until
      from scopestack.report_managed_services where project_service_id ~ '^v.$' order by 1`),
    ]).toEqual([
      { id: 'v1', price: 10, tcv: 0, until: '2026-01-31' },
      { id: 'v2', price: 8, tcv: 72e9, until: null },
      { id: 'v3', price: 9e99, tcv: null, until: null },
      { id: 'v4', price: null, tcv: null, until: null },
    ])
  })
})

it('an approval of which it is not known since when it waited has no part in the average', async () => {
  await withRows(async (sql) => {
    expect([
      ...(await sql`
      select level, round::int, approvals::int, timed_approvals::int as timed, average_days::float8 as average, total_days::float8 as total
      from scopestack.report_approval_times order by 1, 2`),
    ]).toEqual([
      { level: 'technical', round: 1, approvals: 2, timed: 1, average: 4, total: 4 },
      { level: 'technical', round: 2, approvals: 1, timed: 1, average: 2, total: 2 },
    ])
  })
})
