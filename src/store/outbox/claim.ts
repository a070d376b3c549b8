import type { RemoteRecord, Write } from '../../catalog/resource.ts'
/**
 * The changes that wait, and the right to send them. A claim is of whole records, so that each has one change under way at
 * a time (S5). Like a lease it ends at its time, or at once when its holder's database connection is gone, and every
 * taking has a higher term: a late holder settles nothing.
 *
 *   waiting ──claim──► sending ──settle──► sent · superseded · parked · discarded
 *      ▲                  │
 *      └─────release──────┘
 */
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
  /** It left, and what came of it is not settled: it goes on alone and as it is, since it may have arrived. */
  readonly requestedAt: Date | null
  /** Seconds since then, when this was read. */
  readonly silentFor: number | null
  /** Of a creation: the record that it became, noted before its row is touched. */
  readonly answerId: string | null
  /** What ScopeStack answered, and what was decided before, where its row could not be settled with it yet. */
  readonly answer: StoredResponse | null
  /** Of a creation: what it was answered with, in the middle of a sentence, where that says that it is done, and not as what. */
  readonly answeredWith: string | null
  /** Values of parked changes that went into it and may have arrived. */
  readonly inDoubt: { readonly attributes: Members; readonly relationships: Members } | null
  readonly knownIds: readonly string[] | null
  /** Of a parked one: its row shows what ScopeStack holds again. */
  readonly returnedAt: Date | null
}

export interface StoredResponse {
  readonly record: RemoteRecord
  readonly decisions: unknown
}

/** What a record's waiting changes come to. */
export interface Coalesced {
  /** The change that is sent in the place of all; null when there is nothing to send. */
  readonly change: Change | null
  /** Ids of those that went into it. */
  readonly superseded: readonly number[]
}

export interface Claim {
  readonly term: number
  readonly changes: readonly Change[]
}

export interface Outbox {
  /**
   * The oldest changes that may be sent, of one resource, at most one a record.
   *
   * @param fold what is to become of the changes of one record that wait together, in their order, with those that are
   *   parked.
   */
  claim(limit: number, fold: (changes: readonly Change[]) => Coalesced): Promise<Claim>
  renew(term: number): Promise<void>
  /** Gives back whatever of the claim was not settled. */
  release(term: number, how?: { seconds?: number }): Promise<void>
  close(): Promise<void>
}

const CLAIM_SECONDS = 60
export const RENEW_CLAIM_EVERY_MS = 15_000

/**
 * @param holder shown to whoever asks: `host, process 123`.
 * @param presence of this process; without it, one of its own.
 */
export function openOutbox(sql: Database, holder: string, presence?: Presence): Outbox {
  const session = presence ?? openPresence(sql)

  return {
    async claim(limit, fold) {
      const { pid, start } = await session.backend()
      return await transact(sql, async (tx) => {
        const heads = await lockHeads(tx, limit)
        if (heads.length === 0) return { term: 0, changes: [] }
        const [next] = await tx<{ term: number }[]>`select nextval('sync.outbox_term')::int as term`
        const { term } = next!
        const changes = await withRealIds(tx, await foldRecords(tx, heads, fold))
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
      // What left stays as it is: whoever takes it next has to look first.
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

/** Longer than any pause: one that ends later is of a database's clock that was set back since. */
const NO_PAUSE = '2 hours'

/** Of changes `o`: put off, to a time that is still to come. */
export const isPostponed = (sql: Database | Transaction) =>
  sql`(o.not_before is not null and o.not_before > now() and o.not_before <= now() + ${NO_PAUSE}::interval)`

/** The first unsettled change of each record, where nothing is in its way. */
async function lockHeads(tx: Transaction, limit: number): Promise<Change[]> {
  // In the order of the index, and no further than it must.
  await tx`select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true)`
  const ready = tx`
    o.state in ('waiting', 'sending') and not ${isPostponed(tx)} and sync.may_be_sent(o)`
  return await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where ${ready} and o.resource = (select o.resource from sync.outbox o where ${ready} order by o.id limit 1)
    order by o.id limit ${limit} for update of o skip locked`
}

async function foldRecords(
  tx: Transaction,
  heads: readonly Change[],
  fold: (changes: readonly Change[]) => Coalesced,
): Promise<Change[]> {
  // What was interrupted goes on alone and as it was: it may have arrived.
  const interrupted = heads.filter(({ state }) => state === 'sending')
  const fresh = heads.filter(({ state }) => state === 'waiting')
  const together = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where record_id = any(${arrayLiteral(fresh.map(({ recordId }) => recordId))}::text[])
      and resource = ${fresh[0]?.resource ?? ''} and state in ('waiting', 'parked')
    order by id for update`
  // An older one that was taken up again may have been seen while another worker took the newer: that one is under way.
  const sending = await tx<{ id: string }[]>`
    select record_id as id from sync.outbox
    where record_id = any(${arrayLiteral(fresh.map(({ recordId }) => recordId))}::text[])
      and resource = ${fresh[0]?.resource ?? ''} and state = 'sending'`
  const taken = new Set(sending.map(({ id }) => id))
  const changes = [...interrupted]
  for (const [recordId, those] of Map.groupBy(together, (change) => change.recordId)) {
    if (taken.has(recordId)) continue
    if (those.length === 1) changes.push(those[0]!)
    else {
      const { change, superseded } = fold(those)
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

/** As text: the same whatever the connection's own way with JSON is. What jsonb does not hold is written as the mirror does. */
export const jsonbValue = (tx: Database | Transaction, value: unknown) => tx`${encodeJson(value ?? null)}::text::jsonb`

export const changeColumns = (tx: Database | Transaction) => tx`
  o.id::float8 as id, o.resource, o.record_id as "recordId", o.op, o.attributes, o.relationships, o.base, o.state, o.attempts,
  o.requested_at as "requestedAt", extract(epoch from clock_timestamp() - o.requested_at)::float8 as "silentFor",
  o.answer_id as "answerId", case when o.answer ? 'record' then o.answer end as answer, o.answer ->> 'why' as "answeredWith", o.in_doubt as "inDoubt", array_to_json(o.known_ids) as "knownIds", o.returned_at as "returnedAt"`
