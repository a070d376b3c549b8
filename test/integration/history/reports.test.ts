/** The reports on the past, held against figures that are computed here from the same versions. A failed seed is in the error. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRandom } from '../../../src/simulator/records/random.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { anySeed, trySeeds } from '../../support/run/seeds.ts'

const DAY = 86_400_000
const STAGES = ['building', 'technical_approval', 'won', 'lost', 'a new one']

let database: TestDatabase
let sql: Database

beforeAll(async () => {
  database = await createNewDatabase()
  await migrate(database.url, { history: new Set(['projects']) })
  sql = openDatabase(database.url, { connections: 2 })
})
afterAll(async () => {
  await sql?.end()
  await database?.[Symbol.asyncDispose]()
})

interface Version {
  readonly id: string
  readonly from: number
  readonly to: number | null
  readonly stage: string
  readonly revenue: number
  readonly archived: boolean
  readonly deleted: boolean
  readonly cause: string
}

/** Versions of projects over forty days, of which recording takes the last thirty-five. */
function makeVersions(random: ReturnType<typeof createRandom>, begun: number, now: number): Version[] {
  return Array.from({ length: random.between(1, 30) }, (_, at) => {
    const versions: Version[] = []
    let from = random.chance(0.3) ? begun : begun + random.between(1, 34 * 24) * 3_600_000
    for (let count = random.between(1, 8); count > 0; count--) {
      const next = from + random.pick([60_000, 3_600_000, DAY, 5 * DAY])
      const to = count === 1 || next >= now ? null : next
      versions.push({
        id: String(at + 1),
        from,
        to,
        stage: random.pick(STAGES),
        revenue: random.between(0, 9_999) / 100,
        archived: random.chance(0.2),
        deleted: to === null && random.chance(0.2),
        cause: from === begun ? 'first' : 'pull',
      })
      if (to === null) break
      from = to
    }
    return versions
  }).flat()
}

async function store(versions: readonly Version[], begun: number): Promise<void> {
  await sql`truncate scopestack_history.past_versions, scopestack_history.current_versions`
  await withoutCapture(sql, (tx) => tx`delete from scopestack.projects`)
  const rows = JSON.stringify(
    versions.map((one) => ({ ...one, from: new Date(one.from), to: one.to === null ? null : new Date(one.to) })),
  )
  await withoutCapture(
    sql,
    (tx) => tx`
    insert into scopestack.projects (id, status, contract_revenue, active, created_at, sync_hash, sync_deleted_at)
    select id, stage, revenue, not archived, ${new Date(begun)}, 'x', case when deleted then now() end
    from jsonb_to_recordset(${rows}::text::jsonb) as v(id text, stage text, revenue numeric, archived boolean, deleted boolean, "to" timestamptz) where "to" is null`,
  )
  await sql`truncate scopestack_history.past_versions, scopestack_history.current_versions`
  await sql`insert into scopestack_history.current_versions (table_name, id, valid_from, cause, txid)
    select 'projects', id, "from", cause, 1 from jsonb_to_recordset(${rows}::text::jsonb) as v(id text, cause text, "from" timestamptz, "to" timestamptz) where "to" is null`
  await sql`insert into scopestack_history.past_versions (table_name, id, valid_from, valid_to, cause, ended_by, "row")
    select 'projects', id, "from", "to", cause, 'pull', jsonb_build_object('status', stage, 'contract_revenue', revenue, 'active', not archived)
    from jsonb_to_recordset(${rows}::text::jsonb) as v(id text, stage text, revenue numeric, archived boolean, cause text, "from" timestamptz, "to" timestamptz) where "to" is not null`
  await sql`update scopestack_history.recorded set valid_from = ${new Date(begun)}, kept_from = ${new Date(begun)}`
}

function pipelineOf(versions: readonly Version[], begun: number, now: number) {
  const lines: { day: string; stage: string; projects: number; revenue: string }[] = []
  for (let day = begun - (begun % DAY); day <= now; day += DAY) {
    const end = day + DAY
    const held = versions.filter(
      ({ from, to, deleted }) => !deleted && from <= end && (to === null || end < to) && from <= now,
    )
    for (const [stage, those] of [...Map.groupBy(held, (one) => one.stage)].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      lines.push({
        day: new Date(day).toISOString().slice(0, 10),
        stage,
        projects: those.length,
        revenue: (those.reduce((sum, { revenue }) => sum + Math.round(revenue * 100), 0) / 100).toFixed(2),
      })
  }
  return lines
}

/** Of each project its stays in a stage, one after the other. */
function staysOf(versions: readonly Version[]) {
  return [
    ...Map.groupBy(
      versions.filter(({ deleted }) => !deleted),
      ({ id }) => id,
    ).values(),
  ].flatMap((own) => {
    const stays: {
      id: string
      stage: string
      from: number
      to: number | null
      next: string | null
      isExact: boolean
    }[] = []
    for (const { id, stage, from, to, cause } of own.toSorted((a, b) => a.from - b.from)) {
      const last = stays.at(-1)
      if (last?.stage === stage) last.to = to
      else {
        if (last !== undefined) last.next = stage
        stays.push({ id, stage, from, to, next: null, isExact: last !== undefined || cause !== 'first' })
      }
    }
    return stays
  })
}

/** Archived before it was decided is a status of its own, in every report. */
const asReported = (versions: readonly Version[]): Version[] =>
  versions.map((one) =>
    one.archived && !['won', 'lost', 'canceled'].includes(one.stage) ? { ...one, stage: 'archived' } : one,
  )

async function scenario(seed: number): Promise<void> {
  const random = createRandom(seed)
  const [clock] = await sql<{ now: Date }[]>`select now()`
  const now = clock!.now.getTime()
  const begun = now - 35 * DAY
  const made = makeVersions(random, begun, now)
  await store(made, begun)
  const versions = asReported(made)
  const pipeline = await sql`
    select day::text, status as stage, projects::int, to_char(contract_revenue, 'FM999999990.00') as revenue
    from scopestack.report_pipeline_history order by day, status collate "C"`
  expect([...pipeline]).toEqual(pipelineOf(versions, begun, now))

  const stays = staysOf(versions)
  const shown = await sql<
    { id: string; stage: string; from: Date; to: Date | null; next: string | null; isExact: boolean }[]
  >`
    select project_id as id, status as stage, entered_at as "from", left_at as "to", next_status as next, is_exact as "isExact"
    from scopestack.report_project_stages order by length(project_id), project_id, entered_at`
  expect(shown.map((one) => ({ ...one, from: one.from.getTime(), to: one.to?.getTime() ?? null }))).toEqual(stays)

  const moves = Map.groupBy(
    stays.filter(({ next }) => next !== null),
    ({ stage, next }) => `${stage} > ${next}`,
  )
  const conversion = await sql<{ pair: string; moves: number; projects: number }[]>`
    select from_status || ' > ' || to_status as pair, moves::int, projects::int from scopestack.report_stage_conversion`
  expect(new Map(conversion.map((one) => [one.pair, [one.moves, one.projects]]))).toEqual(
    new Map([...moves].map(([pair, those]) => [pair, [those.length, new Set(those.map(({ id }) => id)).size]])),
  )
  const [sum] =
    await sql`select coalesce(sum(share), 0)::float8 as shares, count(distinct from_status)::float8 as stages from scopestack.report_stage_conversion`
  expect(sum!['shares']).toBeCloseTo(sum!['stages'] as number, 9)

  const open = stays.filter(({ to }) => to === null)
  const aging = await sql<
    { id: string; stage: string }[]
  >`select project_id as id, status as stage from scopestack.report_stage_aging order by length(project_id), project_id`
  expect([...aging]).toEqual(open.map(({ id, stage }) => ({ id, stage })))
  const durations = await sql<{ stage: string; open: number; ended: number }[]>`
    select status as stage, projects_now::int as open, stays_ended::int as ended from scopestack.report_stage_durations`
  for (const { stage, open: count, ended } of durations) {
    expect(count).toBe(open.filter((one) => one.stage === stage).length)
    expect(ended).toBe(stays.filter((one) => one.stage === stage && one.to !== null && one.isExact).length)
  }
  const living = new Set(versions.filter(({ to, deleted }) => to === null && !deleted).map(({ id }) => id))
  const won = new Set(
    stays.filter(({ id, stage, isExact }) => stage === 'won' && isExact && living.has(id)).map(({ id }) => id),
  )
  const [wins] = await sql`select coalesce(sum(projects), 0)::int as n from scopestack.report_time_to_win`
  expect(wins!['n']).toBe(won.size)
}

test(
  'the reports on the past agree with what the versions say',
  () => trySeeds(scenario, { first: anySeed(), long: 300, least: 5 }),
  300_000,
)

test('what the first pull finds has been in its stage for longer than the history', async () => {
  await withoutCapture(sql, (tx) => tx`delete from scopestack.projects`)
  await sql`truncate scopestack_history.past_versions, scopestack_history.current_versions`
  await sql`update scopestack_history.recorded set valid_from = now() - interval '2 days', kept_from = now() - interval '2 days'`
  await withoutCapture(
    sql,
    (tx) => tx`
      insert into scopestack.projects (id, status, created_at, sync_hash) values
        ('old', 'won', now() - interval '2 years', 'x'), ('new', 'won', now() - interval '1 day', 'x'), ('unknown', 'building', null, 'x')`,
  )
  expect([...(await sql`select project_id as id, is_exact from scopestack.report_project_stages order by 1`)]).toEqual([
    { id: 'new', is_exact: true },
    { id: 'old', is_exact: false },
    { id: 'unknown', is_exact: false },
  ])
  expect([...(await sql`select projects::int, round(median_days) as days from scopestack.report_time_to_win`)]).toEqual(
    [{ projects: 1, days: 1 }],
  )
})

test('every column of them has a comment', async () => {
  const bare = await sql`
    select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace in ('scopestack'::regnamespace, 'scopestack_history'::regnamespace) and c.relkind = 'v'
      and c.relname in ('report_pipeline_history', 'report_project_stages', 'report_stage_aging', 'report_stage_durations', 'report_stage_conversion', 'report_time_to_win', 'report_base_project_versions', 'projects')
      and col_description(c.oid, a.attnum) is null`
  expect([...bare]).toEqual([])
})
