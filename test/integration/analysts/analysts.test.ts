/** Every SQL statement of docs/analysts.md runs as it stands, with a reader's rights, and returns what it says. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

const PAGE = readFileSync(new URL('../../../docs/analysts.md', import.meta.url), 'utf8')
const READER = `reader_${randomUUID().slice(0, 8)}`

interface Statement {
  readonly heading: string
  readonly sql: string
  readonly columns: readonly string[]
  /** It may find nothing, in this account as in another. */
  readonly mayBeEmpty: boolean
}

/** Each block of SQL, with the columns that the line below it states. */
const statements = (page: string): Statement[] =>
  page.split(/^(?=##+ )/m).flatMap((section) => {
    const heading = /^#+ (.*)/.exec(section)?.[1] ?? ''
    const blocks = [...section.matchAll(/^```sql\n([^]*?)^```\n(?:\n(Columns: .*)\n)?/gm)]
    return blocks.map(([, sql, stated]) => ({
      heading,
      sql: sql!,
      columns: [...(stated ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
      mayBeEmpty: section.includes('May be empty'),
    }))
  })

const all = statements(PAGE)
/** What the owner of the database runs. */
const [granting, ...asked] = all

let sim: Simulator
let database: TestDatabase
let owner: postgres.Sql
let reader: postgres.Sql

beforeAll(async () => {
  sim = await startSimulator({ projects: 60 })
  database = await createNewDatabase()
  {
    await using worker = await startWorker(sim, database.url)
    const types = [...catalog.values()].filter(({ byDefault }) => byDefault).map(({ type }) => type)
    const { outcomes } = await worker.run(types)
    expect(outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  }
  owner = postgres(database.url, { max: 1, onnotice: () => {} })
  await owner.unsafe(granting!.sql.replaceAll('reporting', READER))
  const url = new URL(database.url)
  url.username = READER
  url.password = 'a long password of its own'
  reader = postgres(url.href, { max: 1, onnotice: () => {}, connection: { statement_timeout: 60_000 } })
})

afterAll(async () => {
  await reader?.end()
  await owner?.unsafe(`drop owned by ${READER}; drop role ${READER}`)
  await owner?.end()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

it('makes the role of a reader, and states the columns of every other statement', () => {
  expect(granting!.sql).toContain("sync.grant_reader('reporting')")
  expect(asked.filter(({ columns }) => columns.length === 0).map(({ heading }) => heading)).toEqual([])
})

it('lists every question above its queries, each with a place of its answer', () => {
  const listed = [...PAGE.matchAll(/^\| \[(\d+\. [^\]]+)\]\(#[^)]+\) +\| ([^|]+?) +\|/gm)].map(
    ([, question, place]) => ({
      question,
      place,
    }),
  )
  expect(listed.map(({ question }) => question)).toEqual(
    [...PAGE.matchAll(/^### (\d+\. .+)$/gm)].map(([, heading]) => heading),
  )
  expect(listed.length).toBeGreaterThanOrEqual(29)
  expect(listed.filter(({ place }) => !place!.includes('`'))).toEqual([])
  const found = asked.filter(({ mayBeEmpty, heading }) => !mayBeEmpty && /^\d/.test(heading))
  expect(new Set(found.map(({ heading }) => heading)).size).toBeGreaterThanOrEqual(20)
})

it('a policy on a table holds in its living view and for what stands in its history, and not in reports', async () => {
  await owner.unsafe(`alter table scopestack.projects enable row level security;
    create policy only_won on scopestack.projects for select to ${READER} using (status = 'won')`)
  try {
    const [counts] = await reader.unsafe(`select
      (select count(*) from scopestack.projects where status <> 'won')::int as rows,
      (select count(*) from scopestack_live.projects where status <> 'won')::int as living,
      (select count(*) from scopestack_history.projects where status <> 'won' and valid_to is null)::int as history,
      (select count(*) > 0 from scopestack.report_projects where status <> 'won') as reported`)
    expect(counts).toEqual({ rows: 0, living: 0, history: 0, reported: true })
  } finally {
    await owner.unsafe(
      'drop policy only_won on scopestack.projects; alter table scopestack.projects disable row level security',
    )
  }
})

describe.each(asked.map((one, index) => [`${index + 1}: ${one.heading}`, one] as const))('%s', (_, statement) => {
  it('returns rows with the columns that it states', async () => {
    const rows = await reader.unsafe(statement.sql)
    expect(rows.columns.map(({ name }) => name)).toEqual(statement.columns)
    if (!statement.mayBeEmpty) expect(rows.length).toBeGreaterThan(0)
  })
})
