/** Signing in: the client and token store that "login" and "migrate" need, without a worker and without a run. */
import type { Config } from '../config/config.ts'
import { type Account, fetchAccount } from '../remote/account.ts'
import { redeemCode } from '../remote/auth/token-request.ts'
import { installToken } from '../remote/auth/tokens.ts'
import { createClient } from '../remote/client.ts'
import { createRateLimit } from '../remote/http/rate-limit.ts'
import { RETRY } from '../remote/http/retry.ts'
import { bindAccount } from '../store/fleet/account.ts'
import { migrate } from '../store/schema/migrate.ts'
import { openRemote } from './remote.ts'
import type { Store } from './store.ts'

export interface SignIn {
  /** Removes our secrets from a text that came from outside. */
  readonly redact: (text: string) => string
  /**
   * Stores the session that a code from the browser opens, and its first token.
   *
   * @throws SyncError before anything is stored when the code, the user or the account is wrong.
   */
  redeem(given: Parameters<typeof redeemCode>[1], signal: AbortSignal): Promise<Account>
  close(): Promise<void>
}

export async function openSignIn(config: Config, store: Store): Promise<SignIn> {
  await migrate(store.url)
  const { http, endpoint, redactor, seal, shared, close } = await openRemote(config, store.sql)
  return {
    redact: redactor.text,
    async redeem(given, signal) {
      const issued = await redeemCode(endpoint, given, signal)
      const token = { accessToken: issued.accessToken, generation: 0, issuedAt: 0, expiresAt: Infinity }
      const client = createClient({
        http,
        tokens: { get: async () => token, reject: async () => {} },
        concurrency: 1,
        rateLimit: createRateLimit({ rate: 0 }),
        policy: RETRY,
        apiUrl: config.apiUrl,
        userAgent: endpoint.userAgent,
      })
      const account = await fetchAccount(client, signal)
      await bindAccount(store.sql, account)
      await shared.refresh.begin(seal.seal(issued.refreshToken))
      await installToken({ store: shared.tokens, seal }, issued, signal)
      return account
    },
    close,
  }
}
