/**
 * Loads records into their table and writes only rows that differ.
 *
 *   ids of the batch ──► their digests in the mirror ──► new: COPY straight into the table
 *                                                   ├──► different: one UPDATE from a JSON recordset
 *                                                   └──► equal: nothing, so an unchanged row costs no WAL
 *
 * Rejected: a temp table joined to the mirror (COPY twice, and a plan that depends on statistics no fresh table has);
 * ON CONFLICT … DO UPDATE … WHERE differs (locks and logs each unchanged row).
 */
import { finished } from 'node:stream/promises'
import type { RemoteRecord, Resource } from '../resource.ts'
import { arrayLiteral } from './codec.ts'
import { isDataError, quote, type Transaction } from './database.ts'
import { editedRows, noteReturns, type Edited } from './edited.ts'
import { rowColumns, rowMaker, type Drift, type Row } from './row.ts'
import { SQL_TYPE } from './tables.ts'

export interface Loaded {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  /** Ids the mirror did not hold as living before: new ones, and those whose tombstone stood. */
  readonly fresh: number
  /** Ids of the rows written. */
  readonly written: readonly string[]
  /** Ids of the records that were not written because their rows hold local edits. */
  readonly left: readonly string[]
  readonly drift: readonly Drift[]
  /** Records that are no row, and rows Postgres would not take, with the reason. */
  readonly rejected: readonly Rejected[]
}

/** A pull leaves rows with local edits alone; the answer to such an edit is what ends that. */
type Whose = 'pull' | 'push'

interface Rejected {
  readonly id: string
  readonly reason: string
}

export interface Mirror {
  /**
   * Loads a batch inside the caller's transaction. The last of several records with one id wins. Rows whose local edits are
   * on their way, or were settled since the pull began, count as unchanged.
   *
   * @throws the driver's error; after a data error (`isDataError`) the transaction is lost, and the batch goes through
   *   `loadOneByOne` in a new one.
   */
  load(tx: Transaction, records: readonly RemoteRecord[], whose?: Whose): Promise<Loaded>
  /** The same with each row in a savepoint of its own: slow, and one bad row rejects only itself. */
  loadOneByOne(tx: Transaction, records: readonly RemoteRecord[]): Promise<Loaded>
  /** Declared attributes that none of the records carried so far. */
  unmet(): readonly string[]
}

export function createMirror(resource: Resource): Mirror {
  const toRow = rowMaker(resource)
  const names = [...rowColumns(resource), 'sync_hash']
  const statements = statementsFor(resource, names)

  async function write(
    tx: Transaction,
    all: ReadonlyMap<string, Row>,
    add: (tx: Transaction, fresh: readonly Row[]) => Promise<unknown>,
    whose: Whose,
  ): Promise<Omit<Loaded, 'drift' | 'rejected'>> {
    const known = new Map<string, string>()
    // A plan made while the table was empty would scan it whole for every later batch.
    const ids = arrayLiteral([...all.keys()])
    const [, stored, edited] = await Promise.all([
      tx`select set_config('enable_seqscan', 'off', true), set_config('sync.origin', 'pull', true)`,
      tx.unsafe<{ id: string; digest: string }[]>(statements.digests, [ids], { prepare: true }),
      whose === 'pull' ? editedRows(tx, resource.type, ids) : NOT_EDITED,
    ])
    const rows = edited.left.size === 0 ? all : new Map([...all].filter(([id]) => !edited.left.has(id)))
    for (const { id, digest } of stored) known.set(id, digest)

    const isNew = (id: string): boolean =>
      edited.made.has(id) || ([undefined, TOMBSTONE].includes(known.get(id)) && !edited.taken.has(id))

    const fresh: Row[] = []
    const changed: Row[] = []
    for (const row of rows.values()) {
      const digest = known.get(row.id)
      if (digest === undefined) fresh.push(row)
      // The digest says nothing of what an editor has written since.
      else if (digest !== row.hash || whose === 'push') changed.push(row)
    }
    if (fresh.length > 0) await add(tx, fresh)
    for (const [untold, alike] of Map.groupBy(changed, (row) => row.untold)) {
      await tx.unsafe(updateFor(untold), [recordset(alike)], { prepare: true })
    }
    if (whose === 'pull') await noteReturns(tx, resource.type, arrayLiteral([...rows.keys()]))
    return {
      inserted: fresh.length,
      updated: changed.length,
      unchanged: all.size - fresh.length - changed.length,
      fresh: [...all.keys()].filter(isNew).length,
      written: [...fresh, ...changed].map(({ id }) => id),
      left: [...edited.left],
    }
  }

  /**
   * @throws the driver's error with code 25P02 when a row is refused: the driver drops the error of a COPY and leaves its
   *   stream open for ever, so it is the statement behind it that tells.
   */
  async function copy(tx: Transaction, fresh: readonly Row[]): Promise<void> {
    const stream = await tx.unsafe(statements.copy).writable()
    const ended = finished(stream)
    const lines = fresh.map((row) => `${row.line}\t${row.hash}\n`).join('')
    await Promise.race([ended, new Promise((resolve) => stream.write(lines, resolve))])
    stream.end()
    await Promise.race([ended, tx`select`.then(() => ended)])
  }

  const insert = (tx: Transaction, fresh: readonly Row[]) =>
    tx.unsafe(statements.insert, [recordset(fresh)], { prepare: true })

  const updates = new Map<string, string>()
  const updateFor = (untold: string): string => {
    const statement = updates.get(untold) ?? statements.update(new Set(untold.split(',')))
    updates.set(untold, statement)
    return statement
  }

  function rowsOf(records: readonly RemoteRecord[]): { rows: Map<string, Row>; rejected: Rejected[] } {
    const rows = new Map<string, Row>()
    const rejected: Rejected[] = []
    for (const record of records) {
      try {
        rows.set(record.id, toRow(record))
      } catch (error) {
        // Nested deeper than the stack is: no other record should suffer for it.
        if (!(error instanceof RangeError)) throw error
        rejected.push({ id: record.id, reason: `It cannot be written as a row: ${error.message}.` })
      }
    }
    return { rows, rejected }
  }

  const driftOf = (rows: ReadonlyMap<string, Row>): Drift[] => [...rows.values()].flatMap((row) => row.drift)

  return {
    async load(tx, records, whose = 'pull') {
      const { rows, rejected } = rowsOf(records)
      return { ...(await write(tx, rows, copy, whose)), drift: driftOf(rows), rejected }
    },

    async loadOneByOne(tx, records) {
      const { rows, rejected } = rowsOf(records)
      const total = { inserted: 0, updated: 0, unchanged: 0, fresh: 0 }
      const written: string[] = []
      const left: string[] = []
      for (const [id, row] of rows) {
        try {
          const one = await tx.savepoint((savepoint) => write(savepoint, new Map([[id, row]]), insert, 'pull'))
          total.inserted += one.inserted
          total.updated += one.updated
          total.unchanged += one.unchanged
          total.fresh += one.fresh
          written.push(...one.written)
          left.push(...one.left)
        } catch (error) {
          if (!isDataError(error)) throw error
          rejected.push({ id, reason: `Postgres would not take it: ${(error as Error).message}.` })
        }
      }
      return { ...total, written, left, drift: driftOf(rows), rejected }
    },

    unmet: toRow.unmet,
  }
}

const NOT_EDITED: Edited = { left: new Set(), made: new Set(), taken: new Set() }

/** In the place of a digest, so that whatever comes is different: the record is back. */
const TOMBSTONE = 'deleted'

function statementsFor(resource: Resource, names: readonly string[]) {
  const table = `scopestack.${quote(resource.table)}`
  const type = new Map(resource.columns.map(({ name, kind }) => [name, SQL_TYPE[kind]]))
  const value = (name: string, index: number): string =>
    `s.${quote(String(index))}::${name === 'sync_extra' ? 'jsonb' : (type.get(name) ?? 'text')}`
  const source = `json_to_recordset($1::text::json) as s(${names.map((_, index) => `${quote(String(index))} text`).join(', ')})`
  return {
    digests: `
      select id, case when sync_deleted_at is null then sync_hash else '${TOMBSTONE}' end as digest
      from ${table} where id = any($1::text[])`,
    copy: `copy ${table} (${names.map(quote).join(', ')}) from stdin`,
    insert: `
      insert into ${table} (${names.map(quote).join(', ')}) select ${names.map(value).join(', ')} from ${source}`,
    update: (untold: ReadonlySet<string>): string => `
      update ${table} m
      set ${names
        .flatMap((name, index) => (untold.has(name) ? [] : [`${quote(name)} = ${value(name, index)}`]))
        .slice(1)
        .join(', ')},
        sync_changed_at = now(), sync_deleted_at = null
      from ${source}
      where m.id = s."0"`,
  }
}

/** Rows as an array of objects whose keys are the columns' positions. */
const recordset = (rows: readonly Row[]): string =>
  JSON.stringify(rows.map((row) => Object.fromEntries([...row.values, row.hash].entries())))
