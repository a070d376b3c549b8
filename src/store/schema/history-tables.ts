/**
 * The tables of history, for drizzle-kit. What stood before is in `past_versions`; of what stands now only since when and why, as the
 * row itself is in the mirror. Views, functions and triggers are in migrations/0023_history.sql.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

export const history = pgSchema('scopestack_history')

const at = (name: string) => timestamp(name, { withTimezone: true })

/** From when until when the versions of a table are recorded; `valid_to` is null while they are. */
export const recorded = history.table(
  'recorded',
  {
    tableName: text('table_name').notNull(),
    validFrom: at('valid_from').notNull(),
    validTo: at('valid_to'),
    /** Older versions were deleted: SYNC_HISTORY_DAYS. */
    keptFrom: at('kept_from').notNull(),
    note: text('note'),
    /** Names of columns by their number, and former names, so that a renamed column is found in older versions. */
    columns: jsonb('columns').notNull().default({}),
    renamed: jsonb('renamed').notNull().default({}),
  },
  (table) => [
    primaryKey({ columns: [table.tableName, table.validFrom] }),
    uniqueIndex('recorded_one_open_idx')
      .on(table.tableName)
      .where(sql`valid_to is null`),
  ],
)

/** A row that has none stands as it was when its table began to be recorded. */
export const currentVersions = history.table(
  'current_versions',
  {
    tableName: text('table_name').notNull(),
    id: text('id').notNull(),
    validFrom: at('valid_from').notNull(),
    cause: text('cause').notNull(),
    runId: bigint('run_id', { mode: 'number' }),
    changedBy: text('changed_by'),
    /** The transaction: what it changes again no reader has seen, and that is no version. */
    txid: bigint('txid', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.tableName, table.id] })],
)

export const pastVersions = history.table(
  'past_versions',
  {
    tableName: text('table_name').notNull(),
    id: text('id').notNull(),
    validFrom: at('valid_from').notNull(),
    validTo: at('valid_to').notNull(),
    cause: text('cause').notNull(),
    runId: bigint('run_id', { mode: 'number' }),
    changedBy: text('changed_by'),
    endedBy: text('ended_by').notNull(),
    row: jsonb('row').notNull(),
    // What reports on the past read: in an index, so that 400,000 rows of JSON need not be opened. Short enough for its entries.
    stage: text('stage').generatedAlwaysAs(sql`left(coalesce("row" ->> 'status', "row" ->> 'stage'), 200)`),
    amount: numeric('amount').generatedAlwaysAs(
      sql`case when jsonb_typeof(coalesce("row" -> 'contract_revenue', "row" -> 'amount')) = 'number' and octet_length(coalesce("row" ->> 'contract_revenue', "row" ->> 'amount')) <= 60 then coalesce("row" -> 'contract_revenue', "row" -> 'amount')::numeric end`,
    ),
    archived: boolean('archived').generatedAlwaysAs(sql`"row" -> 'active' = 'false'`),
    living: boolean('living').generatedAlwaysAs(sql`("row" ->> 'sync_deleted_at') is null`),
  },
  (table) => [
    primaryKey({ columns: [table.tableName, table.id, table.validFrom] }),
    index('past_versions_valid_to_idx').on(table.tableName, table.validTo),
    check('past_versions_last', sql`valid_from < valid_to`),
  ],
)
