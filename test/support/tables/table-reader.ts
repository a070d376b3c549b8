/**
 * Reads a table of schema sync as tests see it: by the names of fields, whatever its columns are called. Each table has one file in
 * this folder that knows its columns, and no other test does, but for what is about a table as such: its rights, locks, statistics,
 * triggers and COPY (in test/integration/: postgres/{plans,half-open,reconnect,locks}, mirror/added-columns, pull/snapshot,
 * pull/completeness, fleet/leases), and whole rows, whatever they hold (test/system/terminal/secrets-quoted).
 */
import type { Database, Transaction } from '../../../src/store/connection/database.ts'

export type Sql = Database | Transaction

export type Where<Row> = { readonly [K in keyof Row]?: Row[K] }

type Read<Row> = <F extends keyof Row & string>(
  sql: Sql,
  fields: readonly F[],
  where?: Where<Row>,
) => Promise<Pick<Row, F>[]>

/** @param columns of each field: its column, or an expression over columns. @returns rows in their order, with the fields asked for only. */
export const readerOf =
  <Row extends object>(
    table: string,
    columns: { readonly [K in keyof Row & string]: string },
    order: string,
  ): Read<Row> =>
  async <F extends keyof Row & string>(sql: Sql, fields: readonly F[], where: Where<Row> = {}) => {
    const asked = Object.keys(where) as (keyof Row & string)[]
    const selected = [...new Set<keyof Row & string>([...fields, ...asked])].map(
      (field) => `${columns[field]} as "${field}"`,
    )
    const rows = await sql.unsafe<Row[]>(`select ${selected.join(', ')} from ${table} order by ${order}`)
    return rows
      .filter((row) => asked.every((field) => row[field] === where[field]))
      .map((row) => Object.fromEntries(fields.map((field) => [field, row[field]])) as unknown as Pick<Row, F>)
  }
