/**
 * What tests know of sync.outbox: its columns and states, and how a change gets from one state to the next without a wait. Tests
 * read and change that table by these functions, so that another form of it needs another text of this file only.
 *
 * Statements elsewhere are about the SQL interface, or about the table as such:
 * - test/integration/push/editors.test.ts: what roles may do with it
 * - test/integration/push/edit-settings.test.ts: what triggers note under settings of a session, read in the same session
 * - test/integration/postgres/plans.test.ts: its statistics · test/integration/mirror/capture.test.ts: one transaction notes 50,000
 * - push/{outbox,deadlocks}.test.ts: locks on it, and a trigger that makes a statement on it lose a race
 * - test/integration/mirror/refused-values.test.ts: what an older schema holds, and what a migration leaves of it
 * - test/integration/postgres/restored.test.ts, test/system/terminal/secrets-quoted.test.ts: whole rows, whatever they hold
 */
import { OPEN, STATES, wordOf } from '../../../src/store/changes/states.ts'
import type { Transaction } from '../../../src/store/connection/database.ts'
import { holdPush } from './fleet.ts'
import { readerOf, type Sql, type Where } from './table-reader.ts'

const IS_OPEN = `state in (${OPEN.map((state) => `'${state}'`).join(', ')})`
const isOpen = (sql: Sql) => sql.unsafe(IS_OPEN)

/** A change as tests see it. */
export interface Change {
  readonly id: number
  readonly resource: string
  readonly recordId: string
  readonly op: string
  readonly attributes: Record<string, unknown>
  readonly relationships: Record<string, unknown>
  readonly base: Record<string, unknown>
  /** Local ids that it refers to. */
  readonly refs: readonly string[]
  readonly madeBy: string
  /** As people read it. */
  readonly state: string
  /** As the table has it. */
  readonly exactState: string
  /** On its way: neither sent nor parked nor given up. */
  readonly isOpen: boolean
  readonly attempts: number
  readonly code: string | null
  readonly reason: string | null
  readonly errors: unknown
  readonly decisions: unknown
  readonly supersededBy: number | null
  /** Seconds until it may be sent again. */
  readonly pause: number | null
  /** Seconds since its last request left; null if none did, or if it is known not to have arrived. */
  readonly requestedAgo: number | null
  /** Values that may have arrived are kept with it. */
  readonly isInDoubt: boolean
  /** Its row shows again what ScopeStack holds. */
  readonly isReturned: boolean
}

/** Changes in the order in which they were made. */
export const readChanges = readerOf<Change>(
  'sync.outbox',
  {
    id: 'id::float8',
    resource: 'resource',
    recordId: 'record_id',
    op: 'op',
    attributes: 'attributes',
    relationships: 'relationships',
    base: 'base',
    refs: 'array_to_json(refs)',
    madeBy: 'made_by',
    state: `case ${STATES.map((state) => `when state = '${state}' then '${wordOf(state)}'`).join(' ')} end`,
    exactState: 'state',
    isOpen: IS_OPEN,
    attempts: 'attempts',
    code: 'code',
    reason: 'reason',
    errors: 'errors',
    decisions: 'decisions',
    supersededBy: 'superseded_by::float8',
    pause: 'extract(epoch from not_before - now())::float8',
    requestedAgo: 'extract(epoch from now() - requested_at)::float8',
    isReturned: 'returned_at is not null',
    isInDoubt: 'in_doubt is not null',
  },
  'outbox.id',
)

/** What became of each: `{op, state, code}`. */
export const readOutcomes = (sql: Sql): Promise<Pick<Change, 'op' | 'state' | 'code'>[]> =>
  readChanges(sql, ['op', 'state', 'code'])

export const readStates = async (sql: Sql): Promise<string[]> =>
  (await readChanges(sql, ['state'])).map(({ state }) => state)

/** The newest change, or that of a state. */
export async function newestId(sql: Sql, where: Where<Change> = {}): Promise<number> {
  return (await readChanges(sql, ['id'], where)).at(-1)!.id
}

export const countOpen = async (sql: Sql): Promise<number> => (await readChanges(sql, [], { isOpen: true })).length

export const emptyOutbox = (sql: Sql): Promise<unknown> => sql`truncate sync.outbox`

/** No open change waits for its time any more; as if requests of it had left so many seconds earlier. */
export const makeDue = (sql: Sql, requestedEarlier = 0): Promise<unknown> => sql`
  update sync.outbox set not_before = null, requested_at = requested_at - make_interval(secs => ${requestedEarlier})
  where ${isOpen(sql)}`

/** As if open changes had been made so much earlier. All rows at once would lock them in another order than a worker that sends. */
export const makeEarlier = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.outbox set made_at = made_at - ${by}::interval where ${isOpen(sql)}`

/** As if the clock by which their times were set had been so many seconds ahead. */
export const setClockAhead = (sql: Sql, seconds: number): Promise<unknown> => sql`
  update sync.outbox set not_before = not_before + make_interval(secs => ${seconds}),
    requested_at = requested_at + make_interval(secs => ${seconds})`

/** Waiting changes are being sent by a worker that lives. */
export async function sendAll(sql: Sql): Promise<void> {
  await holdPush(sql)
  await sql`update sync.outbox set state = 'in_flight', requested_at = now() where state = 'waiting'`
}

/** No worker settles a change until the transaction ends. */
export const lockChanges = (tx: Transaction): Promise<unknown> => tx`select from sync.outbox for update`

export const setAttempts = (sql: Sql, attempts: number): Promise<unknown> => sql`
  update sync.outbox set attempts = ${attempts}`

/** Adds to what an update will send. */
export const addAttributes = (sql: Sql, attributes: Record<string, string>): Promise<unknown> => sql`
  update sync.outbox set attributes = attributes || ${JSON.stringify(attributes)}::text::jsonb where state = 'waiting'`

/** As if a push had parked them. */
export const parkAll = (sql: Sql, { code }: { code: string }): Promise<unknown> => sql`
  update sync.outbox set state = 'parked', code = ${code}, settled_at = now(), requested_at = null,
    in_doubt = case when state = 'lost' then jsonb_build_object('attributes', attributes, 'relationships', relationships) end`

export const parkOf = (sql: Sql, resource: string): Promise<unknown> => sql`
  update sync.outbox set state = 'parked' where resource = ${resource}`

/** Parked, and their rows show what ScopeStack holds. */
export const parkReturned = (sql: Sql): Promise<unknown> => sql`
  update sync.outbox set state = 'parked', returned_at = now()`

/** A person has parked ones tried again. */
export const retryParked = (sql: Sql): Promise<unknown> => sql`
  update sync.outbox set state = 'waiting' where state = 'parked'`

export const discardCreates = (sql: Sql): Promise<unknown> => sql`
  update sync.outbox set state = 'discarded' where op = 'create'`

/** The change of a record was settled so many days ago. */
export const settleDaysAgo = (
  sql: Sql,
  recordId: string,
  state: 'sent' | 'parked',
  days: number,
): Promise<unknown> => sql`
  update sync.outbox set state = ${state}, settled_at = now() - make_interval(days => ${days}) where record_id = ${recordId}`

/** Those that are parked were parked two minutes earlier. */
export const parkEarlier = (sql: Sql): Promise<unknown> => sql`
  update sync.outbox set settled_at = settled_at - interval '2 minutes' where state = 'parked'`

/** An update was tried, and is tried again in five minutes. */
export const postponeUpdates = (sql: Sql, reason: string): Promise<unknown> => sql`
  update sync.outbox set not_before = now() + interval '5 minutes', reason = ${reason} where op = 'update'`

/**
 * A lost create is looked for after 2 s, in which a push may not be over on a machine that is busy: from now on after minutes.
 * The trigger stays, so of a database that is dropped.
 */
export const postponeLookups = (sql: Sql): Promise<unknown> =>
  sql.unsafe(`
    create function public.postpone() returns trigger language plpgsql
      as $$ begin new.not_before := now() + interval '5 minutes'; return new; end $$;
    create trigger postpone before update on sync.outbox for each row
      when (new.op = 'create' and new.not_before is not null and new.not_before is distinct from old.not_before) execute function public.postpone()`)

/** Updates of the city of a vendor, one after the other. */
export const insertEdits = (sql: Sql, vendor: string, count: number): Promise<unknown> => sql`
  insert into sync.outbox (resource, record_id, op, attributes, base, made_by, txid)
  select 'vendors', ${vendor}, 'update', jsonb_build_object('city', n::text), '{"attributes": {"city": null}}', 'test', 1
  from generate_series(1, ${count}::int) as n`

/** A new row whose request is being sent. */
export const insertCreateInFlight = (sql: Sql, resource: string, attributes: string): Promise<unknown> => sql`
  insert into sync.outbox (resource, record_id, op, attributes, made_by, txid, state, requested_at)
  values (${resource}, 'local-' || gen_random_uuid(), 'create', ${attributes}::text::jsonb, 'test', 1, 'in_flight', now())`

/** Updates that wait, of records with these numbers. */
export const insertUpdates = (sql: Sql, resource: string, from: number, to: number): Promise<unknown> => sql`
  insert into sync.outbox (resource, record_id, op, made_by, txid)
  select ${resource}, n::text, 'update', 'x', 1 from generate_series(${from}::int, ${to}::int) n`

/** Updates of projects that were sent, as they are kept for 90 days; and beside them a few of each state. */
export async function fillOutbox(sql: Sql, sent: number): Promise<void> {
  await sql`
    insert into sync.outbox (resource, record_id, op, made_by, txid, state, settled_at, noted_at)
    select 'projects', n::text, 'update', 'x', 1, 'sent', now() - interval '1 hour', now() from generate_series(1, ${sent}::int) n`
  await sql`
    insert into sync.outbox (resource, record_id, op, attributes, base, made_by, txid, state, settled_at, code)
    select 'projects', n::text, 'update', '{"project-name": "a"}', '{"attributes": {"project-name": "b"}}', 'x', 1, s.state,
      case when s.state <> 'waiting' then now() - interval '1 hour' end, case when s.state = 'parked' then 'SYNC_PUSH_CONFLICT' end
    from generate_series(1, 20) n, unnest('{waiting, parked, sent}'::text[]) s (state)`
}

/** Postgres takes no change of this city as sent, until the result is called. */
export async function refuseSent(sql: Sql, city: string): Promise<() => Promise<unknown>> {
  await sql.unsafe(
    `alter table sync.outbox add constraint no_such_city check (state <> 'sent' or attributes ->> 'city' <> '${city}')`,
  )
  return () => sql`alter table sync.outbox drop constraint no_such_city`
}
