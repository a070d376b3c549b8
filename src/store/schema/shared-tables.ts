/** The bookkeeping tables of a long list that several processes read together, for drizzle-kit. */
import { bigint, boolean, index, integer, json, jsonb, primaryKey, text } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** A list whose reading is open to other processes: what they need to read it as its coordinator does. */
export const sharedLists = sync.table('shared_lists', {
  resource: text('resource').primaryKey(),
  runId: bigint('run_id', { mode: 'number' }),
  /** Of the lease of its coordinator: the next holder ends all reading by it. */
  term: bigint('term', { mode: 'number' }).notNull(),
  snapshotStartedAt: at('snapshot_started_at').notNull(),
  pass: integer('pass').notNull(),
  /** Only processes of the same release read it: another one may write rows otherwise. */
  version: text('version').notNull(),
  /** Request, page size, trust in cached pages, columns. As text: digests depend on the order of members. */
  reading: json('reading').notNull(),
  sharedAt: at('shared_at').notNull().defaultNow(),
})

/** The chains of shared lists, with their checkpoint. The chain below one is that with the next lower `first`. */
export const chains = sync.table(
  'chains',
  {
    resource: text('resource').notNull(),
    /** The page it begins at. */
    first: integer('first').notNull(),
    /** The page to read next; 0 when it has ended. */
    next: integer('next').notNull(),
    /** The last id of its first page; null before that is written. */
    top: text('top'),
    /** Who reads it, in `sync.readers`; null: no one yet. */
    reader: bigint('reader', { mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.resource, table.first] })],
)

/** The processes that read a shared list, and what their pages have shown. */
export const readers = sync.table(
  'readers',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    term: bigint('term', { mode: 'number' }).notNull(),
    snapshotStartedAt: at('snapshot_started_at').notNull(),
    pass: integer('pass').notNull(),
    holder: text('holder').notNull(),
    backendPid: integer('backend_pid'),
    backendStart: at('backend_start'),
    begunAt: at('begun_at').notNull().defaultNow(),
    expiresAt: at('expires_at').notNull(),
    /** Its chains are free for others from then on, and it writes nothing more. */
    endedAt: at('ended_at'),
    /** Why it stopped before the list had ended: an error code. */
    error: text('error'),
    errorPage: integer('error_page'),
    records: integer('records').notNull().default(0),
    pages: integer('pages').notNull().default(0),
    inserted: integer('inserted').notNull().default(0),
    updated: integer('updated').notNull().default(0),
    unchanged: integer('unchanged').notNull().default(0),
    /** Rows that were not written because of local edits. */
    kept: integer('kept').notNull().default(0),
    /** Like those of `sync.cursors`, of its pages. */
    steady: boolean('steady').notNull().default(true),
    full: boolean('full').notNull().default(true),
    fresh: integer('fresh').notNull().default(0),
    /** None of its pages came from the page cache. */
    parsedAll: boolean('parsed_all').notNull().default(true),
    /** It found an ETag that came with two bodies. */
    misled: boolean('misled').notNull().default(false),
    /** Members that all its records carried, and attributes that none did. */
    members: jsonb('members'),
  },
  (table) => [index('readers_resource_idx').on(table.resource)],
)
