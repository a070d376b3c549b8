/** The tables of writing back, for drizzle-kit, like schema.ts. */
import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** What each table's triggers take, as the catalog said when they were made (store/schema/capture-triggers.ts). */
export const captured = sync.table('captured', {
  type: text('type').primaryKey(),
  relation: text('relation').notNull(),
  writes: text('writes').array().notNull(),
  /** `{name, member, from, kind, entries, target}` of each writable column. */
  columns: jsonb('columns').notNull(),
  /** Columns of the catalog, at least those that may not be edited; all others are somebody's own. */
  readOnly: text('read_only').array(),
})

/** What the ids of this database's own (`local-…`) became, for whoever kept one: as long as what is settled is kept. */
export const localIds = sync.table(
  'local_ids',
  {
    resource: text('resource').notNull(),
    localId: text('local_id').notNull(),
    realId: text('real_id').notNull(),
    madeAt: at('made_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.localId] })],
)

/**
 * Local edits on their way to ScopeStack: one row a change. `waiting` → `sending` → `sent`; or `superseded` (merged into a
 * later one, or nothing was left to send), `parked` (a person decides), `discarded`.
 */
export const outbox = sync.table(
  'outbox',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    recordId: text('record_id').notNull(),
    op: text('op').notNull(),
    /** Member to new value, and to the id at the other end. */
    attributes: jsonb('attributes').notNull().default({}),
    relationships: jsonb('relationships').notNull().default({}),
    /** `{attributes, relationships}`: what the same members held, as both sides last agreed. */
    base: jsonb('base').notNull().default({}),
    /** Rows of this database's own that it refers to: `clients/local-…`. */
    refs: text('refs')
      .array()
      .notNull()
      .default(sql`'{}'`),
    madeAt: at('made_at').notNull().defaultNow(),
    madeBy: text('made_by').notNull(),
    txid: bigint('txid', { mode: 'number' }).notNull(),
    state: text('state').notNull().default('waiting'),
    attempts: integer('attempts').notNull().default(0),
    notBefore: at('not_before'),
    /** Grows at every taking: whoever comes late with an older one settles nothing. */
    term: bigint('term', { mode: 'number' }),
    claimedBy: text('claimed_by'),
    claimPid: integer('claim_pid'),
    claimStart: at('claim_start'),
    claimUntil: at('claim_until'),
    /** Noted before it leaves. Where no answer follows, nobody knows whether it arrived. */
    requestedAt: at('requested_at'),
    /** Of a creation: who held its natural key before it left. */
    knownIds: text('known_ids').array(),
    sentAt: at('sent_at'),
    settledAt: at('settled_at'),
    supersededBy: bigint('superseded_by', { mode: 'number' }),
    answerId: text('answer_id'),
    /** `{record, decisions}`: what ScopeStack answered, until its row is settled with that. `{why}`: done, as it said, and not as what. */
    answer: jsonb('answer'),
    /** `{attributes, relationships}`: of changes that went into it, what may have arrived. */
    inDoubt: jsonb('in_doubt'),
    /** Of a parked or discarded change: since when its row shows what ScopeStack holds again. */
    returnedAt: at('returned_at'),
    /** Of a settled change of a project: since when it is noted that what belongs to it is to be read again. */
    notedAt: at('noted_at'),
    code: text('code'),
    reason: text('reason'),
    errors: jsonb('errors'),
    /** What was found on both sides, field by field, and what was decided. */
    decisions: jsonb('decisions'),
  },
  (table) => [
    index('outbox_open_idx')
      .on(table.id)
      .where(sql`state in ('waiting', 'sending')`),
    // What is settled is kept for 90 days; whoever asks for the rest does not look at it.
    index('outbox_unsettled_idx')
      .on(table.state, table.id)
      .where(sql`state in ('waiting', 'sending', 'parked')`),
    index('outbox_settled_idx')
      .on(table.settledAt)
      .where(sql`settled_at is not null`),
    index('outbox_unnoted_idx')
      .on(table.id)
      .where(sql`resource = 'projects' and noted_at is null and state in ('sent', 'superseded', 'parked')`),
    index('outbox_record_idx').on(table.recordId, table.resource, table.id),
    index('outbox_owed_idx')
      .on(table.resource, table.recordId)
      .where(sql`state in ('parked', 'discarded') and returned_at is null and op <> 'create'`),
    index('outbox_refs_idx')
      .using('gin', table.refs)
      .where(sql`refs <> '{}'`),
    // One record is the answer to one creation.
    uniqueIndex('outbox_answer_idx')
      .on(table.resource, table.answerId)
      .where(sql`op = 'create' and answer_id is not null`),
  ],
)
