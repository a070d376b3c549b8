/** The tables of write-back, for drizzle-kit, like schema.ts. */
import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { at, sync } from './sync-schema.ts'

/** The capture specification of each table, as of its triggers (store/schema/capture-triggers.ts). */
export const captured = sync.table('captured', {
  type: text('type').primaryKey(),
  relation: text('relation').notNull(),
  writes: text('writes').array().notNull(),
  /** `{name, member, from, kind, entries, target}` of each writable column. */
  columns: jsonb('columns').notNull(),
  /** Columns that a catalog declares; all others were added by users. */
  readOnly: text('read_only').array(),
  /** Columns of the catalog that Postgres makes of others. */
  generated: text('generated')
    .array()
    .notNull()
    .default(sql`'{}'`),
})

/** Local ids (`local-…`) and their real ids, kept as long as settled changes. */
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

/** Written out, as drizzle-kit loads this file by itself; `OPEN` and `PARKED` of store/changes/states.ts. */
const OPEN = sql`state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered')`
const PARKED = sql`state in ('parked', 'unknown', 'unsettled')`
const UNSETTLED = sql`state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'parked', 'unknown', 'unsettled')`

/** Local edits on their way to ScopeStack: one row a change. store/changes/transitions.ts has the states and their chart. */
export const outbox = sync.table(
  'outbox',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    resource: text('resource').notNull(),
    recordId: text('record_id').notNull(),
    op: text('op').notNull(),
    /** Member to its new value; of relationships, the id of the other record. */
    attributes: jsonb('attributes').notNull().default({}),
    relationships: jsonb('relationships').notNull().default({}),
    /** `{attributes, relationships}`: the last values of these members that both sides had in common. */
    base: jsonb('base').notNull().default({}),
    /** Local ids that it refers to: `clients/local-…`. */
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
    /** These five are of releases that claimed changes one by one. Empty since migration 0016; those releases still read them. */
    term: bigint('term', { mode: 'number' }),
    claimedBy: text('claimed_by'),
    claimPid: integer('claim_pid'),
    claimStart: at('claim_start'),
    claimUntil: at('claim_until'),
    /** When its last request left. */
    requestedAt: at('requested_at'),
    /** Of a create: records that had its natural key before the request left. */
    knownIds: text('known_ids').array(),
    /** Of a parked change: ScopeStack applied a part of it. */
    sentAt: at('sent_at'),
    settledAt: at('settled_at'),
    supersededBy: bigint('superseded_by', { mode: 'number' }),
    answerId: text('answer_id'),
    /** `{record, decisions}`: the stored response of an answered change. `{why}`: of an accepted create, the response. */
    answer: jsonb('answer'),
    /** `{attributes, relationships}`: values of parked and coalesced changes that may have arrived. */
    inDoubt: jsonb('in_doubt'),
    /** Of a parked or discarded change: since when its row shows again what ScopeStack holds. */
    returnedAt: at('returned_at'),
    /** Of a settled change of a project: when the project was added to sync.changed_parents. */
    notedAt: at('noted_at'),
    code: text('code'),
    reason: text('reason'),
    errors: jsonb('errors'),
    /** The values of both sides and the decision, field by field. */
    decisions: jsonb('decisions'),
  },
  (table) => [
    index('outbox_open_idx').on(table.id).where(OPEN),
    // Settled changes are kept for 90 days; queries for open ones must not read them.
    index('outbox_unsettled_idx').on(table.state, table.id).where(UNSETTLED),
    index('outbox_settled_idx')
      .on(table.settledAt)
      .where(sql`settled_at is not null`),
    // Each process looks every few seconds for those parked since the last alert, and neither all that are parked nor all that are
    // settled are to be read: with 50,000 and 100,000 it took 75 ms, and takes 10.
    index('outbox_parked_idx').on(table.settledAt).where(PARKED),
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
    // An older release beside this one writes 'sending', and is refused with this name.
    check(
      'a_newer_release_keeps_this_outbox',
      sql`state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'sent', 'superseded', 'parked', 'unknown', 'unsettled', 'discarded')`,
    ),
    // A record belongs to one create.
    uniqueIndex('outbox_answer_idx')
      .on(table.resource, table.answerId)
      .where(sql`op = 'create' and answer_id is not null`),
  ],
)
