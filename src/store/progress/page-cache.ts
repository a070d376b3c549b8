/**
 * The page cache: what each page held when it was last loaded, so that an unchanged page is neither parsed nor loaded again. An
 * entry is valid only while the mirror still holds what was loaded: each row is there, living, unchanged since, and its
 * digest was not cleared.
 */
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'

/** By what an unchanged page is recognized: the server's ETag, and a digest of the body. */
interface Validator {
  readonly etag: string | null
  /** Null in entries of earlier versions. */
  readonly digest: string | null
}

export interface CachedPage {
  readonly validator: Validator
  readonly ids: readonly string[]
  /** Of records that come with another list: the ids of its records. */
  readonly carriers: readonly string[] | null
  readonly recordCount: number | null
  readonly pageCount: number | null
}

interface Key {
  readonly resource: string
  readonly table: string
  /** Digest of the request and of the resource's declaration. */
  readonly question: string
}

/** @returns the entry, with whether the mirror still holds what was loaded. */
export async function readCachedPage(
  sql: Database,
  { resource, table, question }: Key,
  page: number,
): Promise<(CachedPage & { readonly intact: boolean }) | undefined> {
  const [row] = await sql<(CachedPage & { readonly intact: boolean })[]>`
    select json_build_object('etag', etag, 'digest', digest) as validator, to_json(ids) as ids,
      to_json(carriers) as carriers, record_count as "recordCount", page_count as "pageCount",
      (select count(*) from unnest(p.ids) as met) = (
        select count(*) from unnest(p.ids) as met join scopestack.${sql(table)} m on m.id = met
        where m.sync_deleted_at is null and m.sync_changed_at <= p.loaded_at and m.sync_hash <> '') as intact
    from sync.known_pages p
    where resource = ${resource} and page = ${page} and question = ${question}`
  return row
}

/** The validators of each page, whatever has become of its rows. */
export async function readPageValidators(
  sql: Database,
  { resource, question }: Omit<Key, 'table'>,
): Promise<ReadonlyMap<number, Validator>> {
  const rows = await sql<(Validator & { page: number })[]>`
    select page, etag, digest from sync.known_pages where resource = ${resource} and question = ${question}`
  return new Map(rows.map(({ page, ...mark }) => [page, mark]))
}

/** Part of the transaction that loads the pages. */
export async function cachePages(
  tx: LeasedTransaction,
  { resource, question }: Key,
  pages: readonly (CachedPage & { readonly number: number })[],
): Promise<void> {
  await Promise.all(
    pages.map(
      ({ number, validator, ids, carriers, recordCount, pageCount }) => tx`
        insert into sync.known_pages
          (resource, page, question, etag, digest, ids, carriers, record_count, page_count, loaded_at)
        values (${resource}, ${number}, ${question}, ${validator.etag}, ${validator.digest}, ${arrayLiteral(ids)}::text[],
          ${carriers === null ? null : arrayLiteral(carriers)}::text[], ${recordCount}, ${pageCount}, now())
        on conflict (resource, page) do update set
          question = excluded.question, etag = excluded.etag, digest = excluded.digest, ids = excluded.ids,
          carriers = excluded.carriers, record_count = excluded.record_count, page_count = excluded.page_count,
          loaded_at = excluded.loaded_at`,
    ),
  )
}

/** The next pages are parsed and loaded in any case. */
export async function clearPageCache(sql: Database | Transaction, resource: string): Promise<void> {
  await sql`delete from sync.known_pages where resource = ${resource}`
}
