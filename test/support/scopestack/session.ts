/** The tokens of one process, on a database that others may share. */
import { createSeal, type Credentials } from '../../../src/remote/auth/seal.ts'
import { createTokenSource } from '../../../src/remote/auth/token-request.ts'
import { createTokens, type Tokens } from '../../../src/remote/auth/tokens.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { openRefreshStore } from '../../../src/store/fleet/refresh-tokens.ts'
import { openTokenStore } from '../../../src/store/fleet/tokens.ts'
import type { RefreshStore } from '../../../src/token-store.ts'

export interface Session extends AsyncDisposable {
  readonly tokens: Tokens
  readonly refresh: RefreshStore
  readonly sql: Database
  seal(text: string): string
}

export function openSession(credentials: Credentials, databaseUrl: string): Session {
  const sql = openDatabase(databaseUrl, { connections: 2 })
  const http = createHttp({ connections: 2 })
  const seal = createSeal(credentials)
  const refresh = openRefreshStore(sql, seal.keyId)
  const request = createTokenSource({ endpoint: { http, credentials, userAgent: 'test' }, refresh, seal })
  const policy = { attempts: 3, baseMs: 1, capMs: 5 }
  return {
    tokens: createTokens({ store: openTokenStore(sql, seal.keyId), seal, policy, request }),
    refresh,
    sql,
    seal: (text) => seal.seal(text),
    async [Symbol.asyncDispose]() {
      await http.close()
      await sql.end({ timeout: 1 })
    },
  }
}
