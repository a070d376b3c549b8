/**
 * BullMQ's functions keep out of each other's way by advisory locks, which any role that may connect can hold, and then no
 * job is added or ended any more. Their search_path decides whose `pg_advisory_xact_lock` they call: ours, found before
 * that of Postgres, locks a row of a table that only we can write. Those that only try (pg_try_…) skip an event that no code
 * here waits for, and stay.
 */
import { undefinedWhen } from '../errors/sync-error.ts'
import { codeOf, type Database, type Transaction } from '../store/connection/database.ts'
import type { LockWaiting, RunStatements } from '../store/schema/ddl.ts'
import { changeUnderLock } from '../store/schema/migrate.ts'

/**
 * Owned by the role that migrated, so that a worker's role needs no right to the table. A row for each key that was ever locked,
 * one a run: in a year of runs every five minutes 8 MB.
 */
const OURS = `
  create table if not exists bullmq.scopestack_sync_locks (key bigint primary key);
  create or replace function bullmq.scopestack_sync_lock(wanted bigint, shared boolean) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    loop
      if shared then perform from bullmq.scopestack_sync_locks where key = wanted for share;
      else perform from bullmq.scopestack_sync_locks where key = wanted for update;
      end if;
      exit when found;
      insert into bullmq.scopestack_sync_locks values (wanted) on conflict do nothing;
    end loop;
  end $$;
  create or replace function bullmq.pg_advisory_xact_lock(key bigint) returns void
    language sql as 'select bullmq.scopestack_sync_lock(key, false)';
  create or replace function bullmq.pg_advisory_xact_lock(key1 int, key2 int) returns void
    language sql as 'select bullmq.scopestack_sync_lock((key1::bigint << 32) | (key2::bigint & 4294967295), false)';
  create or replace function bullmq.pg_advisory_xact_lock_shared(key1 int, key2 int) returns void
    language sql as 'select bullmq.scopestack_sync_lock((key1::bigint << 32) | (key2::bigint & 4294967295), true)'`

/** BullMQ makes them with this; one that it makes anew has it again. */
const THEIRS = `
  select p.oid::regprocedure::text as function from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'bullmq' and 'search_path=bullmq' = any(p.proconfig) and p.prosrc ~ '[^_]pg_advisory_xact_lock'`

/** Behind BullMQ's migrations. Where the role may not, the next migration by another role does it. */
export async function replaceAdvisoryLocks(sql: Database, waiting: LockWaiting): Promise<void> {
  if ((await sql.unsafe(THEIRS)).length === 0) return
  const replace = async (tx: Transaction, run: RunStatements): Promise<void> => {
    const found = await tx.unsafe<{ function: string }[]>(THEIRS)
    const moves = found.map((one) => `alter function ${one.function} set search_path = bullmq, pg_catalog`)
    await run([OURS, ...moves].join(';\n'))
  }
  await changeUnderLock(sql, replace, waiting).catch(undefinedWhen((error) => codeOf(error) === '42501'))
}
