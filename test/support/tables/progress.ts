/**
 * What tests know of the tables of reading: sync.cursors (checkpoints), seen_pages, sync.known_pages (the page cache),
 * shared_lists, chains and readers (lists that several processes read), changed_parents (changed projects), parked, drift and local_ids.
 */
import type { PageChain } from '../../../src/remote/pages/page-chains.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { readerOf, type Sql } from './table-reader.ts'

export interface Checkpoint {
  readonly resource: string
  readonly snapshotStartedAt: Date | null
  readonly pass: number | null
  readonly chains: PageChain[] | null
  /** When the last complete list was read. */
  readonly asOf: Date | null
  /** By the clock of the server. */
  readonly asOfThisHour: boolean | null
  readonly watermark: Date | null
  /** Up to this entry of the changed projects, children have been read. */
  readonly followed: number | null
  /** What an interrupted read resumes with, in the table's words, to compare it with itself. */
  readonly resumesWith: Readonly<Record<string, unknown>>
  /** Every column, for the same. */
  readonly whole: Readonly<Record<string, unknown>>
}

export const readCheckpoints = readerOf<Checkpoint>(
  'sync.cursors',
  {
    resource: 'resource',
    snapshotStartedAt: 'snapshot_started_at',
    pass: 'pass',
    chains: 'chains',
    asOf: 'as_of',
    asOfThisHour: "as_of > now() - interval '1 hour'",
    watermark: 'watermark',
    followed: 'followed::float8',
    resumesWith: "to_jsonb(cursors) - '{resource,page_size,rows,swept_to,changes_as_of,watermark,followed}'::text[]",
    whole: 'to_jsonb(cursors)',
  },
  'resource',
)

/** As if nothing had ever been read, or of this resource. */
export const forgetCheckpoints = (sql: Sql, resource?: string): Promise<unknown> => sql`
  delete from sync.cursors where ${resource ?? null}::text is null or resource = ${resource ?? null}`

/** As if its list had been read completely. */
export const insertCompleteRead = (sql: Sql, resource: string): Promise<unknown> => sql`
  insert into sync.cursors (resource, as_of) values (${resource}, now())`

/** As if its list had been read so much earlier. */
export const readEarlier = (sql: Sql, resource: string, by: string): Promise<unknown> => sql`
  update sync.cursors set as_of = as_of - ${by}::interval, changes_as_of = changes_as_of - ${by}::interval
  where resource = ${resource}`

/** As if every table had been as ScopeStack was so much earlier. */
export const agePulls = (sql: Sql, by: string): Promise<unknown> =>
  sql`update sync.cursors set as_of = as_of - ${by}::interval, changes_as_of = changes_as_of - ${by}::interval`

/** As if an incremental read had brought every change until now. */
export const insertIncrementalRead = (sql: Sql, resource: string): Promise<unknown> => sql`
  update sync.cursors set changes_as_of = now() where resource = ${resource}`

/** A resource that was never read completely. */
export const insertCheckpoint = (sql: Sql, resource: string): Promise<unknown> => sql`
  insert into sync.cursors (resource) values (${resource})`

/** As if the snapshots under way had begun so long ago. */
export const beginSnapshotsAgo = (sql: Sql, age: string): Promise<unknown> => sql`
  update sync.cursors set snapshot_started_at = now() - ${age}::interval where snapshot_started_at is not null`

/** From now on, each step of a snapshot is kept in public.kept, too, to be restored. */
export const keepSnapshots = (sql: Database): Promise<unknown> =>
  sql.unsafe(`
    create table public.kept as select * from sync.cursors where false;
    create function public.keep() returns trigger language plpgsql as $$ begin
      insert into public.kept select new.*;
      return null;
    end $$;
    create trigger keep after update on sync.cursors for each row when (new.snapshot_started_at is not null)
      execute function public.keep()`)

/** As if the process had been killed behind the step kept first, of a snapshot that began so long ago. @returns checkpoints changed. */
export async function restoreSnapshot(sql: Sql, age: string): Promise<number> {
  const { count } = await sql`
    update sync.cursors set (snapshot_started_at, request, pass, chains, position) = (
      select now() - ${age}::interval, request, pass, chains, position from public.kept limit 1)`
  return count
}

/** As if a snapshot of it had begun now. */
export const beginSnapshot = (sql: Sql, resource: string): Promise<unknown> => sql`
  update sync.cursors set snapshot_started_at = now() where resource = ${resource}`

/** As if all that changed until so much later had been read. */
export const setWatermarkAhead = (sql: Sql, resource: string, by: string): Promise<unknown> => sql`
  update sync.cursors set watermark = now() + ${by}::interval where resource = ${resource}`

/** The ids of a page of the snapshot under way. */
export interface SeenPage {
  readonly resource: string
  readonly page: number
  readonly ids: readonly string[]
  readonly whole: Readonly<Record<string, unknown>>
}

export const readSeenPages = readerOf<SeenPage>(
  'sync.seen_pages',
  { resource: 'resource', page: 'page', ids: 'to_json(ids)', whole: 'to_jsonb(seen_pages)' },
  'resource, pass, page',
)

export const insertSeenPage = (sql: Sql, resource: string, id: string): Promise<unknown> => sql`
  insert into sync.seen_pages (resource, pass, page, ids) values (${resource}, 1, 1, array[${id}::text])`

export interface CachedPage {
  readonly resource: string
  readonly page: number
  readonly etag: string | null
  readonly ids: readonly string[]
  /** As text, whose microseconds a Date would lose. */
  readonly loadedAt: string
}

export const readPageCache = readerOf<CachedPage>(
  'sync.known_pages',
  { resource: 'resource', page: 'page', etag: 'etag', ids: 'to_json(ids)', loadedAt: 'loaded_at::text' },
  'resource, loaded_at, page',
)

/** As if no page had been read before, or of this resource. */
export const emptyPageCache = (sql: Sql, resource?: string): Promise<unknown> => sql`
  delete from sync.known_pages where ${resource ?? null}::text is null or resource = ${resource ?? null}`

/** Projects whose children are to be read again. */
export const readChangedProjects = readerOf<{ readonly recordId: string }>(
  'sync.changed_parents',
  { recordId: 'record_id' },
  'id',
)

export const fillChangedProjects = (sql: Sql, count: number): Promise<unknown> => sql`
  insert into sync.changed_parents (resource, record_id)
  select 'projects', n::text from generate_series(1, ${count}::int) n`

export interface ParkedRecord {
  readonly resource: string
  readonly recordId: string | null
  readonly reason: string
  readonly body: string
  readonly isOpen: boolean
}

export const readParked = readerOf<ParkedRecord>(
  'sync.parked',
  { resource: 'resource', recordId: 'record_id', reason: 'reason', body: 'body', isOpen: 'settled_at is null' },
  'record_id, reason',
)

export const insertParked = (sql: Sql, record: Partial<ParkedRecord>): Promise<unknown> => {
  const { resource = 'tags', recordId = '1', reason = 'why', body = '{}' } = record
  return sql`
    insert into sync.parked (resource, digest, record_id, reason, body) values (${resource}, 'x', ${recordId}, ${reason}, ${body})`
}

export const deleteParked = (sql: Sql): Promise<unknown> => sql`delete from sync.parked`

export interface Drift {
  readonly resource: string
  readonly member: string
  readonly kind: string
  readonly sample: string
}

export const readDrift = readerOf<Drift>(
  'sync.drift',
  { resource: 'resource', member: 'member', kind: 'kind', sample: 'sample' },
  'resource, member, kind',
)

export const insertDrift = (sql: Sql, { resource, member, kind, sample }: Drift): Promise<unknown> => sql`
  insert into sync.drift (resource, member, kind, sample) values (${resource}, ${member}, ${kind}, ${sample})`

export const deleteDrift = (sql: Sql): Promise<unknown> => sql`delete from sync.drift`

export const insertLocalId = (sql: Sql, resource: string, localId: string, realId: string): Promise<unknown> => sql`
  insert into sync.local_ids (resource, local_id, real_id) values (${resource}, ${localId}, ${realId})`

export const fillLocalIds = (sql: Sql, count: number): Promise<unknown> => sql`
  insert into sync.local_ids (resource, local_id, real_id)
  select 'clients', 'local-' || n, n::text from generate_series(1, ${count}::int) n`

export const emptyLocalIds = (sql: Sql): Promise<unknown> => sql`truncate sync.local_ids`

/** As if all local ids had been given so long ago. */
export const makeLocalIdsAgo = (sql: Sql, age: string): Promise<unknown> => sql`
  update sync.local_ids set made_at = now() - ${age}::interval`

export interface ListReader {
  readonly holder: string
  readonly pages: number
  /** Its chains are its own. */
  readonly isLiving: boolean
  /** Attributes that all its records carried. */
  readonly attributes: readonly string[] | null
}

export const readReaders = readerOf<ListReader>(
  'sync.readers',
  { holder: 'holder', pages: 'pages', isLiving: 'ended_at is null', attributes: "members->'seen'->'attributes'" },
  'id',
)

/** The time of each reader of a shared list is over. */
export const expireReaders = (sql: Sql): Promise<unknown> => sql`
  update sync.readers set expires_at = now() - interval '1 second'`

/** As if nothing of it had ever been read. */
export const forgetAllReads = (sql: Sql): Promise<unknown> => sql`
  truncate sync.cursors, sync.seen_pages, sync.known_pages, sync.capabilities, sync.shared_lists, sync.chains, sync.readers`
