/** The schema of the worker's own books. */
import { pgSchema, timestamp } from 'drizzle-orm/pg-core'

export const sync = pgSchema('sync')

export const at = (name: string) => timestamp(name, { withTimezone: true })
