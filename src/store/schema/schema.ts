/**
 * Every table, for drizzle-kit: the mirror's from the catalog, and the bookkeeping tables in schema `sync`.
 *
 * drizzle-kit loads this as CommonJS and reads the exports one by one; tables that a loop creates can only be exported by hand,
 * at the end.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { catalog } from '../../catalog/registry.ts'
import { mirrorTable } from './mirror-tables.ts'
import { at, sync } from './sync-schema.ts'

export { mirror } from './mirror-tables.ts'
export { captured, localIds, outbox } from './outbox-tables.ts'
export { sync } from './sync-schema.ts'

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
  /** How often it was used; a second time only as the last resort. */
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

/** The lease of each resource. `term` only grows; a writer with an older one fails. */
export const leases = sync.table('leases', {
  resource: text('resource').primaryKey(),
  term: bigint('term', { mode: 'number' }).notNull(),
  holder: text('holder').notNull(),
  backendPid: integer('backend_pid'),
  backendStart: at('backend_start'),
  acquiredAt: at('acquired_at').notNull().defaultNow(),
  expiresAt: at('expires_at').notNull(),
})

export const runs = sync.table(
  'runs',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').notNull(),
    startedAt: at('started_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
    /** Null while it runs, and for ever of a command that was killed. */
    outcome: text('outcome'),
    holder: text('holder').notNull(),
    version: text('version').notNull(),
    error: text('error'),
    /** The resources that workers are to pull; null for a command, which pulls its resources itself. */
    planned: text('planned').array(),
    /** Of a backfill: its other options. */
    options: jsonb('options'),
  },
  (table) => [
    // Two open runs of a kind are impossible, whatever a queue does.
    uniqueIndex('runs_one_open_idx')
      .on(table.kind)
      .where(sql`finished_at is null and planned is not null`),
    index('runs_ended_idx')
      .on(table.kind, table.id)
      .where(sql`finished_at is not null and planned is not null`),
    index('runs_well_idx')
      .on(table.kind, table.finishedAt)
      .where(sql`outcome in ('ok', 'forbidden')`),
  ],
)

/** The decision on each tick of a schedule: a run, or a note why not. The key lets any number of schedulers decide it once. */
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

/** The last requests to ScopeStack of all processes: the newest thousand. */
export const requests = sync.table('requests', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  holder: text('holder').notNull(),
  at: at('at').notNull(),
  method: text('method').notNull(),
  path: text('path').notNull(),
  /** Null where no response came. */
  status: integer('status'),
  code: text('code'),
  ms: integer('ms').notNull(),
  bytes: bigint('bytes', { mode: 'number' }),
  attempt: integer('attempt').notNull(),
  waitedMs: integer('waited_ms').notNull(),
  /** For whom: null of what is sent outside a run, such as a local edit. */
  runId: bigint('run_id', { mode: 'number' }),
  /** Null where it is for no one resource. */
  resource: text('resource'),
})

/** One row for each schedule that a person has paused: its ticks make no runs. */
export const pausedSchedules = sync.table('paused_schedules', {
  schedule: text('schedule').primaryKey(),
  pausedAt: at('paused_at').notNull().defaultNow(),
})

/** One row for each process of `start`, with its last heartbeat. */
export const processes = sync.table('processes', {
  id: text('id').primaryKey(),
  holder: text('holder').notNull(),
  version: text('version').notNull(),
  parts: text('parts').array().notNull(),
  startedAt: at('started_at').notNull().defaultNow(),
  seenAt: at('seen_at').notNull().defaultNow(),
  /** To Postgres, at its last heartbeat; null of a release that did not say. */
  connections: integer('connections'),
})

/** One row. A Redis may serve several databases; the id keeps their jobs apart. */
export const installation = sync.table('installation', {
  single: boolean('single').primaryKey().default(true),
  id: text('id')
    .notNull()
    .default(sql`gen_random_uuid()`),
  installedAt: at('installed_at').notNull().defaultNow(),
})

/** Alerts for the webhook. The newest of a subject is what its reader knows. */
export const alerts = sync.table(
  'alerts',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    subject: text('subject').notNull(),
    kind: text('kind').notNull(),
    /** Equal to the fingerprint of the alert before: a repetition, which is not sent. */
    fingerprint: text('fingerprint').notNull(),
    body: jsonb('body').notNull(),
    raisedAt: at('raised_at').notNull().defaultNow(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: at('next_attempt_at').notNull().defaultNow(),
    /** By all ways of sending. */
    deliveredAt: at('delivered_at'),
    /** Those that have taken it: `webhook`, `email`. */
    deliveredTo: text('delivered_to')
      .array()
      .notNull()
      .default(sql`'{}'`),
    lastError: text('last_error'),
  },
  (table) => [
    index('alerts_subject_idx').on(table.subject, table.id),
    // Each process looks every few seconds for what is to be sent, and alerts are kept for 90 days.
    index('alerts_unsent_idx')
      .on(table.id)
      .where(sql`delivered_at is null`),
  ],
)

export const runOutcomes = sync.table(
  'run_outcomes',
  {
    runId: bigint('run_id', { mode: 'number' }).notNull(),
    resource: text('resource').notNull(),
    outcome: text('outcome').notNull(),
    startedAt: at('started_at').notNull(),
    finishedAt: at('finished_at').notNull().defaultNow(),
    /** `record-count` of the list on its last page; null without a list to count. */
    expected: integer('expected'),
    seen: integer('seen').notNull(),
    inserted: integer('inserted').notNull(),
    updated: integer('updated').notNull(),
    unchanged: integer('unchanged').notNull(),
    deleted: integer('deleted').notNull().default(0),
    parked: integer('parked').notNull(),
    pages: integer('pages').notNull(),
    code: text('code'),
    message: text('message'),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.resource] }),
    index('run_outcomes_resource_idx').on(table.resource, table.finishedAt),
    index('run_outcomes_ok_idx')
      .on(table.resource, table.finishedAt)
      .where(sql`outcome = 'ok'`),
  ],
)

const mirrored = Object.fromEntries([...catalog.values()].map((resource) => [resource.table, mirrorTable(resource)]))

declare const module: { exports: Record<string, unknown> } | undefined
if (typeof module !== 'undefined') Object.assign(module.exports, mirrored)
