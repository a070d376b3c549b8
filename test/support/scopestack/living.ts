/** The rows of a mirror, compared with what the simulator holds, or with those of a fresh full read. */
import { expect } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { createDatabase } from '../postgres/database.ts'
import { unequal, type Except } from './truth.ts'
import { startWorker, type Remote, type TestWorker } from './worker.ts'

type Row = Record<string, unknown>

/** Living rows of some tables by id, without when they were written. */
async function livingRows(sql: Database, table: string): Promise<Map<string, Row>> {
  const rows = await sql<{ id: string; row: Row }[]>`
    select id, to_jsonb(t) - 'sync_changed_at' as row from scopestack.${sql(table)} t where sync_deleted_at is null`
  return new Map(rows.map(({ id, row }) => [id, row]))
}

/** The mirror holds what ScopeStack has, value by value. */
export async function expectAsRemote(
  { sql, catalog }: TestWorker,
  sim: Simulator,
  types: readonly string[],
  { except }: Pick<Except, 'except'> = {},
): Promise<void> {
  for (const type of types) {
    const found = await unequal(sql, sim, catalog.get(type)!, except === undefined ? {} : { except })
    expect(found, `${type} as ScopeStack has it`).toEqual([])
  }
}

/** As above, and its rows are those of a full read into an empty database: hashes, unknown members and to-manys with them. */
export async function expectAsFreshRead(
  { sql, catalog }: TestWorker,
  remote: Remote,
  types: readonly string[],
): Promise<void> {
  await using database = await createDatabase()
  await using fresh = await startWorker(remote, database.url)
  const { outcomes } = await fresh.run(types)
  expect(outcomes.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'absent')).toEqual([])
  for (const type of types) {
    const { table } = catalog.get(type)!
    const [mine, theirs] = [await livingRows(sql, table), await livingRows(fresh.sql, table)]
    const ids = new Set([...mine.keys(), ...theirs.keys()])
    const differing = [...ids].flatMap((id) => {
      const [held, sent] = [mine.get(id), theirs.get(id)]
      return JSON.stringify(held) === JSON.stringify(sent) ? [] : [{ type, id, held, sent }]
    })
    expect(differing, `${type} as it is read afresh`).toEqual([])
  }
}
