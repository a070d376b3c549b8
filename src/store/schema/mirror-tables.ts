/** From a resource's declaration to its table. */
import { bigint, boolean, date, index, jsonb, numeric, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
import type { Kind, Resource } from '../../catalog/resource.ts'

/** The schema analysts read. */
export const mirror = pgSchema('scopestack')

const COLUMN = {
  text: (name: string) => text(name),
  boolean: (name: string) => boolean(name),
  integer: (name: string) => bigint(name, { mode: 'number' }),
  decimal: (name: string) => numeric(name),
  date: (name: string) => date(name),
  timestamp: (name: string) => timestamp(name, { withTimezone: true }),
  json: (name: string) => jsonb(name),
  texts: (name: string) => text(name).array(),
} satisfies Record<Kind, unknown>

export function mirrorTable(resource: Resource) {
  return mirror.table(
    resource.table,
    {
      id: text('id').primaryKey(),
      ...Object.fromEntries(resource.columns.map(({ name, kind }) => [name, COLUMN[kind](name)])),
      sync_extra: jsonb('sync_extra'),
      sync_hash: text('sync_hash').notNull(),
      sync_changed_at: timestamp('sync_changed_at', { withTimezone: true }).notNull().defaultNow(),
      sync_deleted_at: timestamp('sync_deleted_at', { withTimezone: true }),
    },
    (table) =>
      resource.columns
        .filter(({ from }) => from === 'to-one')
        .map(({ name }) => index(`${resource.table}_${name}_idx`).on(table[name as keyof typeof table])),
  )
}
