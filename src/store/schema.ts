/**
 * Every table, for drizzle-kit: the mirror's from the catalog, and schema `sync`, the worker's own books.
 *
 * drizzle-kit loads this as CommonJS and looks at the exports one by one; tables that are made in a loop can only be
 * exported by hand, at the end.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { catalog } from '../registry.ts'
import { mirrorTable } from './tables.ts'

export { mirror } from './tables.ts'
export { captured, outbox } from './schema-outbox.ts'

export const sync = pgSchema('sync')

const at = (name: string) => timestamp(name, { withTimezone: true })

/** One row: the account this database mirrors. */
export const account = sync.table('account', {
  single: boolean('single').primaryKey().default(true),
  accountId: text('account_id').notNull(),
  accountSlug: text('account_slug').notNull(),
  boundAt: at('bound_at').notNull().defaultNow(),
})

/** One row for each pair of credentials; the token is sealed under the client secret. */
export const tokens = sync.table('tokens', {
  keyId: text('key_id').primaryKey(),
  generation: bigint('generation', { mode: 'number' }).notNull().default(0),
  sealed: text('sealed'),
  issuedAt: at('issued_at'),
  expiresAt: at('expires_at'),
  claim: text('claim'),
  claimUntil: at('claim_until'),
  coolDownUntil: at('cool_down_until'),
  coolDownReason: text('cool_down_reason'),
  coolDownRefused: boolean('cool_down_refused').notNull().default(false),
})

/** One row for each pair of credentials that has a session at ScopeStack; sealed as above. */
export const refreshTokens = sync.table('refresh_tokens', {
  keyId: text('key_id').primaryKey(),
  sealed: text('sealed'),
  version: bigint('version', { mode: 'number' }).notNull().default(1),
  /** How often it was handed out; a second time only where nothing else is left to try. */
  uses: integer('uses').notNull().default(0),
  changedAt: at('changed_at').notNull().defaultNow(),
})

/** One row for each account's quota: when the next request may be sent, by the clock of the database. */
export const pace = sync.table('pace', {
  keyId: text('key_id').primaryKey(),
  nextAt: at('next_at').notNull(),
  taken: bigint('taken', { mode: 'number' }).notNull().default(0),
  heldUntil: at('held_until'),
  loweredTo: doublePrecision('lowered_to'),
  loweredAt: at('lowered_at'),
})

/** The right to write a resource. `term` only grows; a writer with an older one is refused. */
export const leases = sync.table('leases', {
  resource: text('resource').primaryKey(),
  term: bigint('term', { mode: 'number' }).notNull(),
  holder: text('holder').notNull(),
  backendPid: integer('backend_pid'),
  backendStart: at('backend_start'),
  acquiredAt: at('acquired_at').notNull().defaultNow(),
  expiresAt: at('expires_at').notNull(),
})

/** Where each resource stands. `next_page` is null while no snapshot is under way. */
export const cursors = sync.table('cursors', {
  resource: text('resource').primaryKey(),
  snapshotStartedAt: at('snapshot_started_at'),
  nextPage: integer('next_page'),
  request: jsonb('request'),
  firstCount: integer('first_count'),
  position: text('position'),
  asOf: at('as_of'),
  rows: bigint('rows', { mode: 'number' }),
})

/** The ids each page of the snapshot under way held: what the completeness of a list is judged by. */
export const seenPages = sync.table(
  'seen_pages',
  { resource: text('resource').notNull(), page: integer('page').notNull(), ids: text('ids').array().notNull() },
  (table) => [primaryKey({ columns: [table.resource, table.page] })],
)

export const runs = sync.table(
  'runs',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').notNull(),
    startedAt: at('started_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
    /** Null while it goes on; of a command that was killed, for ever. */
    outcome: text('outcome'),
    holder: text('holder').notNull(),
    version: text('version').notNull(),
    error: text('error'),
    /** The resources the workers are to pull; null for a command, which works through its own by itself. */
    planned: text('planned').array(),
  },
  (table) => [
    // Overlap is ruled out here, whatever a queue does.
    uniqueIndex('runs_one_open_idx')
      .on(table.kind)
      .where(sql`finished_at is null and planned is not null`),
  ],
)

/** What became of each tick of a schedule: a run, or a note why not. The key lets any number of schedulers decide it once. */
export const ticks = sync.table(
  'ticks',
  {
    schedule: text('schedule').notNull(),
    at: at('at').notNull(),
    decidedAt: at('decided_at').notNull().defaultNow(),
    runId: bigint('run_id', { mode: 'number' }),
    note: text('note'),
  },
  (table) => [primaryKey({ columns: [table.schedule, table.at] })],
)

/** One row. A Redis may serve several databases; the id keeps their jobs apart. */
export const installation = sync.table('installation', {
  single: boolean('single').primaryKey().default(true),
  id: text('id')
    .notNull()
    .default(sql`gen_random_uuid()`),
  installedAt: at('installed_at').notNull().defaultNow(),
})

/** What the webhook is to be told. The newest of a subject says what its reader believes. */
export const alerts = sync.table(
  'alerts',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    subject: text('subject').notNull(),
    kind: text('kind').notNull(),
    /** Equal to the one before it: the same news, not told again. */
    fingerprint: text('fingerprint').notNull(),
    body: jsonb('body').notNull(),
    raisedAt: at('raised_at').notNull().defaultNow(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: at('next_attempt_at').notNull().defaultNow(),
    deliveredAt: at('delivered_at'),
    lastError: text('last_error'),
  },
  (table) => [index('alerts_subject_idx').on(table.subject, table.id)],
)

export const runOutcomes = sync.table(
  'run_outcomes',
  {
    runId: bigint('run_id', { mode: 'number' }).notNull(),
    resource: text('resource').notNull(),
    outcome: text('outcome').notNull(),
    startedAt: at('started_at').notNull(),
    finishedAt: at('finished_at').notNull().defaultNow(),
    /** `record-count` of the list as the last page said it; null when there is no list to count. */
    expected: integer('expected'),
    seen: integer('seen').notNull(),
    inserted: integer('inserted').notNull(),
    updated: integer('updated').notNull(),
    unchanged: integer('unchanged').notNull(),
    parked: integer('parked').notNull(),
    pages: integer('pages').notNull(),
    code: text('code'),
    message: text('message'),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.resource] }),
    index('run_outcomes_resource_idx').on(table.resource, table.finishedAt),
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
  },
  (table) => [uniqueIndex('parked_resource_digest_idx').on(table.resource, table.digest)],
)

/** Where the remote differs from the catalog, noted once with a sample of the type. */
export const drift = sync.table(
  'drift',
  {
    resource: text('resource').notNull(),
    member: text('member').notNull(),
    /** `undeclared`, `misfit`, or `refused` (an include, filter or page size the server would not take). */
    kind: text('kind').notNull(),
    sample: text('sample').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.resource, table.member, table.kind] })],
)

/** What this server takes, found by asking, and remembered for a day; for an hour when something was refused. */
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

const mirrored = Object.fromEntries([...catalog.values()].map((resource) => [resource.table, mirrorTable(resource)]))

declare const module: { exports: Record<string, unknown> } | undefined
if (typeof module !== 'undefined') Object.assign(module.exports, mirrored)
