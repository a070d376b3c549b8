/**
 * A pull of everything, held against the simulator's own records: every resource, every attribute, every relationship.
 * What a cell should hold is worked out here from the kind alone, apart from the code that fills it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Column, Kind, Resource } from '../../../src/catalog/resource.ts'
import { models } from '../../../src/simulator/model/models.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { PullReport } from '../../../src/sync/run/run.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readDrift } from '../../support/tables/progress.ts'

type Row = Record<string, unknown> & { sync_extra: Record<string, unknown> | null }
interface Source {
  id: string
  attributes: Record<string, unknown>
  link: (name: string) => unknown
}

const lists = [...catalog.values()].filter(({ read }) => read.from === 'list')

/** What the simulator leaves empty at this size; set by hand, so that its columns are tried too. */
const RARE: readonly [type: string, member: string, value: unknown][] = [
  ['project-documents', 'error-text', 'Template has an unknown tag.'],
  ['project-services', 'resource-rate-id', 71],
  ['project-subservices', 'resource-rate-id', '72'],
]

/** Json takes anything; `active` is filtered by, so that a record with a strange one would not be listed. */
const isTyped = ({ from, kind, member }: Column): boolean =>
  from === 'attribute' && kind !== 'json' && member !== 'active'

const AS_SENT = (value: unknown): unknown => value
/** Cells as `to_jsonb` shows them, and what is compared of both sides. */
const COMPARED: Record<Kind, (value: unknown) => unknown> = {
  text: String,
  // Some come as strings.
  boolean: (value) => String(value) === 'true',
  integer: Number,
  decimal: Number,
  date: AS_SENT,
  timestamp: (value) => new Date(value as string).getTime(),
  json: AS_SENT,
  texts: AS_SENT,
}

const compared = (kind: Kind, value: unknown): unknown =>
  value === null || value === undefined ? null : COMPARED[kind](value)

describe.each(['help-pages', 'library'] as const)('a pull from a server of profile %s', (profile) => {
  let database: TestDatabase
  let sim: Simulator
  let worker: TestWorker
  let report: PullReport
  const filled = new Set<string>()

  beforeAll(async () => {
    sim = await startSimulator({ projects: 40, profile })
    for (const [type, member, value] of RARE) {
      sim.records.update(type, sim.records.list(type)[0]!.id, { attributes: { [member]: value } })
    }
    database = await createDatabase()
    worker = await startWorker(sim, database.url)
    report = await worker.run()
  })

  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
    await sim?.close()
  })

  it('is ok for every resource', () => {
    expect(report.outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    expect(report.outcomes).toHaveLength(catalog.size)
  })

  const rowsOf = async ({ table }: Resource): Promise<Map<string, Row>> => {
    const rows = await worker.sql<{ row: Row }[]>`select to_jsonb(t) as row from scopestack.${worker.sql(table)} t`
    return new Map(rows.map(({ row }) => [String(row['id']), row]))
  }

  const sourcesOf = ({ type }: Resource): Source[] =>
    sim.records.list(type).map(({ id, attributes, relationships }) => ({
      id,
      attributes,
      link: (name) => linkOf(type, id, relationships, name),
    }))

  function linkOf(type: string, id: string, relationships: Record<string, unknown>, name: string): unknown {
    const model = models.get(type)!
    const one = model.toOne[name]
    if (one !== undefined) {
      const held = relationships[name] ?? (one.type === 'accounts' ? 'demo' : null)
      return typeof held === 'object' && held !== null ? (held as { id: string }).id : held
    }
    const many = model.toMany[name]!
    const { via } = many
    if (via === null) return [...((relationships[name] ?? []) as string[])].sort()
    const children = sim.records.list(many.type).filter((child) => child.relationships[via] === id)
    return children.map((child) => child.id).sort()
  }

  const expected = ({ from, member, kind }: Column, source: Source): unknown =>
    from === 'attribute' ? compared(kind, source.attributes[member]) : source.link(member)

  it.each(lists.map((resource) => [resource.type, resource] as const))(
    'holds every value of %s',
    async (_type, resource) => {
      const rows = await rowsOf(resource)
      const sources = sourcesOf(resource)
      expect([...rows.keys()].toSorted()).toEqual(sources.map(({ id }) => id).toSorted())
      const declared = new Set(resource.columns.filter(({ from }) => from === 'attribute').map(({ member }) => member))
      for (const source of sources) {
        const row = rows.get(source.id)!
        for (const column of resource.columns) {
          const value = row[column.name]
          const found = column.from === 'attribute' ? compared(column.kind, value) : value
          expect(found, `${resource.table}.${column.name} of ${source.id}`).toEqual(expected(column, source))
          if (value !== null) filled.add(`${resource.table}.${column.name}`)
        }
        const undeclared = Object.entries(source.attributes).filter(([member]) => !declared.has(member))
        expect(row.sync_extra ?? {}).toEqual(Object.fromEntries(undeclared))
      }
    },
  )

  it('fills every declared column somewhere, so that no name is misspelt', () => {
    const all = lists.flatMap(({ table, columns }) => columns.map(({ name }) => `${table}.${name}`))
    expect(all.filter((column) => !filled.has(column))).toEqual([])
  })

  it('has the rows of resources without a list of their own', async () => {
    const { sql } = worker
    expect(await sql`select id from scopestack.accounts`).toEqual([{ id: 'demo' }])
    expect(
      await sql`select id, account_id, account_slug, jsonb_array_length(privileges) > 0 as allowed from scopestack.mes`,
    ).toEqual([{ id: '50001', account_id: String(sim.accountId), account_slug: 'demo', allowed: true }])
    const merged = await sql<{ id: string; content: Record<string, Record<string, unknown>> }[]>`
      select id, content from scopestack.merge_data`
    const projects = sim.records.list('projects')
    expect(merged.map(({ id }) => id).toSorted()).toEqual(projects.map(({ id }) => id).toSorted())
    for (const { id, content } of merged) {
      expect(content['project']).toMatchObject({
        id: Number(id),
        project_name: sim.records.read('projects', id)!.attributes['project-name'],
      })
      expect(content['project_pricing']!['services']).toHaveLength(
        sim.records.list('project-services').filter(({ relationships }) => relationships['project'] === id).length,
      )
    }
  })

  it('changes nothing when everything is pulled again', async () => {
    const { outcomes } = await worker.run()
    const sum = (of: 'inserted' | 'updated') => outcomes.reduce((total, outcome) => total + outcome[of], 0)
    expect({ inserted: sum('inserted'), updated: sum('updated') }).toEqual({ inserted: 0, updated: 0 })
  })

  it('loses no row to a value of the wrong type, whichever resource has it', async () => {
    const planted = await Promise.all(
      lists.flatMap(({ type, table, columns }) =>
        columns
          .filter(isTyped)
          .slice(0, 1)
          .map(async (column) => {
            const { id } = sim.records.list(type)[0]!
            const answer = await fetch(`${sim.url}/_control/records/${type}/${id}`, {
              method: 'PATCH',
              body: JSON.stringify({ attributes: { [column.member]: { not: ['what', 'was', 'declared'] } } }),
            })
            expect(answer.status).toBe(200)
            return { type, table, id, column }
          }),
      ),
    )
    const { outcomes } = await worker.run(lists.map(({ type }) => type))
    expect(outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    const drift = await readDrift(worker.sql, ['resource', 'member'], { kind: 'misfit' })
    for (const { type, table, id, column } of planted) {
      const rows = await rowsOf(catalog.get(type)!)
      expect(rows.size, table).toBe(sim.records.list(type).length)
      expect(rows.get(id), table).toMatchObject({
        [column.name]: null,
        sync_extra: { [column.member]: { not: ['what', 'was', 'declared'] } },
      })
      expect(drift).toContainEqual({ resource: type, member: column.member })
    }
  })
})
