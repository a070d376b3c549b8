/** The bookkeeping tables of what analysts read beside the mirror, for drizzle-kit: relations, living views, their fields. */
import { sql } from 'drizzle-orm'
import { bigint, index, integer, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** The columns of the mirror that hold keys, as the catalog declares them; shown by the view `scopestack.relations`. */
export const relations = sync.table(
  'relations',
  {
    tableName: text('table_name').notNull(),
    columnName: text('column_name').notNull(),
    targetTable: text('target_table').notNull(),
    /** `id`, or `name` where names are held. */
    targetColumn: text('target_column').notNull(),
    /** `to-one`; `to-many`: the column is an array. */
    cardinality: text('cardinality').notNull(),
    confidence: text('confidence').notNull(),
    /** Columns that hold the same by an older name, which living views leave out. */
    replaces: text('replaces')
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** Of a to-many: the view in `scopestack_live` with a row for each pair, and what its two keys are called. */
    linkView: text('link_view'),
    linkKey: text('link_key'),
    linkTargetKey: text('link_target_key'),
  },
  (table) => [primaryKey({ columns: [table.tableName, table.columnName] })],
)

/** The views of schema `scopestack_live`, as they were made last: what differs from it is made again. */
export const liveViews = sync.table(
  'live_views',
  {
    name: text('name').primaryKey(),
    /** The mirrored table whose rows it has. */
    tableName: text('table_name').notNull(),
    /** Its oid; null: it could not be made yet. */
    relation: bigint('relation', { mode: 'number' }),
    /** Digests of what was asked for, and of what Postgres keeps of it. */
    asked: text('asked'),
    kept: text('kept'),
    /** Why it is not as asked for; null where it is. */
    problem: text('problem'),
    problemSince: at('problem_since'),
  },
  (table) => [
    index('live_views_problem_idx')
      .on(table.tableName)
      .where(sql`problem is not null`),
  ],
)

/** The columns of the views of user-defined fields. A field keeps its column while it is away, and has it again. */
export const liveFields = sync.table(
  'live_fields',
  {
    ownerType: text('owner_type').notNull(),
    name: text('name').notNull(),
    columnName: text('column_name').notNull(),
    type: text('type').notNull(),
    label: text('label'),
    /** In the order of which columns were given. */
    place: integer('place').notNull(),
    goneAt: at('gone_at'),
  },
  (table) => [
    primaryKey({ columns: [table.ownerType, table.name] }),
    uniqueIndex('live_fields_column_idx').on(table.ownerType, table.columnName),
  ],
)
