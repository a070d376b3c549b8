/** Refresh tokens, sealed. An atomic update of the row decides which process may use one: see `RefreshStore`. */
import type { RefreshStore } from '../../token-store.ts'
import type { Database } from '../connection/database.ts'

/** @param keyId the row: one for each pair of credentials. */
export function openRefreshStore(sql: Database, keyId: string): RefreshStore {
  return {
    async spend() {
      const [row] = await sql<{ sealed: string; version: number; spentBefore: boolean }[]>`
        update sync.refresh_tokens set uses = uses + 1, changed_at = now()
        where key_id = ${keyId} and sealed is not null
        returning sealed, version::float8 as version, uses > 1 as "spentBefore"`
      return row ?? null
    },

    async replace(version, sealed) {
      const { count } = await sql`
        update sync.refresh_tokens set sealed = ${sealed}, uses = 0, version = version + 1, changed_at = now()
        where key_id = ${keyId} and version = ${version}`
      return count === 1
    },

    async drop(version) {
      await sql`
        update sync.refresh_tokens set sealed = null, version = version + 1, changed_at = now()
        where key_id = ${keyId} and version = ${version}`
    },

    async begin(sealed) {
      await sql`
        insert into sync.refresh_tokens as r (key_id, sealed) values (${keyId}, ${sealed})
        on conflict (key_id) do update set
          sealed = excluded.sealed, uses = 0, version = r.version + 1, changed_at = now()`
    },
  }
}
