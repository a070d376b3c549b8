/** Finds the columns whose values differ from the mirror. Volatile columns and signatures of URLs do not count. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { stripSignatures } from '../values/signed-urls.ts'
import type { RowStatements } from './row-statements.ts'
import type { Row } from './row.ts'

export interface DifferingColumn {
  readonly name: string
  /** As Postgres writes them; null is NULL. */
  readonly remote: string | null
  readonly mirror: string | null
}

export interface Differing {
  readonly id: string
  /** Undefined: there is no living row. */
  readonly columns: readonly DifferingColumn[] | undefined
}

/** @param rows of one shape. */
export type FindDiffering = (sql: Database | Transaction, rows: readonly Row[]) => Promise<Differing[]>

export function findDiffering({ columns }: Resource, { differences }: RowStatements): FindDiffering {
  const volatile = new Set(columns.filter((column) => column.volatile).map(({ name }) => name))
  const isFleeting = ({ name, remote, mirror }: DifferingColumn): boolean =>
    remote !== null && mirror !== null && (volatile.has(name) || stripSignatures(remote) === stripSignatures(mirror))

  return async (sql, rows) => {
    const found = await differences<{ id: string; name: string | null } & DifferingColumn>(sql, rows)
    return [...Map.groupBy(found, ({ id }) => id)].flatMap(([id, lines]): Differing[] => {
      if (lines[0]!.name === null) return [{ id, columns: undefined }]
      const differing = lines.map(({ name, remote, mirror }) => ({ name, remote, mirror }))
      const lasting = differing.filter((column) => !isFleeting(column))
      return lasting.length === 0 ? [] : [{ id, columns: lasting }]
    })
  }
}
