/**
 * The declaration that a resource was last read whole under. A column that was declared since holds nothing, and a reading
 * of changes would fill it for what changes only: so the next reading is a whole one, whatever kind the run is.
 */
import { createHash } from 'node:crypto'
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../../store/connection/database.ts'
import { forgetCapability, readCapability, saveCapability } from '../../store/progress/capabilities.ts'

const NAME = 'declaration'

/** What rows are made by, as far as the catalog says it. */
export const declarationDigest = ({ table, aliases, columns }: Resource): string =>
  createHash('sha1')
    .update(
      JSON.stringify([
        table,
        aliases,
        columns.map(({ name, member, from, kind, target, volatile }) => [name, member, from, kind, target, volatile]),
      ]),
    )
    .digest('base64')

export async function isReadAsDeclared(sql: Database, resource: Resource): Promise<boolean> {
  return (await readCapability(sql, resource.type, NAME))?.value === declarationDigest(resource)
}

export const saveDeclaration = (tx: Transaction, resource: Resource): Promise<void> =>
  saveCapability(tx, resource.type, NAME, declarationDigest(resource))

/** The next reading has to be a whole one. */
export const forgetDeclaration = (tx: Transaction, { type }: Resource): Promise<void> =>
  forgetCapability(tx, type, NAME)
