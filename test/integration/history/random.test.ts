/**
 * Whatever changes rows, a load, a push or an editor, and whatever becomes of their columns: at any past moment the history gives the table as a
 * reader found it then; versions of a row neither overlap nor are empty, and a run without changes adds none.
 */
import { expect, test } from 'vitest'
import { createRandom } from '../../../src/simulator/records/random.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { clearDigests } from '../../../src/store/mirror/compare.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createNewDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { anySeed, LONG, trySeeds } from '../../support/run/seeds.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

type Random = ReturnType<typeof createRandom>
type Row = Record<string, unknown>

const TYPES = ['vendors', 'crm-opportunities', 'project-approvals'] as const
const TABLES = ['vendors', 'crm_opportunities', 'project_approvals']
const HISTORY = new Set(TABLES)
const STEPS = 30

interface Story {
  readonly random: Random
  readonly sim: Simulator
  readonly worker: TestWorker
  readonly sql: Database
  readonly url: string
  /** Columns of one's own, by what they are called now: how a value that was noted is to be shown. */
  readonly own: Map<string, { names: string[]; number: boolean }>
  readonly noted: { readonly at: string; readonly rows: ReadonlyMap<string, readonly Row[]> }[]
  removed: { type: string; id: string; attributes: Row }[]
  count: number
}

const table = (type: string): string => type.replaceAll('-', '_')

/** As a reader finds it, without what a load only keeps for itself. */
const stateOf = async (of: Database, name: string, moment?: string): Promise<Row[]> => {
  const from = moment === undefined ? `scopestack.${name} t` : `scopestack.as_of($1, null::scopestack.${name}) t`
  const rows = await of.unsafe<{ row: Row }[]>(
    `select to_jsonb(t) - '{sync_hash,sync_changed_at}'::text[] as row from ${from} order by id collate "C"`,
    moment === undefined ? [] : [moment],
  )
  return rows.map(({ row }) => row)
}

async function note({ sql, noted }: Story): Promise<void> {
  const rows = new Map<string, Row[]>()
  for (const name of TABLES) rows.set(name, await stateOf(sql, name))
  const [now] = await sql<{ at: string }[]>`select clock_timestamp()::text as at`
  noted.push({ at: now!.at, rows })
}

const attributesOf = (type: string, random: Random): Row => {
  const some = random.pick(['Berlin', 'Oslo', 'Łódź', '"quoted"', '', '0', 'null'])
  if (type === 'vendors')
    return { name: `v${random.between(0, 1e9)}`, city: some, 'project-count': random.between(0, 9) }
  if (type === 'project-approvals') return { status: some, 'lob-ids': [some, 'b'].slice(random.between(0, 2)) }
  return {
    name: some,
    amount: `${random.between(0, 1e6)}.${random.between(10, 99)}0`,
    'custom-attributes': [{ key: 'k', val: some }],
  }
}

function theirs({ sim, random, removed }: Story): void {
  const type = random.pick(TYPES)
  const records = sim.records.list(type)
  const kind = random.between(0, 5)
  const again = removed.find((one) => one.type === type)
  if (kind === 0 && again !== undefined) {
    removed.splice(removed.indexOf(again), 1)
    sim.records.create(type, { id: again.id, attributes: { ...again.attributes, ...attributesOf(type, random) } })
  } else if (kind <= 1) sim.records.create(type, { attributes: attributesOf(type, random) })
  else if (kind === 2 && records.length > 3) {
    const one = random.pick(records)
    removed.push({ type, id: one.id, attributes: one.attributes })
    sim.records.remove(type, one.id)
  } else if (records.length > 0)
    sim.records.update(type, random.pick(records).id, { attributes: attributesOf(type, random) })
}

/** Edits by SQL, several to a transaction; what the database refuses changes nothing. */
async function ours({ sql, random, own }: Story): Promise<void> {
  const edits = Array.from({ length: random.between(1, 4) }, () => {
    const text = `o${random.between(0, 1e9)}`
    const any = `id = (select id from scopestack.vendors where sync_deleted_at is null order by md5(id || '${random.between(0, 99)}') limit 1)`
    const column = [...own.keys()][0]
    return random.pick([
      `update scopestack.vendors set city = '${text}' where ${any}`,
      `update scopestack.vendors set city = city where ${any}`,
      `update scopestack.vendors set state = '${text}' where sync_deleted_at is null`,
      `insert into scopestack.vendors (name, city) values ('${text}', 'New')`,
      `delete from scopestack.vendors where id like 'local-%'`,
      `update scopestack.crm_opportunities set amount = ${random.between(0, 999)}.50 where sync_deleted_at is null and id = (select min(id) from scopestack.crm_opportunities where sync_deleted_at is null)`,
      `delete from scopestack.crm_opportunities where id = (select max(id) from scopestack.crm_opportunities where sync_deleted_at is null)`,
      ...(column === undefined
        ? []
        : [`update scopestack.vendors set "${column}" = '${random.between(0, 999)}' where ${any}`]),
    ])
  })
  await sql
    .begin(async (tx) => {
      for (const edit of edits) await tx.unsafe(edit)
      if (random.chance(0.2)) throw new Error('taken back')
    })
    .catch(() => {})
}

/** Columns of vendors that come, are renamed, typed anew and go. */
async function alter(state: Story): Promise<void> {
  const { sql, random, own, url } = state
  const name = `own_${++state.count}`
  const [known] = random.pick([[...own.keys()], []])
  if (known === undefined) {
    await sql.unsafe(`alter table scopestack.vendors add column ${name} text`)
    own.set(name, { names: [name], number: false })
  } else {
    const one = own.get(known)!
    // The living view is of this column.
    await sql`select sync.release_live_columns('vendors', array[${known}])`
    const kind = random.between(0, 2)
    if (kind === 0) {
      await sql.unsafe(`alter table scopestack.vendors rename column ${known} to ${name}`)
      own.delete(known)
      own.set(name, { ...one, names: [...one.names, name] })
    } else if (kind === 1) {
      const type = one.number ? 'text' : 'numeric'
      await sql.unsafe(`alter table scopestack.vendors alter column ${known} type ${type} using ${known}::${type}`)
      own.set(known, { ...one, number: !one.number })
    } else {
      await sql.unsafe(`alter table scopestack.vendors drop column ${known}`)
      own.delete(known)
    }
  }
  // As the next start does.
  await migrate(url, { history: HISTORY })
}

async function step(state: Story): Promise<void> {
  const { worker, random, sql } = state
  const kind = random.between(0, 9)
  if (kind <= 2) for (let count = random.between(1, 6); count > 0; count--) theirs(state)
  else if (kind <= 5) await ours(state)
  else if (kind === 6) await worker.push()
  else if (kind === 7 && random.chance(0.5)) await alter(state)
  else if (kind === 8) {
    const type = random.pick(TYPES)
    const ids = (await sql<{ id: string }[]>`select id from scopestack.${sql(table(type))} limit 5`).map(({ id }) => id)
    await leased(sql, async (tx) => {
      await disableCapture(tx)
      await clearDigests(tx, worker.catalog.get(type)!, ids)
    })
  } else await worker.run(TYPES, { allowMassDelete: true })
}

/** What was noted, as the columns of now show it. */
function asNow({ own }: Story, row: Row): Row {
  const shown: Row = Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('own_')))
  for (const [name, { names, number }] of own) {
    const value = names.map((former) => row[former]).find((held) => held !== undefined && held !== null) ?? null
    shown[name] = value === null ? null : number ? Number(value) : `${value as string | number}`
  }
  return shown
}

async function story(seed: number): Promise<void> {
  const random = createRandom(seed)
  let clock = 0
  await using database = await createNewDatabase()
  await migrate(database.url, { history: HISTORY })
  const sim = await startSimulator({ projects: 3, seed, now: () => (clock = Math.max(clock + 1, Date.now())) })
  const worker = await startWorker(sim, database.url, { deleteLimit: 100, history: TYPES })
  try {
    const { sql } = worker
    const state: Story = {
      random,
      sim,
      worker,
      sql,
      url: database.url,
      own: new Map(),
      noted: [],
      removed: [],
      count: 0,
    }
    await note(state)
    for (let count = 0; count < STEPS; count++) {
      await step(state)
      await note(state)
    }
    for (const { at, rows } of state.noted) {
      for (const [name, held] of rows) {
        const then = held.map((row) => asNow(state, row))
        expect(
          (await stateOf(sql, name, at)).map((row) => asNow(state, row)),
          `${name} at ${at}`,
        ).toEqual(then)
        const shown = await sql.unsafe(`select id from scopestack.${name}_as_of($1) order by id collate "C"`, [at])
        expect(shown.map(({ id }) => id as string)).toEqual(then.map(({ id }) => id))
      }
    }
    await expectSound(sql)
    await expectAtRest(state)
  } finally {
    await worker[Symbol.asyncDispose]()
    await sim.close()
  }
}

async function expectSound(sql: Database): Promise<void> {
  for (const name of TABLES) {
    const wrong = await sql.unsafe(`
      select id, valid_from, valid_to from (
        select id, valid_from, valid_to, lead(valid_from) over (partition by id order by valid_from) as next from scopestack_history.${name}) v
      where valid_from >= valid_to or next < valid_to or next is not null and valid_to is null`)
    expect([...wrong]).toEqual([])
    const [stands] = await sql.unsafe(`select
      (select count(*)::int from scopestack.${name}) as rows,
      (select count(*)::int from scopestack_history.${name} where valid_to is null) as versions`)
    expect(stands!['versions']).toBe(stands!['rows'])
  }
}

async function expectAtRest({ sql, worker }: Story): Promise<void> {
  const held = async () => {
    const [row] = await sql<{ past: number; current: string }[]>`select
      (select count(*)::int from scopestack_history.past_versions) as past,
      (select coalesce(json_agg(c order by c.table_name, c.id), '[]')::text from scopestack_history.current_versions c) as current`
    return row
  }
  await worker.push()
  await worker.run(TYPES, { allowMassDelete: true })
  const before = await held()
  await worker.run(TYPES, { allowMassDelete: true, reloadAll: true })
  expect(await held()).toEqual(before)
}

test(
  'as_of any past moment is what a reader found then',
  () => trySeeds(story, { first: anySeed(), long: 150 }),
  LONG ? 150 * 30_000 : 300_000,
)
