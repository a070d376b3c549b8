/**
 * The outbox: local edits on their way to ScopeStack, one row a change. Triggers write the row in the transaction of the
 * edit (store/schema/capture-triggers.ts), so an edit is never without its change. A worker claims changes, sends them, and
 * settles each in one transaction with its mirrored row.
 *
 *             ┌── release, postpone ──┐
 *             ▼                       │
 *   edit ► waiting ───── claim ───► sending ─── settle ──► sent        ScopeStack accepted it
 *             ▲                       │                    superseded  coalesced, or nothing was left to send
 *             └─── retry ── parked ◄──┤
 *                             │       └─ discard ────────► discarded   a person gave it up
 *                             └───────── discard ───────►
 *
 * `requested_at` is written before the request leaves. A change with it stays `sending` when its claim ends: it may have
 * arrived, so it is never coalesced, and the next worker reads ScopeStack before it sends anything.
 *
 * A claim is the right to send. It covers a record: one change of a record is under way at a time (S5). It ends at
 * `claim_until`, or at once when the database session of its holder is gone; every claim has a higher term, and each write
 * proves its term. So a late holder settles nothing.
 *
 *   failure                       what is left                        what the next worker does
 *   killed before the send        sending, no requested_at            claims it again and sends it alone
 *   killed after the send,        sending, requested_at               reads the record; sends only what is missing. A create is
 *   or the response was lost                                          looked for by its natural key, and parked where that
 *                                                                     cannot tell (SYNC_PUSH_UNKNOWN)
 *   the response came, but the    sending, answer                     settles with the stored response; sends nothing
 *   row could not be written
 *   database gone before the send nothing was noted                   the send is not made; the claim ends, as when killed
 *   database gone after it        sending, requested_at               as when the response was lost
 */
import type { RemoteRecord, Write } from '../../catalog/resource.ts'
import { UNANSWERED } from '../../errors/codes/changes.ts'
import { transact, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { openPresence, type Presence } from '../fleet/presence.ts'
import { encodeJson } from '../mirror/codec.ts'
import { resolveLocalIds } from './local-ids.ts'

export type State = 'waiting' | 'sending' | 'sent' | 'superseded' | 'parked' | 'discarded'

type Members = Readonly<Record<string, unknown>>

export interface Change {
  readonly id: number
  readonly resource: string
  readonly recordId: string
  readonly op: Write
  readonly attributes: Members
  readonly relationships: Members
  readonly base: { readonly attributes?: Members; readonly relationships?: Members }
  readonly state: State
  readonly attempts: number
  /** When the request left, until the change is settled: it may have arrived, so it is sent on alone and unaltered. */
  readonly requestedAt: Date | null
  /** Seconds since `requestedAt`, when this was read. */
  readonly silentFor: number | null
  /** Of a create: the id of the record in ScopeStack, stored before the row is touched. */
  readonly answerId: string | null
  /** The stored response, with the decisions before it, where the row could not be settled with it yet. */
  readonly answer: StoredResponse | null
  /** Of a create whose response says that it is done but not as which record: that response, as a part of a sentence. */
  readonly answeredWith: string | null
  /** Values of parked changes that went into it and may have arrived. */
  readonly inDoubt: { readonly attributes: Members; readonly relationships: Members } | null
  readonly knownIds: readonly string[] | null
  /** Of a parked change: since when its row shows again what ScopeStack holds. */
  readonly returnedAt: Date | null
}

export interface StoredResponse {
  readonly record: RemoteRecord
  readonly decisions: unknown
}

/** What the waiting changes of a record are coalesced to. */
export interface Coalesced {
  /** The change that is sent in their place; null when there is nothing to send. */
  readonly change: Change | null
  /** Ids of the changes that went into it. */
  readonly superseded: readonly number[]
}

export interface Claim {
  readonly term: number
  readonly changes: readonly Change[]
}

export interface Outbox {
  /**
   * Claims the oldest changes that may be sent, of one resource, at most one of each record.
   *
   * @param coalesce gets the waiting and parked changes of one record, in their order.
   */
  claim(limit: number, coalesce: (changes: readonly Change[]) => Coalesced): Promise<Claim>
  renew(term: number): Promise<void>
  /** Gives up the changes of the claim that are not settled. @param seconds until they may be claimed again. */
  release(term: number, options?: { seconds?: number }): Promise<void>
  close(): Promise<void>
}

const CLAIM_SECONDS = 60
export const RENEW_CLAIM_EVERY_MS = 15_000

/**
 * @param holder shown to people: `host, process 123`.
 * @param presence the session of this process; by default the outbox opens its own.
 */
export function openOutbox(sql: Database, holder: string, presence?: Presence): Outbox {
  const session = presence ?? openPresence(sql)

  return {
    async claim(limit, coalesce) {
      const { pid, start } = await session.backend()
      return await transact(sql, async (tx) => {
        const heads = await lockHeads(tx, limit)
        if (heads.length === 0) return { term: 0, changes: [] }
        const [next] = await tx<{ term: number }[]>`select nextval('sync.outbox_term')::int as term`
        const { term } = next!
        const changes = await withRealIds(tx, await coalesceRecords(tx, heads, coalesce))
        await tx`
          update sync.outbox set state = 'sending', term = ${term}, claimed_by = ${holder}, claim_pid = ${pid},
            claim_start = ${start}, claim_until = now() + make_interval(secs => ${CLAIM_SECONDS}),
            not_before = null, requested_at = case when requested_at > now() then now() else requested_at end, code = case when op = 'create' and requested_at is not null then ${UNANSWERED} else code end
          where id = any(${idList(changes)}::bigint[])`
        return { term, changes }
      })
    },

    async renew(term) {
      await sql`
        update sync.outbox set claim_until = now() + make_interval(secs => ${CLAIM_SECONDS})
        where term = ${term} and state = 'sending' and claim_until > now()`
    },

    async release(term, { seconds = 0 } = {}) {
      // A request that left keeps the change in `sending`: the next worker has to read ScopeStack first.
      await sql`
        update sync.outbox set state = case when requested_at is null then 'waiting' else 'sending' end,
          claim_until = '-infinity', claim_pid = null, not_before = now() + make_interval(secs => ${seconds})
        where term = ${term} and state = 'sending' and claim_until > '-infinity'`
    },

    async close() {
      if (presence === undefined) await session.close()
    },
  }
}

/** Longer than any pause. A pause that ends later comes from a database clock that was set back since. */
const LONGER_THAN_ANY_PAUSE = '2 hours'

/** Of changes `o`: postponed to a time in the future. */
export const isPostponed = (sql: Database | Transaction) =>
  sql`(o.not_before is not null and o.not_before > now() and o.not_before <= now() + ${LONGER_THAN_ANY_PAUSE}::interval)`

/** Locks the first unsettled change of each record that nothing blocks. */
async function lockHeads(tx: Transaction, limit: number): Promise<Change[]> {
  // The plan has to follow the index, and stop at the limit.
  await tx`select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true)`
  const ready = tx`
    o.state in ('waiting', 'sending') and not ${isPostponed(tx)} and sync.may_be_sent(o)`
  return await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where ${ready} and o.resource = (select o.resource from sync.outbox o where ${ready} order by o.id limit 1)
    order by o.id limit ${limit} for update of o skip locked`
}

async function coalesceRecords(
  tx: Transaction,
  heads: readonly Change[],
  coalesce: (changes: readonly Change[]) => Coalesced,
): Promise<Change[]> {
  // An interrupted change is sent on alone and unaltered: it may have arrived.
  const interrupted = heads.filter(({ state }) => state === 'sending')
  const fresh = heads.filter(({ state }) => state === 'waiting')
  const together = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where record_id = any(${arrayLiteral(fresh.map(({ recordId }) => recordId))}::text[])
      and resource = ${fresh[0]?.resource ?? ''} and state in ('waiting', 'parked')
    order by id for update`
  // While this worker waited for an older change, another one may have claimed a newer change of the record.
  const sending = await tx<{ id: string }[]>`
    select record_id as id from sync.outbox
    where record_id = any(${arrayLiteral(fresh.map(({ recordId }) => recordId))}::text[])
      and resource = ${fresh[0]?.resource ?? ''} and state = 'sending'`
  const claimed = new Set(sending.map(({ id }) => id))
  const changes = [...interrupted]
  for (const [recordId, those] of Map.groupBy(together, (change) => change.recordId)) {
    if (claimed.has(recordId)) continue
    if (those.length === 1) changes.push(those[0]!)
    else {
      const { change, superseded } = coalesce(those)
      await supersede(tx, superseded, change?.id ?? null)
      if (change === null) continue
      await rewrite(tx, change)
      changes.push(change)
    }
  }
  return changes.sort((a, b) => a.id - b.id)
}

const supersede = (tx: Transaction, ids: readonly number[], by: number | null) => tx`
  update sync.outbox set state = 'superseded', superseded_by = ${by}, settled_at = now()
  where id = any(${`{${ids.join(',')}}`}::bigint[])`

const rewrite = (tx: Transaction, { id, op, attributes, relationships, base, inDoubt }: Change) => tx`
  update sync.outbox set op = ${op}, attributes = ${jsonbValue(tx, attributes)}, relationships = ${jsonbValue(tx, relationships)},
    base = ${jsonbValue(tx, base)}, in_doubt = ${inDoubt === null ? null : jsonbValue(tx, inDoubt)},
    refs = (select sync.local_refs(k.columns, ${jsonbValue(tx, attributes)}, ${jsonbValue(tx, relationships)})
      from sync.captured k where k.type = resource)
  where id = ${id}`

async function withRealIds(tx: Transaction, changes: readonly Change[]): Promise<Change[]> {
  const resolved = await resolveLocalIds(
    tx,
    changes.map(({ id }) => id),
  )
  if (resolved.size === 0) return [...changes]
  const now = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o where o.id = any(${idList(changes)}::bigint[]) order by o.id`
  return [...now]
}

const idList = (changes: readonly Change[]): string => `{${changes.map(({ id }) => id).join(',')}}`

/** Sent as text, so that the driver's JSON handling does not matter; encoded as in the mirror. */
export const jsonbValue = (tx: Database | Transaction, value: unknown) => tx`${encodeJson(value ?? null)}::text::jsonb`

export const changeColumns = (tx: Database | Transaction) => tx`
  o.id::float8 as id, o.resource, o.record_id as "recordId", o.op, o.attributes, o.relationships, o.base, o.state, o.attempts,
  o.requested_at as "requestedAt", extract(epoch from clock_timestamp() - o.requested_at)::float8 as "silentFor",
  o.answer_id as "answerId", case when o.answer ? 'record' then o.answer end as answer, o.answer ->> 'why' as "answeredWith", o.in_doubt as "inDoubt", array_to_json(o.known_ids) as "knownIds", o.returned_at as "returnedAt"`
