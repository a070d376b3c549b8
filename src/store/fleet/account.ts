/** One database mirrors one account. */
import { wrongAccount } from '../../errors/credentials.ts'
import type { Database } from '../connection/database.ts'

/**
 * The first run binds the database to the account; later runs must use the same account.
 *
 * @throws SyncError SYNC_WRONG_ACCOUNT when it mirrors another account.
 */
export async function bindAccount(sql: Database, { id, slug }: { id: string; slug: string }): Promise<void> {
  await sql`
    insert into sync.account (account_id, account_slug) values (${id}, ${slug})
    on conflict (single) do update set account_slug = excluded.account_slug where account.account_id = excluded.account_id`
  const bound = await readBoundAccount(sql)
  if (bound !== null && bound.id !== id) {
    throw wrongAccount({ bound: `${bound.id} (${bound.slug})`, found: `${id} (${slug})` })
  }
}

/** Names this database among those that share a Redis; another name after it was copied (`create database … template`). */
export async function installationName(sql: Database): Promise<string> {
  const [row] = await sql<{ name: string }[]>`
    select substr(md5(id || current_database()), 1, 12) as name from sync.installation`
  return row!.name
}

export async function readBoundAccount(sql: Database): Promise<{ id: string; slug: string } | null> {
  const [bound] = await sql<{ id: string; slug: string }[]>`
    select account_id as id, account_slug as slug from sync.account`
  return bound ?? null
}

export async function readInstalledAt(sql: Database): Promise<Date | null> {
  const [row] = await sql<{ at: Date }[]>`select installed_at as at from sync.installation`
  return row?.at ?? null
}
