/** What a mirrored table's columns are called and typed in SQL. Apart from mirror-tables.ts, which only drizzle-kit loads. */
import type { Kind } from '../../catalog/resource.ts'

/** The SQL type each kind has, for casts. */
export const SQL_TYPE: Readonly<Record<Kind, string>> = {
  text: 'text',
  boolean: 'boolean',
  integer: 'bigint',
  decimal: 'numeric',
  date: 'date',
  timestamp: 'timestamptz',
  json: 'jsonb',
  texts: 'text[]',
}

/** Columns of ours that every mirrored table has, with the comment an analyst reads. */
export const SYNC_COLUMNS = {
  sync_extra: 'What ScopeStack sent and no column holds: undeclared members, and values that do not fit their column.',
  sync_hash: 'Digest of the row as last loaded; a pull writes only rows whose digest differs.',
  sync_changed_at: 'When this row last changed here.',
  sync_deleted_at: 'When the record was found deleted in ScopeStack; null while it lives.',
} as const
