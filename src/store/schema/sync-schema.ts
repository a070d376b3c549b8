/** The schema of the bookkeeping tables. */
import { pgSchema, timestamp } from 'drizzle-orm/pg-core'

export const sync = pgSchema('sync')

export const at = (name: string) => timestamp(name, { withTimezone: true })
