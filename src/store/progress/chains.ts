/**
 * The chains of a shared list: which reader has which, and where each stands. The id ranges of two chains never overlap: a
 * chain holds what lies above the `top` of the chain below it, down to which it reads (`remote/pages/shared-pages.ts`).
 *
 *   free ── take ──► read ── advance, in the transaction of its pages ──► next = 0: ended
 *    ▲                │ └─ split: an idle reader inserts a chain half way down, under the lock of the one that is split
 *    └── its reader was ended
 *
 * What lies below a chain changes only under the lock of that chain's own row. So a transaction that has locked the row, and
 * finds the neighbour it knew, writes no record that the chain below writes too.
 */
import { leaseLost } from '../../errors/resources.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { untilExpiry, type MembersShown, type Reader } from './shared-list.ts'

export interface ChainRow {
  readonly first: number
  /** 0: it has ended. */
  readonly next: number
  readonly top: string | null
}

/** The chain below, as far as it is known. */
export interface Below {
  readonly first: number
  /** Null: its first page is not written yet. */
  readonly top: string | null
}

/** By the `first` of each chain; undefined for the lowest. */
export type Belows = ReadonlyMap<number, Below | undefined>

/** A chain got another neighbour since it was looked at: what is to be written has to be chosen again. */
export class ChainsMoved extends Error {}

const isFree = (sql: Database | Transaction) => sql`
  (c.reader is null or not exists (
    select from sync.readers r where r.resource = c.resource and r.id = c.reader and r.ended_at is null))`

const isOurs = (sql: Database | Transaction, { id }: Reader) =>
  sql`exists (select from sync.readers r where r.id = ${id} and r.ended_at is null)`

/** A chain that no one reads. */
export async function takeFreeChain(sql: Database, reader: Reader): Promise<ChainRow | undefined> {
  const { resource, id } = reader
  const [row] = await sql<ChainRow[]>`
    update sync.chains set reader = ${id}
    where resource = ${resource} and ${isOurs(sql, reader)} and first = (
      select first from sync.chains c where resource = ${resource} and next > 0 and ${isFree(sql)}
      order by next desc limit 1 for update skip locked)
    returning first, next, top`
  return row
}

/** Frees chains that a reader was given without knowing it, since the response was lost. @param known those it has got. */
export async function giveBackUnknown(sql: Database, { resource, id }: Reader, known: Iterable<number>): Promise<void> {
  await sql`
    update sync.chains set reader = null
    where resource = ${resource} and reader = ${id} and next > 0
      and first <> all(${arrayLiteral([...known].map(String))}::int[])`
}

/** Takes the lower half of the longest chain, however far its own reader has got meanwhile. */
export async function splitLongestChain(sql: Database, reader: Reader, atLeast: number): Promise<ChainRow | undefined> {
  const { resource, id } = reader
  const [taken] = (await sql.begin(async (tx) => {
    const [longest] = await tx<{ first: number; next: number }[]>`
      select c.first, c.next from sync.chains c
      left join lateral (${belowOf(tx)}) b on true
      where c.resource = ${resource} and c.next - coalesce(b.first, 0) >= ${atLeast}
      order by c.next - coalesce(b.first, 0) desc limit 1 for update of c skip locked`
    if (longest === undefined) return []
    // Only now is it certain what lies below.
    const { first, next } = longest
    return await tx<ChainRow[]>`
      insert into sync.chains (resource, first, next, reader)
      select ${resource}, m, m, ${id} from (
        select coalesce(b.first, 0) + (${next}::int - coalesce(b.first, 0)) / 2 as m, coalesce(b.first, 0) as floor
        from sync.chains c left join lateral (${belowOf(tx)}) b on true
        where c.resource = ${resource} and c.first = ${first}) half
      where m > floor and m < ${next} and ${isOurs(tx, reader)}
      on conflict do nothing returning first, next, top`
  })) as ChainRow[]
  return taken
}

const belowOf = (sql: Database | Transaction) => sql`
  select b.first, b.top from sync.chains b where b.resource = c.resource and b.first < c.first order by b.first desc limit 1`

export async function countOpenChains(sql: Database, { resource }: Reader): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from sync.chains where resource = ${resource} and next > 0`
  return row!.n
}

/** What lies below each chain of a reader that has not ended. @param also below these, even if they have. */
export async function readBelows(
  sql: Database | Transaction,
  { resource, id }: Reader,
  also: readonly number[] = [],
): Promise<Belows> {
  const rows = await sql<{ first: number; below: number | null; top: string | null }[]>`
    select c.first, b.first as below, b.top from sync.chains c left join lateral (${belowOf(sql)}) b on true
    where c.resource = ${resource} and c.reader = ${id}
      and (c.next > 0 or c.first = any(${arrayLiteral(also.map(String))}::int[]))`
  return new Map(rows.map(({ first, below, top }) => [first, below === null ? undefined : { first: below, top }]))
}

/** Removes the chain below, where no one has begun it: then the one above reads its pages, too. */
export async function absorbBelow(sql: Database, { resource }: Reader, first: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select from sync.chains where resource = ${resource} and first = ${first} for update`
    await tx`
      delete from sync.chains c where resource = ${resource} and top is null and ${isFree(tx)}
        and first = (select max(first) from sync.chains b where b.resource = ${resource} and b.first < ${first})`
  })
}

/** What the pages of a batch have shown. */
export interface ReaderProgress {
  readonly records: number
  readonly pages: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly kept: number
  readonly steady: boolean
  readonly full: boolean
  readonly fresh: number
  readonly parsedAll: boolean
  /** Undefined when they are as they were saved before. */
  readonly members: MembersShown | undefined
}

/**
 * The last part of the transaction that writes the pages: proves the reader and its chains, and moves them on.
 *
 * @param known what the caller took to lie below each of them, by which it chose what to write.
 * @returns what lies below all chains of the reader.
 * @throws SyncError SYNC_LEASE_LOST when one of them is another reader's; ChainsMoved.
 */
export async function advanceChains(
  tx: LeasedTransaction,
  { reader, term }: { readonly reader: Reader; readonly term: number },
  chains: readonly ChainRow[],
  known: Belows,
  { members, ...shown }: ReaderProgress,
): Promise<Belows> {
  const { resource, id } = reader
  const own = chains.map(({ first }) => first)
  // While a chain below has no top, its first page must not be written at the same time.
  const unbegun = own.flatMap((first) => (known.get(first)?.top === null ? [known.get(first)!.first] : []))
  const [locked, belows, proved] = await Promise.all([
    // In one order, or two readers would wait for each other.
    tx<{ first: number; reader: number | null }[]>`
      select first, reader::int from sync.chains
      where resource = ${resource} and first = any(${arrayLiteral([...own, ...unbegun].map(String))}::int[])
      order by first desc for update`,
    // A chain has ended already where this runs again because the response to COMMIT was lost.
    readBelows(tx, reader, own),
    tx`
      update sync.readers set expires_at = ${untilExpiry(tx)}, records = records + ${shown.records},
        pages = pages + ${shown.pages}, inserted = inserted + ${shown.inserted}, updated = updated + ${shown.updated},
        unchanged = unchanged + ${shown.unchanged}, kept = kept + ${shown.kept}, steady = steady and ${shown.steady}, "full" = "full" and ${shown.full},
        fresh = fresh + ${shown.fresh}, parsed_all = parsed_all and ${shown.parsedAll},
        members = ${members === undefined ? tx`members` : tx.json(members as never)}
      where id = ${id} and ended_at is null`,
    tx`
      update sync.chains c set next = s.next, top = s.top
      from jsonb_to_recordset(${JSON.stringify(chains)}::text::jsonb) as s(first int, next int, top text)
      where c.resource = ${resource} and c.first = s.first and c.reader = ${id}`,
  ])
  const ours = new Set(locked.filter((one) => one.reader === id).map(({ first }) => first))
  if (proved.count !== 1 || !own.every((first) => ours.has(first))) throw leaseLost({ resource, term })
  for (const first of own) {
    const [before, now] = [known.get(first), belows.get(first)]
    if (before?.first !== now?.first || before?.top !== now?.top) throw new ChainsMoved()
  }
  return belows
}
