/** The books of reading, for drizzle-kit: what was met, how far it is, what was found out. */
import { bigint, boolean, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** Where each resource stands. `snapshot_started_at` is null while no snapshot is under way. */
export const cursors = sync.table('cursors', {
  resource: text('resource').primaryKey(),
  snapshotStartedAt: at('snapshot_started_at'),
  request: jsonb('request'),
  /** Which reading of the list it is: what cannot be proved is read again. */
  pass: integer('pass'),
  /** Where each chain of pages stands (`remote/pages/reverse-pages.ts`); null until the list has said how many it has. */
  chains: jsonb('chains'),
  position: text('position'),
  /** `record-count` before the pass, and whether every page of it said the same. */
  firstCount: integer('first_count'),
  pageSize: integer('page_size'),
  steady: boolean('steady').notNull().default(true),
  /** Whether every page was as full as its place in the list demands. */
  full: boolean('full').notNull().default(true),
  /** Ids of this pass that were not known before it. */
  fresh: integer('fresh').notNull().default(0),
  asOf: at('as_of'),
  rows: bigint('rows', { mode: 'number' }),
  /** The row that a sweep asked for last, when there were more than one run may ask for. */
  sweptTo: text('swept_to'),
  /** Everything that tells of its change was written as of then. */
  changesAsOf: at('changes_as_of'),
  /** Pages of the last whole list: where the next reading guesses its end. */
  pages: integer('pages'),
  /** The newest change that is fully written; incremental reading goes on behind it. */
  watermark: at('watermark'),
  /** Up to which of `sync.changed_parents` the records below have been read again. */
  followed: bigint('followed', { mode: 'number' }),
})

/** The ids each page of the snapshot under way held: what the completeness of a list is judged by. */
export const seenPages = sync.table(
  'seen_pages',
  {
    resource: text('resource').notNull(),
    pass: integer('pass').notNull().default(1),
    page: integer('page').notNull(),
    ids: text('ids').array().notNull(),
    /** Of records that come with another list: the ids of that list, which is what its count speaks of. */
    carriers: text('carriers').array(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.pass, table.page] })],
)

/** What each page held when it was last loaded: one that comes unchanged is neither parsed nor loaded again. */
export const knownPages = sync.table(
  'known_pages',
  {
    resource: text('resource').notNull(),
    page: integer('page').notNull(),
    /** Digest of what was asked and of the resource's declaration. */
    question: text('question').notNull(),
    etag: text('etag'),
    /** Where there is no `etag`. */
    digest: text('digest'),
    ids: text('ids').array().notNull(),
    carriers: text('carriers').array(),
    recordCount: integer('record_count'),
    pageCount: integer('page_count'),
    loadedAt: at('loaded_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.page] })],
)

/** Records that an incremental pull found changed, whose parts have to be read again. */
export const changedParents = sync.table(
  'changed_parents',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    recordId: text('record_id').notNull(),
    notedAt: at('noted_at').notNull().defaultNow(),
  },
  (table) => [
    index('changed_parents_resource_idx').on(table.resource, table.id),
    index('changed_parents_record_idx').on(table.resource, table.recordId),
  ],
)

/** Records set aside for a person, with the reason; the rest of the list goes on. */
export const parked = sync.table(
  'parked',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    /** Digest of id and body: the same record parks once, however often it comes. */
    digest: text('digest').notNull(),
    recordId: text('record_id'),
    reason: text('reason').notNull(),
    body: text('body').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
    settledAt: at('settled_at'),
    /** The database refused it, which a person may mend: it is tried again in each run. */
    byDatabase: boolean('by_database').notNull().default(false),
  },
  (table) => [uniqueIndex('parked_resource_digest_idx').on(table.resource, table.digest)],
)

/** Where the remote differs from the catalog, noted once with a sample of the type. */
export const drift = sync.table(
  'drift',
  {
    resource: text('resource').notNull(),
    member: text('member').notNull(),
    /** `undeclared`, `misfit`, `withheld` (it was in every record), `gone` (it never was), or `refused` (an include, filter, sort or page size the server would not take). */
    kind: text('kind').notNull(),
    sample: text('sample').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.member, table.kind] })],
)

/** What this server takes, found by asking, and when that was looked at last. */
export const capabilities = sync.table(
  'capabilities',
  {
    resource: text('resource').notNull(),
    name: text('name').notNull(),
    value: jsonb('value').notNull(),
    probedAt: at('probed_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.name] })],
)
