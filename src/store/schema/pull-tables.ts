/** The bookkeeping tables of reading, for drizzle-kit: checkpoints, seen pages, page cache, parked records, drift, capabilities. */
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** The checkpoint of each resource. `snapshot_started_at` is null without a snapshot under way. */
export const cursors = sync.table('cursors', {
  resource: text('resource').primaryKey(),
  snapshotStartedAt: at('snapshot_started_at'),
  request: jsonb('request'),
  /** The number of the pass: a list that is not proved complete is read again. */
  pass: integer('pass'),
  /** The position of each chain of pages (`remote/pages/reverse-pages.ts`); null until the page count is known. */
  chains: jsonb('chains'),
  position: text('position'),
  /** `record-count` before the pass, and whether every page reported the same. */
  firstCount: integer('first_count'),
  pageSize: integer('page_size'),
  steady: boolean('steady').notNull().default(true),
  /** Whether every page was as full as its position in the list requires. */
  full: boolean('full').notNull().default(true),
  /** How many ids of this pass were not known before it. */
  fresh: integer('fresh').notNull().default(0),
  asOf: at('as_of'),
  rows: bigint('rows', { mode: 'number' }),
  /** The last id that a detection of deletes has checked, when one run could not check all. */
  sweptTo: text('swept_to'),
  /** As of this time, all modifications that a record shows have been read. */
  changesAsOf: at('changes_as_of'),
  /** Pages of the last complete list: the first guess of the next read. */
  pages: integer('pages'),
  /** Up to this modification time everything is read; incremental reads continue after it. */
  watermark: at('watermark'),
  /** Up to this id of `sync.changed_parents`, the children have been read again. */
  followed: bigint('followed', { mode: 'number' }),
})

/** The ids of each page of the snapshot under way: the evidence for the completeness of a list. */
export const seenPages = sync.table(
  'seen_pages',
  {
    resource: text('resource').notNull(),
    pass: integer('pass').notNull().default(1),
    page: integer('page').notNull(),
    ids: text('ids').array().notNull(),
    /** Of records that come with another list: the ids of that list, which its record count refers to. */
    carriers: text('carriers').array(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.pass, table.page] })],
)

/** The page cache: what each page held when it was last loaded. An unchanged page is neither parsed nor loaded again. */
export const knownPages = sync.table(
  'known_pages',
  {
    resource: text('resource').notNull(),
    page: integer('page').notNull(),
    /** Digest of the request and of the resource's declaration. */
    question: text('question').notNull(),
    etag: text('etag'),
    /** Of the body. */
    digest: text('digest'),
    ids: text('ids').array().notNull(),
    carriers: text('carriers').array(),
    recordCount: integer('record_count'),
    pageCount: integer('page_count'),
    loadedAt: at('loaded_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.page] })],
)

/** Changed parent records, whose children have to be read again. */
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

/** Parked records, with the reason; the rest of their list goes on. */
export const parked = sync.table(
  'parked',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    /** Digest of id and body: a record is parked once, however often it comes. */
    digest: text('digest').notNull(),
    recordId: text('record_id'),
    reason: text('reason').notNull(),
    body: text('body').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
    settledAt: at('settled_at'),
    /** The database rejected it, which a person can fix: each run tries it again. */
    byDatabase: boolean('by_database').notNull().default(false),
  },
  (table) => [
    uniqueIndex('parked_resource_digest_idx').on(table.resource, table.digest),
    // Those that came in later are kept; who counts the ones that are parked must not read them. All columns that are shown of many:
    // with 100,000 parked the first screen took 46 ms by the rows, and takes 8 by the index alone.
    index('parked_unsettled_idx')
      .on(table.resource, table.lastSeenAt, table.id, table.firstSeenAt)
      .where(sql`settled_at is null`),
  ],
)

/** Drift: where the remote differs from the catalog, with a sample. */
export const drift = sync.table(
  'drift',
  {
    resource: text('resource').notNull(),
    member: text('member').notNull(),
    /** `undeclared`, `misfit`, `withheld` (it was in every record before), `gone` (in no record), or `refused` (an include, filter, sort or page size the server would not take). */
    kind: text('kind').notNull(),
    sample: text('sample').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.member, table.kind] })],
)

/** What the server supports, and when that was last probed. */
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

/**
 * Members that no file declares: which of them have become columns by themselves, which wait, and which a person refused
 * (`store/columns/`).
 */
export const columns = sync.table(
  'columns',
  {
    resource: text('resource').notNull(),
    member: text('member').notNull(),
    /** `attribute`, `to-one` or `to-many`; null while no value has shown it. */
    part: text('part'),
    /** Null without a column. */
    column: text('column_name'),
    /** As in the catalog: `text`, `decimal`, …; null without a column. */
    kind: text('kind'),
    /** The type of the records that a relationship leads to. */
    target: text('target'),
    /** `added`, `waiting`, `refused`, `dropped`, `declared`. */
    state: text('state').notNull(),
    /** A person wants it to stay under its name, with its type, whatever a later release declares. */
    pinned: boolean('pinned').notNull().default(false),
    /** `run 12`, or who typed the command. */
    decidedBy: text('decided_by').notNull(),
    decidedAt: at('decided_at').notNull().defaultNow(),
    /** Why it is no column, or waits. */
    reason: text('reason'),
    /** How many values the decision rests on. */
    evidence: bigint('evidence', { mode: 'number' }).notNull().default(0),
    /** When its values had all left `sync_extra`; null until then. */
    filledAt: at('filled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.resource, table.member] }),
    uniqueIndex('columns_resource_column_idx').on(table.resource, table.column),
  ],
)
